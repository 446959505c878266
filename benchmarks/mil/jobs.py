"""The cells of `benchmarks.mil` as jobs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks._jobs import Job
from benchmarks.mil.grid import TUNED, grid, place


def jobs(out: Path, datasets: list[str], arms: list[str], folds: int) -> Iterator[Job]:
    """Yield the cells of some data sets and arms; of the tested sets only the first folds."""
    for one in grid(out, arms):
        if one["data"] in datasets and (one["data"] in TUNED or one["fold"] < folds):
            yield Job(place(out, one), one, lambda one=one: _run(one), lambda result: f"{result['cpu_seconds']:.1f} s")


def _run(one: dict[str, Any]) -> dict[str, Any]:
    from benchmarks.mil.train import run  # imports torch

    return run(one)
