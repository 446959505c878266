"""Mutated tables, configurations, recipes, graphs and bags, given to the commands that read them."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.reliability.formats import write_formats
from benchmarks.reliability.judge import fault_of
from benchmarks.reliability.material import KINDS, NARROW, write_material
from benchmarks.reliability.mutate import bytes_mutated, text_mutated
from benchmarks.reliability.outcome import Outcome, Piece, pieces
from benchmarks.reliability.processes import run

NUMBER, PART = 120, 40
TIMEOUT = 120.0
FAST = ["--epochs", "1", "--pretrain-epochs", "0", "--threads", "1", "--no-baseline"]
GRAPH = ["--num-neighbors", "3", *FAST, *NARROW]


@dataclass(frozen=True)
class Case:
    """A file and the command that reads it."""

    file: str
    words: list[str]
    needs: str | None = None
    """Kind of the run that is trained first, as ``run``."""


MOLECULES = ["--split", "random", *FAST, *NARROW]
CASES = {
    "table to train on": Case("molecules.csv", ["train", "molecules.csv", "--out", "new", *MOLECULES]),
    "table to predict": Case("molecules.csv", ["predict", "run", "molecules.csv", "--out", "scores.csv"], "molecules"),
    "labelled table": Case("molecules.csv", ["evaluate", "run", "--data", "molecules.csv"], "molecules"),
    "SMI file": Case("molecules.smi", ["predict", "run", "molecules.smi", "--out", "scores.csv"], "molecules"),
    "SDF file": Case("molecules.sdf", ["predict", "run", "molecules.sdf", "--out", "scores.csv"], "molecules"),
    "Parquet file": Case(
        "molecules.parquet", ["predict", "run", "molecules.parquet", "--out", "scores.csv"], "molecules"
    ),
    "Excel workbook": Case("molecules.xlsx", ["predict", "run", "molecules.xlsx", "--out", "scores.csv"], "molecules"),
    "gzip file": Case("molecules.csv.gz", ["predict", "run", "molecules.csv.gz", "--out", "scores.csv"], "molecules"),
    "file of splits": Case(
        "parts.csv", ["train", "molecules.csv", "--split-file", "parts.csv", "--out", "new", *FAST, *NARROW]
    ),
    "configuration": Case("config.toml", ["train", "molecules.csv", "--config", "config.toml", "--out", "new", *FAST]),
    "configuration to resume with": Case("run/config.toml", ["train", "--resume", "--out", "run"], "molecules"),
    "recipe": Case("recipe.toml", ["reproduce", "recipe.toml", "--out", "new"]),
    "metrics of a run": Case("run/metrics.json", ["runs", "."], "molecules"),
    "table of nodes": Case("graph/nodes.csv", ["train", "graph", "--out", "new", *GRAPH]),
    "table of edges": Case("graph/edges.csv", ["train", "graph", "--out", "new", *GRAPH]),
    "GraphML": Case("town.graphml", ["train", "town.graphml", "--target-columns", "label", "--out", "new", *GRAPH]),
    "graph as npz": Case("town.npz", ["train", "town.npz", "--out", "new", *GRAPH]),
    "graph of PyG": Case("town.pt", ["train", "town.pt", "--out", "new", *GRAPH]),
    "table of bags": Case("bags.csv", ["train", "bags.csv", "--bag-column", "bag", "--out", "new", *FAST]),
    "labels of bags": Case("slides/labels.csv", ["train", "slides", "--out", "new", *FAST]),
    "bag as HDF5": Case("slides/h5_files/s01.h5", ["train", "slides", "--out", "new", *FAST]),
    "bag as npy": Case("arrays/s01.npy", ["train", "arrays", "--out", "new", *FAST]),
    "bag as npz": Case("arrays/s02.npz", ["train", "arrays", "--out", "new", *FAST]),
    "bag as tensors": Case("arrays/s03.pt", ["train", "arrays", "--out", "new", *FAST]),
}


def parts(scale: float) -> Iterable[Piece]:
    """Return the pieces."""
    for name, case in CASES.items():
        yield from pieces(f"mutated {name}", max(1, round(scale * NUMBER)), PART, partial(mutations, case))


def mutations(case: Case, folder: Path, seed: int, count: int) -> Outcome:
    """Mutate the file, run the command, and judge its end; the faults name the seed of the mutation."""
    outcome, model = Outcome(), prepared(case, folder / "model")
    content = (model / case.file).read_bytes()
    for number in range(count):
        place = folder / "work"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(model, place)
        draw = random.Random(f"{case.file} {seed} {number}")
        (place / case.file).write_bytes(mutated(case.file, content, draw))
        done = run(case.words, place, timeout=TIMEOUT)
        fault = fault_of(done)
        outcome.count(None if fault is None else f"seed {seed}, case {number}: {fault}")
        outcome.note("refused", int(done.code != 0))
        outcome.note("peak seconds", round(done.seconds, 1))
    return outcome


def prepared(case: Case, folder: Path) -> Path:
    """Write all files, train the run that is needed, and check that the case works as it stands."""
    write_material(folder)
    write_formats(folder)
    if case.needs:
        words = [*KINDS[case.needs].start(), "--no-baseline"]
        done = run(words, folder)
        if done.code:
            raise RuntimeError(f"training ended with {done.code}: {done.err}")
    return folder


def mutated(name: str, content: bytes, draw: random.Random) -> bytes:
    """Mutate text as text, and other content as bytes."""
    text: Callable[[], bytes] = lambda: text_mutated(content.decode(), draw)  # noqa: E731
    return (
        text()
        if name.endswith((".csv", ".toml", ".json", ".smi", ".sdf", ".graphml"))
        else bytes_mutated(content, draw)
    )
