"""Memory over long training and long tables: it must reach a level and stay there."""

from __future__ import annotations

import csv
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.reliability.judge import fault_of
from benchmarks.reliability.material import KINDS, write_material
from benchmarks.reliability.outcome import Outcome, Piece
from benchmarks.reliability.processes import Done, run

EPOCHS, ROWS = 200, 1_000_000
EVERY = 0.05
PER_EPOCHS, PER_ROWS = 24, 96
"""MiB by which memory may grow between the second and the last fifth of an attempt."""
KIND_NAMES = ("molecules", "nodes", "bags", "pretraining")


@dataclass
class Memory:
    """Resident memory of a process and its children over time, in MiB, without what they share with the server."""

    values: list[float] = field(default_factory=list)

    def growth(self) -> float:
        """Return by how much the median of the last fifth is above that of the second."""
        if len(self.values) < 10:
            return 0.0
        fifth = len(self.values) // 5
        second, last = sorted(self.values[fifth : 2 * fifth]), sorted(self.values[-fifth:])
        return last[fifth // 2] - second[fifth // 2]


def parts(scale: float) -> Iterable[Piece]:
    """Return the pieces: many epochs of each kind, and a long table."""
    for name in KIND_NAMES:
        epochs = max(20, round(scale * EPOCHS))
        yield Piece(f"{name}, {epochs} epochs", 0, partial(over_epochs, name, epochs=epochs))
    rows = max(20_000, round(scale * ROWS))
    yield Piece(f"a table of {rows:,} rows", 0, partial(over_rows, rows=rows))


def over_epochs(name: str, folder: Path, seed: int, epochs: int) -> Outcome:
    """Train for many epochs."""
    outcome, place = Outcome(), folder / "work"
    write_material(place)
    words = KINDS[name].start()
    words[words.index("--epochs") + 1] = str(epochs)
    words += [] if name == "pretraining" else ["--no-report"]  # which would import what draws, at the end
    done, memory = traced([*words, *(["--no-baseline"] if name == "molecules" else [])], place, 3600.0)
    size = (place / "run" / "last.ckpt").stat().st_size if done.code == 0 else 0
    outcome.note("peak KiB of last.ckpt", round(size / 1024))
    return _judge(outcome, done, memory, PER_EPOCHS)


def over_rows(folder: Path, seed: int, rows: int) -> Outcome:
    """Predict for a long table."""
    outcome, place = Outcome(), folder / "work"
    write_material(place)
    done = run([*KINDS["molecules"].start(), "--no-baseline"], place)
    if done.code:
        raise RuntimeError(f"training ended with {done.code}: {done.err}")
    with (place / "molecules.csv").open(newline="") as file:
        smiles = [row["smiles"] for row in csv.DictReader(file)]
    with (place / "long.csv").open("w") as file:
        file.write("row,smiles\n")
        file.writelines(f"{i},{smiles[i % len(smiles)]}\n" for i in range(rows))
    done, memory = traced(["predict", "run", "long.csv", "--out", "scores.csv"], place, 7200.0)
    if done.code == 0:
        with (place / "scores.csv").open() as file:
            answered = sum(1 for _ in file) - 1
        outcome.note("rows answered", answered)
        if answered != rows:
            outcome.faults.append(f"{answered} rows of {rows}")
    outcome.note("rows per second", round(rows / done.seconds))
    return _judge(outcome, done, memory, PER_ROWS)


def _judge(outcome: Outcome, done: Done, memory: Memory, limit: float) -> Outcome:
    fault, growth = fault_of(done), memory.growth()
    outcome.note("peak growth in MiB", round(growth, 1))
    outcome.note("peak MiB", round(max(memory.values, default=0.0)))
    if fault is None and done.code:
        fault = f"exit {done.code}: {done.last}"
    if fault is None and growth > limit:
        fault = f"memory grows by {growth:.0f} MiB"
    outcome.count(fault)
    return outcome


def traced(words: list[str], folder: Path, timeout: float) -> tuple[Done, Memory]:
    """Run a command while its memory is measured."""
    memory, ended = Memory(), threading.Event()
    marker = folder / "pid"

    def measure() -> None:
        while not ended.is_set():
            if marker.exists() and (text := marker.read_text()):
                value = _private(int(text))
                if value:
                    memory.values.append(value)
            time.sleep(EVERY if len(memory.values) < 2000 else 20 * EVERY)

    thread = threading.Thread(target=measure)
    thread.start()
    try:
        done = run(words, folder, timeout=timeout)
    finally:
        ended.set()
        thread.join()
    return done, memory


def _private(pid: int) -> float:
    """Return the memory of a process and its children that no other process shares, in MiB."""
    total, pids = 0, [pid]
    for each in pids:
        try:
            pids += map(int, Path(f"/proc/{each}/task/{each}/children").read_text().split())
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
        except (OSError, ValueError):  # it has ended
            continue
    return total / 1024
