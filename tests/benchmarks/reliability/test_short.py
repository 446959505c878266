"""The short form of the parts of ``python -m benchmarks.reliability``: a few cases of each."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from benchmarks.reliability import caches, checkpoints, files, kills, memory, smiles
from benchmarks.reliability.material import KINDS
from benchmarks.reliability.mutate import flipped
from benchmarks.reliability.outcome import Outcome

pytestmark = pytest.mark.slow

CASES: dict[str, Callable[[Path, int], Outcome]] = {
    "molecules, killed at random instants": partial(kills.instants, KINDS["molecules"], count=3),
    **{f"{name}, killed at writes": partial(kills.writes, KINDS[name], share=0.2) for name in ("bags", "steps")},
    **{f"flipped bits, {name}": partial(checkpoints.read, name, count=40) for name in ("molecules", "nodes", "forest")},
    **{f"mutated {name}": partial(files.mutations, files.CASES[name], count=4) for name in ("SMI file", "GraphML")},
    "mutated SMILES": partial(smiles.answered, count=400, timeout=300.0),
    "memory over epochs": partial(memory.over_epochs, "bags", epochs=20),
    "memory over rows": partial(memory.over_rows, rows=20_000),
    "two processes fill one cache": partial(caches.together, count=3),
    "cached files with a flipped bit": partial(caches.damaged, count=5, change=flipped),
}


@pytest.mark.parametrize("name", CASES)
def test_no_fault(name: str, tmp_path: Path) -> None:
    outcome = CASES[name](tmp_path, 0)
    assert outcome.faults == []
    assert outcome.held == outcome.tried > 0
