"""Small data of each kind, and the commands that train on them."""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass
from pathlib import Path

SMALL = ["--epochs", "4", "--pretrain-epochs", "1", "--batch-size", "16", "--threads", "1", "--device", "cpu"]
NARROW = ["--hidden-channels", "8", "--num-layers", "2"]


@dataclass(frozen=True)
class Kind:
    """A kind of run."""

    name: str
    words: tuple[str, ...]
    """The command without ``--out``."""

    def start(self) -> list[str]:
        """The words that start it."""
        return [*self.words, "--out", "run"]

    def resume(self) -> list[str]:
        """The words that resume it, which give nothing but the directory."""
        return [self.words[0], "--resume", "--out", "run"]


def _kind(name: str, *words: str) -> Kind:
    return Kind(name, words)


KINDS = {
    kind.name: kind
    for kind in (
        _kind("molecules", "train", "molecules.csv", "--split", "random", "--loss", "soap", *SMALL, *NARROW),
        _kind(
            "nodes",
            "train",
            "graph",
            "--model",
            "sage-fm",
            "--loss",
            "soap",
            "--gamma",
            "0.9",
            "--num-neighbors",
            "3",
            *SMALL,
            *NARROW,
        ),
        _kind(
            *("steps", "train", "molecules.csv", "--split", "random", "--loss", "soap", "--checkpoint-every", "2"),
            *("--no-baseline", *SMALL, *NARROW),
        ),
        _kind("bags", "train", "bags.csv", "--bag-column", "bag", "--loss", "auc-margin", "--instances", "3", *SMALL),
        _kind(
            "folds",
            "train",
            "molecules.csv",
            "--split",
            "random",
            "--folds",
            "3",
            "--loss",
            "bce",
            "--no-baseline",
            *SMALL,
            *NARROW,
        ),
        _kind(
            "pretraining", "pretrain", "molecules.csv", "--epochs", "4", "--batch-size", "16", "--threads", "1", *NARROW
        ),
        _kind(
            "forest",
            "train",
            "molecules.csv",
            "--split",
            "random",
            "--model",
            "forest",
            "--trees",
            "5",
            "--features",
            "maccs",
            "--threads",
            "1",
        ),
    )
}


def write_material(folder: Path, rows: int = 60, seed: int = 0) -> None:
    """Write a table of molecules, a graph and a table of bags."""
    draw = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / "molecules.csv", ["smiles", "amine"], molecules(rows, draw))
    nodes = [[f"n{i}", i % 3 == 0, *(round(draw.gauss(i % 3 == 0, 1), 3) for _ in range(4))] for i in range(rows)]
    (folder / "graph").mkdir(exist_ok=True)
    write_rows(
        folder / "graph" / "nodes.csv", ["id", "label", "a", "b", "c", "d"], [[n[0], int(n[1]), *n[2:]] for n in nodes]
    )
    edges = [[f"n{draw.randrange(rows)}", f"n{draw.randrange(rows)}"] for _ in range(4 * rows)]
    write_rows(folder / "graph" / "edges.csv", ["source", "target"], [edge for edge in edges if edge[0] != edge[1]])
    instances = [
        [f"b{bag}", int(bag % 3 == 0), *(round(draw.gauss(bag % 3 == 0, 1), 3) for _ in range(4))]
        for bag in range(rows // 2)
        for _ in range(draw.randint(2, 6))
    ]
    write_rows(folder / "bags.csv", ["bag", "label", "a", "b", "c", "d"], instances)


def molecules(rows: int, draw: random.Random) -> list[list[object]]:
    """Return random chains with an end group; amines are positive."""
    ends = [draw.choice(("O", "C(=O)O", "N", "F")) for _ in range(rows)]
    ends[:8] = ["N", "N", "N", "N", "O", "O", "F", "F"]
    return [
        ["".join(draw.choice("CCCCOS") for _ in range(draw.randint(2, 9))) + "C" + end, int(end == "N")] for end in ends
    ]


def write_rows(path: Path, header: list[str], rows: list[list[object]]) -> None:
    """Write a CSV file."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
