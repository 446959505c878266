"""Runs killed at random instants and at every write, then resumed, compared with one that was left alone."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from benchmarks.reliability.material import KINDS, Kind, write_material
from benchmarks.reliability.outcome import Outcome, Piece, pieces
from benchmarks.reliability.processes import Done, run, run_command
from benchmarks.reliability.state import differences

INSTANTS = 40
"""Kills of each kind at random instants."""
PART = 10


def parts(scale: float) -> Iterable[Piece]:
    """Return the pieces: for each kind, kills at random instants and at each write."""
    for kind in KINDS.values():
        number = max(1, round(scale * INSTANTS))
        yield from pieces(f"{kind.name}, killed at a random instant", number, PART, partial(instants, kind))
        yield Piece(f"{kind.name}, killed at a write", 0, partial(writes, kind, share=min(scale, 1.0)))


def instants(kind: Kind, folder: Path, seed: int, count: int, real: bool = False) -> Outcome:
    """Kill a run at random instants, one start of three twice."""
    start = run_command if real else run
    draw, outcome = random.Random(f"{kind.name} {seed}"), Outcome()
    reference = _reference(kind, folder, start)
    whole = start(kind.start(), _fresh(folder)).seconds
    while outcome.tried < count:
        place = _fresh(folder)
        moment = draw.uniform(0, whole)
        first = start(kind.start(), place, kill_after=moment)
        if first.code == 0:  # it ended before
            whole = min(whole, first.seconds)
            continue
        if not first.killed:
            outcome.count(f"exit {first.code} before it was killed: {first.last}")
            continue
        when = f"killed after {moment:.2f} of {whole:.2f} s"
        if draw.random() < 1 / 3:
            again = draw.uniform(0, whole)
            _go_on(kind, place, partial(start, kill_after=again))
            when += f", and again after {again:.2f} s"
        _judge(kind, outcome, reference, place, when, real)
    return outcome


def writes(kind: Kind, folder: Path, seed: int, share: float) -> Outcome:
    """Kill a run at each of its writes, or at a share of them."""
    outcome, reference = Outcome(), _reference(kind, folder, run)
    changes = run(kind.start(), _fresh(folder)).changes
    step = max(1, round(1 / share))
    for number in range(1 + seed % step, len(changes) + 1, step):
        place = _fresh(folder)
        done = run(kind.start(), place, die_at=number, seed=number)
        if not done.killed:
            outcome.count(f"not killed at write {number}: exit {done.code}: {done.last}")
            continue
        _judge(kind, outcome, reference, place, f"killed at write {number} ({changes[number - 1]})")
    return outcome


def _judge(kind: Kind, outcome: Outcome, reference: Path, place: Path, when: str, real: bool = False) -> None:
    done = _go_on(kind, place, run_command if real else run)
    if done.code != 0:
        outcome.count(f"{when}: exit {done.code}: {done.last}")
        return
    total, rows, texts = differences(reference, place / "run")
    outcome.note("bytes of state that differ", total)
    outcome.note("rows of history lost", rows)
    outcome.count(f"{when}: {'; '.join(texts[:3])}" if texts else None)


def _go_on(kind: Kind, place: Path, start: partial[Done]) -> Done:
    """Resume; where there was nothing to resume yet, start again, as its message says."""
    done = start(kind.resume(), place)
    if done.code not in (0, -9) and not (place / "run" / "config.toml").exists():
        return start(kind.start(), place)
    return done


def _reference(kind: Kind, folder: Path, start: Callable[..., Done]) -> Path:
    """Let a run end, in the folder of all others since paths are part of its settings, and move it aside."""
    place = _fresh(folder)
    done = start(kind.start(), place)
    if done.code:
        raise RuntimeError(f"{kind.name}: the run that was left alone ended with {done.code}: {done.err}")
    return (place / "run").rename(folder / "reference")


def _fresh(folder: Path) -> Path:
    place = folder / "work"
    shutil.rmtree(place, ignore_errors=True)
    write_material(place)
    return place
