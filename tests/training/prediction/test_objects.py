"""Predictions and vectors for objects in memory."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch_geometric.data import Data

import xgraph
from xgraph.data import BagDataset, MoleculeDataset, conformer_bags, load, read_bags
from xgraph.data.nodes.pyg import nodes_of_graph
from xgraph.options import OptionError

sys.path.insert(0, str(Path(__file__).parents[1]))  # for bag_tables
from bag_tables import table

TINY: dict[str, Any] = {"epochs": 1, "pretrain_epochs": 0, "batch_size": 16, "hidden_channels": 8, "threads": 1}


def graph(num_nodes: int = 120, seed: int = 0) -> Data:
    g = torch.Generator().manual_seed(seed)
    y = torch.arange(num_nodes) % 3
    x = torch.randn(num_nodes, 8, generator=g)
    x[range(num_nodes), y] += 2
    return Data(x=x, edge_index=torch.randint(num_nodes, (2, 6 * num_nodes), generator=g), y=y)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nodes")
    return xgraph.train(graph(), **TINY, model="sage-fm", split="random", out=folder / "run").path


@pytest.fixture(scope="module")
def bags(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bags")
    table().to_csv(folder / "bags.csv", index=False)
    columns = {"bag_column": "patient", "target_columns": ["ill"]}
    return xgraph.train(folder / "bags.csv", **columns, **TINY, out=folder / "run").path


SMILES = ["CCN", "C1CC", "", "CCCCO"]


def test_molecules_in_memory_are_scored_like_their_smiles(finished: Path) -> None:
    runs = [finished / "one", finished / "two"]
    expected = xgraph.predict(runs, SMILES)
    data = MoleculeDataset.from_smiles(SMILES)
    again = xgraph.predict(runs, data)
    assert again["error"].astype(bool).tolist() == [False, True, True, False]
    scores = ["amine", "amine_std"]
    pd.testing.assert_frame_equal(again[scores], expected[scores])
    graphs = [data[i] for i in range(len(data))]
    bare = xgraph.predict(runs, graphs)
    np.testing.assert_allclose(bare[scores], expected.loc[[0, 3], scores], rtol=1e-6)
    assert list(bare.columns) == ["graph", *scores]
    for one, smiles in zip(graphs, data.smiles, strict=True):
        one.smiles = smiles
    pd.testing.assert_frame_equal(xgraph.predict(runs, graphs)[scores], bare[scores])
    for one in graphs:
        del one.smiles
    with pytest.raises(ValueError, match="no smiles to compute maccs from"):
        xgraph.predict(finished / "forest", graphs)


def test_all_nodes_of_a_graph_are_scored_that_of_the_run_or_another(nodes: Path) -> None:
    own = graph()
    expected = xgraph.predict(nodes, own)
    assert list(expected.columns) == ["node", "predicted", "0", "1", "2"]
    pd.testing.assert_frame_equal(xgraph.predict(nodes, nodes_of_graph(own)), expected)
    model = xgraph.load_model(nodes)
    with torch.no_grad():
        scores = model(own).softmax(1).numpy()
    np.testing.assert_allclose(expected[["0", "1", "2"]], scores, atol=1e-5)
    del own.y
    pd.testing.assert_frame_equal(xgraph.predict(nodes, own), expected)
    assert len(xgraph.predict(nodes, graph(30, seed=1))) == 30
    with pytest.raises(ValueError, match="must have the 8 features of the run, got 3"):
        xgraph.predict(nodes, Data(x=torch.zeros(5, 3), edge_index=own.edge_index[:, :0]))
    for items in (None, [0, 1]):
        with pytest.raises(ValueError, match=r"an object in Python, <Data>; pass them again"):
            xgraph.predict(nodes, items)


def test_bags_in_memory_are_scored_like_those_of_a_file(bags: Path, tmp_path: Path) -> None:
    frame = table(bags=20, seed=3)
    frame.to_csv(tmp_path / "new.csv", index=False)
    expected = xgraph.predict(bags, tmp_path / "new.csv", bag_column="patient")
    pd.testing.assert_frame_equal(xgraph.predict(bags, frame, bag_column="patient"), expected)
    data = read_bags(tmp_path / "new.csv", bag_column="patient", target_columns=["ill"])
    scores = xgraph.predict(bags, data, instances_out=tmp_path / "instances.csv")
    np.testing.assert_allclose(scores["ill"], expected["ill"], rtol=1e-5)
    assert len(pd.read_csv(tmp_path / "instances.csv")) == len(frame)
    with pytest.raises(ValueError, match=r"instances of shape \[4\], but those of 'bags' have shape \[3\]"):
        xgraph.predict(bags, BagDataset(torch.zeros(4, 3), bag=[0, 0, 1, 1]))
    other = BagDataset(torch.zeros(4, 4), bag=[0, 0, 1, 1], feature_names=["f1", "f0", "f2", "f3"])
    with pytest.raises(ValueError, match="not those of the run, or in another order"):
        xgraph.predict(bags, other)


def vectors(frame: pd.DataFrame) -> np.ndarray:
    return frame.filter(regex=r"^v\d+$").to_numpy()


def test_vectors_of_molecules_are_what_the_head_is_applied_to(finished: Path) -> None:
    frame = xgraph.embed(finished / "one", pd.Series(SMILES, index=[5, 7, 1, 2]))
    assert list(frame.columns) == ["smiles", *(f"v{i}" for i in range(8)), "error"]
    assert frame.index.tolist() == [5, 7, 1, 2]
    assert np.isnan(vectors(frame)).all(1).tolist() == [False, True, True, False]
    assert frame["error"].astype(bool).tolist() == [False, True, True, False]
    model = xgraph.load_model(finished / "one")
    assert not model.training
    with torch.no_grad():
        scores = model.head(torch.from_numpy(vectors(frame)[[0, 3]])).sigmoid().squeeze(1)
    expected = xgraph.predict(finished / "one", SMILES)["amine"].dropna()
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
    data = MoleculeDataset.from_smiles(["CCN", "CCCCO"])
    np.testing.assert_allclose(vectors(xgraph.embed(finished / "one", data)), vectors(frame)[[0, 3]], rtol=1e-5)
    bare = xgraph.embed(finished / "one", [data[0], data[1]])
    np.testing.assert_allclose(vectors(bare), vectors(frame)[[0, 3]], rtol=1e-5)
    assert vectors(xgraph.embed(finished / "one", [])).shape == (0, 8)
    with pytest.raises(ValueError, match="model 'forest' of .* has no encoder"):
        xgraph.embed(finished / "forest", SMILES)
    for nowhere in (xgraph.embed, xgraph.load_model):
        with pytest.raises(FileNotFoundError, match="nowhere is not a run directory"):
            nowhere("nowhere")


def test_vectors_of_nodes_are_what_the_head_is_applied_to(nodes: Path) -> None:
    own = graph()
    frame = xgraph.embed(nodes, own)
    model = xgraph.load_model(nodes)
    with torch.no_grad():
        np.testing.assert_allclose(vectors(frame), model.embed(own), atol=1e-4)
    assert frame["node"].tolist() == list(range(120))


def test_vectors_of_bags_are_what_the_head_is_applied_to(bags: Path, tmp_path: Path) -> None:
    frame = table(bags=20, seed=3)
    frame.loc[frame["patient"] == "p3", "f1"] = np.nan
    found = xgraph.embed(bags, frame, bag_column="patient")
    scores = xgraph.predict(bags, frame, bag_column="patient")
    assert found["bag"].tolist() == scores["bag"].tolist()
    assert found["error"].tolist() == scores["error"].tolist()
    known = scores["ill"].notna().to_numpy()
    assert known.sum() == 19
    model = xgraph.load_model(bags)
    with torch.no_grad():
        again = model.head(torch.from_numpy(vectors(found)[known])).sigmoid().squeeze(1)
    np.testing.assert_allclose(again, scores["ill"][known], rtol=1e-4)
    own = xgraph.embed(bags, ["p5", "p1"])
    every = xgraph.embed(bags)
    assert len(every) == 60
    np.testing.assert_allclose(vectors(own), vectors(every.set_index("bag").loc[["p5", "p1"]]), rtol=1e-5)


def test_a_bag_larger_than_a_pass_has_the_same_vector(bags: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = table(bags=12, seed=4)
    expected = vectors(xgraph.embed(bags, frame, bag_column="patient"))
    monkeypatch.setattr("xgraph.data.bags.passes.INSTANCES", 2)
    np.testing.assert_allclose(vectors(xgraph.embed(bags, frame, bag_column="patient")), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_conformers_have_vectors(tmp_path: Path) -> None:
    smiles = ["CCO", "CCN", "CCCO", "CCCN", "CCCCO", "CCCCN", "CCCCCO", "CCCCCN", "CO", "CN"]
    data = conformer_bags(smiles, conformers=2) if "conformers" in conformer_bags.__kwdefaults__ else None
    data = data or conformer_bags(smiles)
    data.y, data.task_names = torch.arange(10).float().remainder(2).unsqueeze(1), ["amine"]
    run = xgraph.train(data, **TINY, split="random", out=tmp_path / "run")
    frame = xgraph.embed(run.path, ["CCO", "C1CC"])
    assert frame["error"].astype(bool).tolist() == [False, True]
    np.testing.assert_allclose(vectors(frame)[:1], vectors(xgraph.embed(run.path, data))[:1], rtol=1e-4)


def test_a_fold_is_to_be_chosen(csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def chains(name: str, *, fold: int | None = None, **_: Any) -> Any:
        return load(csv, split="random", seed=fold or 0)

    monkeypatch.setattr("xgraph.data.load", chains)
    run = xgraph.train("aicures", **TINY, num_layers=2, fold=[0, 1])
    with pytest.raises(ValueError, match=r"is a run over folds; choose .* \(fold_0, fold_1\)"):
        xgraph.embed(run.path, ["C"])
    assert len(xgraph.embed(run.path / "fold_1", ["C"])) == 1


def test_vectors_are_written_in_several_formats(finished: Path, tmp_path: Path) -> None:
    from xgraph.training.prediction.vectors import write_vectors

    frame = xgraph.embed(finished / "one", SMILES)
    for name in ("a.npz", "a.csv", "a.csv.gz", "a.parquet"):
        write_vectors(frame, tmp_path / name)
    with np.load(tmp_path / "a.npz") as arrays:
        np.testing.assert_array_equal(arrays["vectors"], vectors(frame))
        assert arrays["smiles"].tolist() == SMILES
        assert arrays["error"].tolist() == frame["error"].tolist()
    for name in ("a.csv", "a.csv.gz"):
        np.testing.assert_allclose(vectors(pd.read_csv(tmp_path / name)), vectors(frame), rtol=1e-6)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), frame)
    with pytest.raises(OptionError, match=r"out = '.*a.pkl': expected a file that ends in .npz"):
        write_vectors(frame, tmp_path / "a.pkl")
