"""The small data in every format that the commands read."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np

CONFIG = """[data]
dataset = "molecules.csv"
split = "random"
target_columns = ["amine"]

[model]
name = "gine"
hidden_channels = 8
num_layers = 2

[loss]
name = "soap"
surrogate = "squared_hinge"
margin = 1.0
gamma = 0.1

[optimizer]
epochs = 1
pretrain_epochs = 0
lr = 0.001

[batches]
batch_size = 16

[run]
seed = 3
threads = 1
"""
RECIPE = """title = "A forest"
about = "Few trees."
metrics = ["ap", "roc_auc"]

[settings]
dataset = "molecules.csv"
split = "random"

[[member]]
name = "forest"
model = "forest"
features = ["maccs"]
trees = 3
seeds = [0, 1]
"""


def write_formats(folder: Path) -> None:
    """Write molecules, a graph and bags in further formats beside those of `write_material`."""
    rows = list(csv.reader((folder / "molecules.csv").open()))[1:]
    _tables(folder, rows)
    _graphs(folder)
    _bags(folder)
    parts = [("train", "valid", "test")[i % 10 // 8 + (i % 10 == 9)] for i in range(len(rows))]
    columns = [[str(i) for i, part in enumerate(parts) if part == name] for name in ("train", "valid", "test")]
    longest = max(map(len, columns))
    lines = [",".join(column[i] if i < len(column) else "" for column in columns) for i in range(longest)]
    (folder / "parts.csv").write_text("\n".join(["train,valid,test", *lines]) + "\n")
    (folder / "config.toml").write_text(CONFIG)
    (folder / "recipe.toml").write_text(RECIPE)


def _tables(folder: Path, rows: list[list[str]]) -> None:
    import pandas
    from rdkit import Chem

    frame = pandas.DataFrame(rows, columns=["smiles", "amine"])
    frame.to_parquet(folder / "molecules.parquet")
    frame.to_excel(folder / "molecules.xlsx", index=False)
    (folder / "molecules.smi").write_text("".join(f"{smiles} M{i}\n" for i, (smiles, _) in enumerate(rows)))
    (folder / "molecules.csv.gz").write_bytes(gzip.compress((folder / "molecules.csv").read_bytes(), mtime=0))
    with Chem.SDWriter(str(folder / "molecules.sdf")) as writer:
        for smiles, amine in rows[:20]:
            molecule = Chem.MolFromSmiles(smiles)
            molecule.SetProp("amine", amine)
            writer.write(molecule)


def _graphs(folder: Path) -> None:
    import networkx
    import torch
    from torch_geometric.data import Data

    draw, size = np.random.default_rng(0), 40
    y = np.arange(size) % 3 == 0
    x = (draw.normal(size=(size, 4)) + y[:, None]).astype(np.float32)
    edges = draw.integers(0, size, size=(2, 4 * size))
    np.savez(folder / "town.npz", node_features=x, node_labels=y.astype(np.int64), edges=edges.T)
    torch.save(
        Data(x=torch.from_numpy(x), y=torch.from_numpy(y.astype(np.int64)), edge_index=torch.from_numpy(edges)),
        folder / "town.pt",
    )
    graph = networkx.Graph()
    for node in range(size):
        graph.add_node(
            f"n{node}", label=int(y[node]), **{name: float(v) for name, v in zip("abcd", x[node], strict=True)}
        )
    graph.add_edges_from((f"n{a}", f"n{b}") for a, b in edges.T if a != b)
    networkx.write_graphml(graph, folder / "town.graphml")


def _bags(folder: Path) -> None:
    import h5py
    import torch

    draw = np.random.default_rng(0)
    (folder / "slides" / "h5_files").mkdir(parents=True)
    (folder / "arrays").mkdir()
    lines = []
    for number in range(30):
        name, positive = f"s{number:02d}", number % 3 == 0
        x = draw.normal(positive, size=(draw.integers(2, 6), 4)).astype(np.float32)
        lines.append(f"{name},{int(positive)}")
        with h5py.File(folder / "slides" / "h5_files" / f"{name}.h5", "w") as file:
            file.create_dataset("features", data=x)
            file.create_dataset("coords", data=np.zeros((len(x), 2), dtype=np.int64))
        path = folder / "arrays" / name
        if number % 3 == 0:
            torch.save(torch.from_numpy(x), path.with_suffix(".pt"))
        elif number % 3 == 1:
            np.save(path.with_suffix(".npy"), x)
        else:
            np.savez(path.with_suffix(".npz"), features=x)
    for place, key in (("slides", "slide_id"), ("arrays", "bag")):
        (folder / place / "labels.csv").write_text("\n".join([f"{key},label", *lines]) + "\n")
