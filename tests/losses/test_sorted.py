"""The laws of all losses, for sums over sorted prefixes instead of pairs; see `conftest.py`."""

import pytest

from tests.losses.test_autograd import *  # noqa: F403
from tests.losses.test_base import *  # noqa: F403
from tests.losses.test_contract import *  # noqa: F403
from tests.losses.test_precision import *  # noqa: F403
from tests.losses.test_weights import *  # noqa: F403
from xgraph.losses.pairs import choice


@pytest.fixture(autouse=True)
def sorted_pairs(monkeypatch):
    monkeypatch.setattr(choice, "FORCED", "sorted")
