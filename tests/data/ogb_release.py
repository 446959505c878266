"""Small releases in the Open Graph Benchmark's exact form on disk, for tests of the code that reads them."""

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xgraph.data import load_card
from xgraph.data.cards.schema import Card


def csv_gz(path: Path, values: Any, header: str = "") -> None:
    """A table as OGB has them: gzipped, comma-separated, mostly without a header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [header] if header else []
    for row in values:
        cells = row if isinstance(row, list | tuple | np.ndarray) else [row]
        lines.append(",".join("" if isinstance(cell, float) and np.isnan(cell) else str(cell) for cell in cells))
    with gzip.open(path, "wt") as file:
        file.write("\n".join(lines) + "\n")


def start(folder: Path, version: int = 1) -> Path:
    (folder / "mapping").mkdir(parents=True)
    (folder / "mapping" / "README.md").write_text("what the rows are\n")
    (folder / f"RELEASE_v{version}.txt").write_text("a release\n")
    return folder


def split(folder: Path, name: str, **parts: list[int]) -> None:
    for part, nodes in parts.items():
        csv_gz(folder / "split" / name / f"{part}.csv.gz", nodes)


def write_arxiv(folder: Path) -> Path:
    """Five papers; 0 cites 1 and 1 cites 0, 2 cites 3, 4 cites 2."""
    raw = start(folder) / "raw"
    csv_gz(raw / "edge.csv.gz", [(0, 1), (1, 0), (2, 3), (4, 2)])
    csv_gz(raw / "node-feat.csv.gz", [[i + 0.5, -i - 0.25] for i in range(5)])
    csv_gz(raw / "node-label.csv.gz", [3, 39, 0, 1, 3])
    csv_gz(raw / "node_year.csv.gz", [2010, 2011, 2012, 2013, 2014])
    csv_gz(raw / "num-node-list.csv.gz", [5])
    csv_gz(raw / "num-edge-list.csv.gz", [4])
    split(folder, "time", train=[0, 1], valid=[2], test=[4, 3])
    return folder


def write_products(folder: Path) -> Path:
    raw = start(folder) / "raw"
    csv_gz(raw / "edge.csv.gz", [(0, 1), (2, 0)])
    csv_gz(raw / "node-feat.csv.gz", [[0.5, 1.5], [2.5, 3.5], [4.5, 5.5]])
    csv_gz(raw / "node-label.csv.gz", [46, 0, 1])
    csv_gz(raw / "num-node-list.csv.gz", [3])
    csv_gz(raw / "num-edge-list.csv.gz", [2])
    split(folder, "sales_ranking", train=[0], valid=[1], test=[2])
    return folder


def write_proteins(folder: Path) -> Path:
    """Three proteins, two associations with 8 features; the file of species has its old name, as in the release."""
    raw = start(folder) / "raw"
    csv_gz(raw / "edge.csv.gz", [(0, 1), (1, 2)])
    csv_gz(raw / "edge-feat.csv.gz", [[i + 1.0] * 8 for i in range(2)])
    csv_gz(raw / "node-label.csv.gz", [[(i + t) % 2 for t in range(112)] for i in range(3)])
    csv_gz(raw / "species.csv.gz", [3702, 4932, 3702])
    csv_gz(raw / "num-node-list.csv.gz", [3])
    csv_gz(raw / "num-edge-list.csv.gz", [2])
    split(folder, "species", train=[0], valid=[2], test=[1])
    return folder


MAG = {
    ("author", "affiliated_with", "institution"): [(0, 0), (1, 0)],
    ("author", "writes", "paper"): [(0, 0), (0, 1), (1, 3)],
    ("paper", "cites", "paper"): [(0, 1), (1, 0), (3, 2)],
    ("paper", "has_topic", "field_of_study"): [(0, 1), (2, 0)],
}


def write_mag(folder: Path) -> Path:
    raw = start(folder, version=2) / "raw"
    counts = {"author": 2, "field_of_study": 2, "institution": 1, "paper": 4}
    csv_gz(raw / "num-node-dict.csv.gz", [list(counts.values())], header=",".join(counts))
    csv_gz(raw / "triplet-type-list.csv.gz", list(MAG))
    for number, (triplet, edges) in enumerate(MAG.items()):
        place = raw / "relations" / "___".join(triplet)
        csv_gz(place / "edge.csv.gz", edges)
        csv_gz(place / "num-edge-list.csv.gz", [len(edges)])
        csv_gz(place / "edge_reltype.csv.gz", [number] * len(edges))
    csv_gz(raw / "node-feat" / "paper" / "node-feat.csv.gz", [[i + 0.5, 0.25] for i in range(4)])
    csv_gz(raw / "node-feat" / "paper" / "node_year.csv.gz", [2015, 2016, 2017, 2018])
    has = [[str(kind == "paper") for kind in counts]]
    csv_gz(raw / "nodetype-has-label.csv.gz", has, header=",".join(counts))
    csv_gz(raw / "node-label" / "paper" / "node-label.csv.gz", [348, 0, 7, 7])
    csv_gz(folder / "split" / "time" / "nodetype-has-split.csv.gz", has, header=",".join(counts))
    split(folder, "time/paper", train=[0, 1], valid=[3], test=[2])
    return folder


def write_papers100m(folder: Path, dtype: Any = np.float16) -> Path:
    raw = start(folder) / "raw"
    raw.mkdir()
    np.savez_compressed(
        raw / "data.npz",
        edge_index=np.array([[0, 1, 3], [1, 2, 0]]),
        num_nodes_list=np.array([4]),
        num_edges_list=np.array([3]),
        node_feat=np.arange(8, dtype=dtype).reshape(4, 2),
        node_year=np.array([[2000], [2001], [2002], [2003]]),
    )
    np.savez_compressed(raw / "node-label.npz", node_label=np.array([[171.0], [np.nan], [0.0], [np.nan]], np.float32))
    split(folder, "time", train=[0], valid=[], test=[2])
    return folder


def write_molpcba(folder: Path, tasks: list[str]) -> Path:
    start(folder)
    smiles = ["CCO", "C1CC", "c1ccccc1", "CN ", "CC"]  # some have a blank at the end, as in the release of molesol
    rows = []
    for i, text in enumerate(smiles):
        labels = ["" if (i + t) % 3 == 0 else f"{(i + t) % 2}.0" for t in range(len(tasks))]
        rows.append([*labels, text, f"CID{i}"])
    csv_gz(folder / "mapping" / "mol.csv.gz", rows, header=",".join([*tasks, "smiles", "mol_id"]))
    (folder / "raw").mkdir()
    split(folder, "scaffold", train=[0, 1], valid=[2, 4], test=[3])
    return folder


def write_ppa(folder: Path) -> Path:
    """Three graphs with 2, 3 and 2 nodes, edges with 7 features, no features of nodes."""
    raw = start(folder) / "raw"
    csv_gz(raw / "edge.csv.gz", [(0, 1), (0, 1), (1, 2), (1, 0)])
    csv_gz(raw / "edge-feat.csv.gz", [[i + 0.5] * 7 for i in range(4)])
    csv_gz(raw / "num-node-list.csv.gz", [2, 3, 2])
    csv_gz(raw / "num-edge-list.csv.gz", [1, 2, 1])
    csv_gz(raw / "graph-label.csv.gz", [36, 0, 5])
    split(folder, "species", train=[0], valid=[2], test=[1])
    return folder


def zip_release(folder: Path, archive: Path, inner: str) -> None:
    """The archive that the server has: everything below one folder."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*")):
            file.write(path, f"{inner}/{path.relative_to(folder)}")
    archive.write_bytes(out.getvalue())


def unpinned(monkeypatch: pytest.MonkeyPatch, name: str = "ogbn-arxiv") -> Card:
    """Let the card of a data set accept the small archive of a test; returns the card."""
    card = load_card(name)
    monkeypatch.setitem(card.__dict__, "archive_sha256", "")
    return card
