"""One cache for the whole session, so that no test reads or writes the user's own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="session")
def session_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """``XGRAPH_ROOT`` of every test that does not set its own."""
    root = tmp_path_factory.mktemp("root")
    before = os.environ.get("XGRAPH_ROOT")
    os.environ["XGRAPH_ROOT"] = str(root)
    yield root
    if before is None:
        del os.environ["XGRAPH_ROOT"]
    else:
        os.environ["XGRAPH_ROOT"] = before
