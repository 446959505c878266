"""Runs killed as in `kills`, but with the real command, ``python -m xgraph``, in a process of its own."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from benchmarks.reliability.kills import instants
from benchmarks.reliability.material import KINDS
from benchmarks.reliability.outcome import Piece, pieces

NUMBER = 6


def parts(scale: float) -> Iterable[Piece]:
    """Return the pieces."""
    for name in ("molecules", "folds"):
        number = max(1, round(scale * NUMBER))
        yield from pieces(f"{name}, the command killed", number, 2, partial(instants, KINDS[name], real=True))
