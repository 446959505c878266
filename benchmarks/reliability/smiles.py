"""Mutated SMILES through `xgraph predict`: every row is answered, and memory does not grow with them."""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from benchmarks.reliability.judge import fault_of
from benchmarks.reliability.material import KINDS, write_material
from benchmarks.reliability.memory import traced
from benchmarks.reliability.mutate import smiles_mutated
from benchmarks.reliability.outcome import Outcome, Piece, pieces
from benchmarks.reliability.processes import run

NUMBER, PART = 100_000, 25_000
GROWTH = 64
"""MiB by which memory may grow from the first third of the rows to the last."""


def parts(scale: float) -> Iterable[Piece]:
    """Return the pieces."""
    yield from pieces("mutated SMILES", max(100, round(scale * NUMBER)), PART, partial(answered, timeout=3600.0))


def answered(folder: Path, seed: int, count: int, timeout: float) -> Outcome:
    """Predict mutated SMILES; each must have either a finite score or an error, in its row."""
    outcome, place = Outcome(), folder / "work"
    write_material(place)
    done = run([*KINDS["molecules"].start(), "--no-baseline"], place)
    if done.code:
        raise RuntimeError(f"training ended with {done.code}: {done.err}")
    inputs = mutated(count, seed)
    with (place / "new.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "smiles"])
        writer.writerows(enumerate(inputs))
    words = ["predict", "run", "new.csv", "--smiles-column", "smiles", "--out", "scores.csv"]
    done, memory = traced(words, place, timeout)
    fault = fault_of(done)
    if fault or done.code:
        outcome.tried += count
        outcome.faults.append(f"seed {seed}: {fault or done.last}")
        return outcome
    with (place / "scores.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for number, smiles in enumerate(inputs):
        outcome.count(fault_of_row(rows[number] if number < len(rows) else None, number, smiles))
    if len(rows) != len(inputs):
        outcome.faults.append(f"seed {seed}: {len(rows)} rows for {len(inputs)}")
    outcome.note("without a score, with an error", sum(bool(row["error"]) for row in rows))
    growth = memory.growth()
    outcome.note("peak growth in MiB", round(growth))
    if growth > GROWTH:
        outcome.faults.append(f"seed {seed}: memory grows by {growth:.0f} MiB")
    return outcome


def mutated(count: int, seed: int) -> list[str]:
    """Return mutations of the NCI molecules that RDKit carries."""
    from rdkit import RDConfig

    lines = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines()
    draw, known = random.Random(seed), [line.split()[0] for line in lines if line.strip()]
    return [smiles_mutated(draw.choice(known), draw) for _ in range(count)]


def fault_of_row(row: dict[str, str] | None, number: int, smiles: str) -> str | None:
    """Return what is wrong with the answer to a molecule, if anything is."""
    if row is None or row["row"] != str(number) or row["smiles"] != smiles:
        return f"row {number} ({smiles[:60]!r}) is not there or is another"
    try:
        finite = math.isfinite(float(row["amine_score"]))
    except ValueError:
        finite = False
    if finite == bool(row["error"]):
        return f"row {number} ({smiles[:60]!r}): score {row['amine_score']!r}, error {row['error']!r}"
    return None
