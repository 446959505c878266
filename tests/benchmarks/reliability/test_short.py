"""The short form of the parts of ``python -m benchmarks.reliability``: a few cases of each."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from benchmarks.reliability import caches, smiles
from benchmarks.reliability.mutate import flipped
from benchmarks.reliability.outcome import Outcome

pytestmark = pytest.mark.slow

CASES: dict[str, Callable[[Path, int], Outcome]] = {
    "mutated SMILES": partial(smiles.answered, count=400, timeout=300.0),
    "two processes fill one cache": partial(caches.together, count=3),
    "cached files with a flipped bit": partial(caches.damaged, count=5, change=flipped),
}


@pytest.mark.parametrize("name", CASES)
def test_no_fault(name: str, tmp_path: Path) -> None:
    outcome = CASES[name](tmp_path, 0)
    assert outcome.faults == []
    assert outcome.held == outcome.tried > 0
