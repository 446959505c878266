"""Runs on data that are objects in Python."""

import io
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch_geometric.data import Data

import xgraph
from xgraph.data import BagDataset, MoleculeDataset, NodeDataset, load, read_table
from xgraph.data.nodes.pyg import nodes_of_graph
from xgraph.options import OptionError

TINY: dict[str, Any] = {"epochs": 1, "pretrain_epochs": 0, "batch_size": 16, "hidden_channels": 8, "threads": 1}
SMALL = {**TINY, "num_layers": 2}


def graph() -> Data:
    g = torch.Generator().manual_seed(0)
    y = torch.arange(120) % 3
    x = torch.randn(120, 8, generator=g)
    x[range(120), y] += 2
    return Data(x=x, edge_index=torch.randint(120, (2, 900), generator=g), y=y)


def bags() -> BagDataset:
    g = torch.Generator().manual_seed(0)
    return BagDataset(
        torch.randn(300, 4, generator=g), bag=torch.arange(300) // 10, y=torch.arange(30) % 2, name="mine"
    )


@pytest.fixture
def from_file(csv: Path) -> "xgraph.Run":
    return xgraph.train(csv, split="random", **SMALL)


def test_molecules_in_memory_are_trained_on_like_those_of_a_file(csv: Path, from_file: "xgraph.Run") -> None:
    frame = pd.read_csv(csv).set_index("amine", drop=False)
    unsplit = MoleculeDataset.from_table(read_table(csv), name="chains")
    split = load(csv, split="random")
    graphs = [split[i] for i in range(len(split))]
    listed = [Data(x=one.x, edge_index=one.edge_index, edge_attr=one.edge_attr, y=one.y) for one in graphs]
    for one, smiles in zip(graphs, split.smiles, strict=True):
        one.smiles = smiles
    for data in (frame, unsplit, graphs, listed):
        run = xgraph.train(data, split="random", **SMALL)
        assert run.metrics["test"] == from_file.metrics["test"], type(data)
    assert xgraph.train(split, **SMALL).metrics["test"] == from_file.metrics["test"]


def test_a_run_says_what_it_was_trained_on(csv: Path) -> None:
    frame = pd.read_csv(csv)
    run = xgraph.train(frame, split="random", smiles_column="smiles", target_columns=["amine"], **SMALL)
    assert run.path == Path("runs/DataFrame-bce-gine-s0")
    table = tomllib.loads((run.path / "config.toml").read_text())["data"]
    assert table.items() >= {"dataset": "<DataFrame>", "kind": "graph", "smiles_column": "smiles"}.items()
    assert run.config.dataset == "<DataFrame>"
    run = xgraph.train(bags(), split="random", **TINY)
    assert run.path == Path("runs/BagDataset-mine-bce-attention-s0")
    assert (run.config.dataset, run.config.data.kind) == ("<BagDataset mine>", "bag")
    assert xgraph.predict(xgraph.train(frame, split="random", **SMALL).path, ["CCN", "C1CC"])[
        "amine"
    ].notna().tolist() == [
        True,
        False,
    ]


@pytest.mark.filterwarnings("error")
def test_data_without_a_split_are_split_as_a_file_of_their_kind_which_is_said() -> None:
    for data, way in ((graph(), "stratified"), (bags(), "stratified")):
        with pytest.warns(UserWarning, match=rf"has no splits, so that it is split 60/20/20 \({way}\)"):
            said = xgraph.train(data, **TINY)
        assert xgraph.train(data, split=way, **TINY).metrics["test"] == said.metrics["test"]
    split = nodes_of_graph(graph())
    split.splits = {"train": torch.arange(80), "valid": torch.arange(80, 100), "test": torch.arange(100, 120)}
    run = xgraph.train(split, **TINY)
    assert len(pd.read_csv(run.path / "predictions.csv")) == 40
    assert run.config.task == "multiclass"
    assert split.splits["train"].tolist() == list(range(80))


def test_an_interrupted_run_resumes_with_the_same_data_only(csv: Path) -> None:
    data = load(csv, split="random")
    once = xgraph.train(data, **{**SMALL, "epochs": 2, "lr_schedule": "constant"})
    run = xgraph.train(data, **SMALL, lr_schedule="constant")
    with pytest.raises(
        ValueError, match=r"an object in Python, <MoleculeDataset chains>; pass them again: train\(data"
    ):
        xgraph.train(out=run.path, resume=True, epochs=2)
    with pytest.raises(ValueError, match="splits of 'chains' have changed"):
        xgraph.train(load(csv, split="random", seed=1), out=run.path, resume=True, epochs=2)
    with pytest.raises(OptionError, match="in runs.*and cannot become"):
        xgraph.train(pd.read_csv(csv), out=run.path, resume=True, epochs=2)
    again = xgraph.train(data, out=run.path, resume=True, epochs=2)
    assert again.metrics["test"] == once.metrics["test"]


def test_features_of_a_data_set_are_those_of_the_run(csv: Path) -> None:
    data = load(csv, split="random", features=["maccs"])
    run = xgraph.train(data, **SMALL)
    assert run.config.features == ["maccs"]
    assert xgraph.train(load(csv, split="random"), model="forest", trees=3).config.features == [
        "rdkit",
        "morgan",
        "maccs",
    ]
    standard = load(csv, split="random", standardize=True)
    assert xgraph.train(standard, **SMALL).config.standardize


@pytest.mark.parametrize("data", [{"smiles": ["C"]}, ["CCO", "CCN"], 5, io.StringIO("smiles,a"), torch.zeros(3)])
def test_what_cannot_be_trained_on_is_refused_with_what_can(data: Any) -> None:
    with pytest.raises(TypeError, match=rf"dataset: expected .* DataFrame, .* PyG .*; got .*\({type(data).__name__}\)"):
        xgraph.train(data)


def test_settings_that_do_not_apply_are_refused(csv: Path) -> None:
    data = load(csv, split="random")
    for settings, message in (
        (
            {"smiles_column": "smiles"},
            "smiles_column = 'smiles': this setting is for tables and files, not for a Molec",
        ),
        ({"standardize": True}, "standardize = True: the molecules of the MoleculeDataset were read without it"),
        ({"fold": 1}, "fold = 1: a MoleculeDataset has no folds"),
        ({"split": "stratified"}, "split must be one of scaffold, .*random for 'chains', got 'stratified'"),
    ):
        with pytest.raises(ValueError, match=message):
            xgraph.train(data, **SMALL, **settings)
    unsplit = MoleculeDataset.from_table(read_table(csv), name="chains")
    with pytest.raises(ValueError, match="split = 'given': the MoleculeDataset has no split of its own"):
        xgraph.train(unsplit, split="given", **SMALL)
    listed = [data[i] for i in range(len(data))]
    with pytest.raises(ValueError, match=r"features = rdkit,morgan,maccs: they are computed from SMILES"):
        xgraph.train(listed, model="forest", split="random")
    with pytest.raises(ValueError, match="split must be one of random for 'graphs', got 'scaffold'"):
        xgraph.train(listed, split="scaffold", **SMALL)
    hetero = NodeDataset(
        graph(), torch.zeros(120).long(), name="g", task="multiclass", task_names=["a"], metric="accuracy"
    )
    with pytest.raises(ValueError, match="no task of 'g' has both labels"):
        xgraph.train(hetero, split="random", **TINY)


def test_a_run_on_an_object_is_evaluated_with_the_same_object(csv: Path) -> None:
    frame, data = pd.read_csv(csv), load(csv, split="random")
    for given, settings in ((frame, {"split": "random"}), (data, {}), (graph(), {"split": "random", "num_layers": 1})):
        run = xgraph.train(given, **{**SMALL, **settings})
        assert xgraph.evaluate(run.path, "test", data=given) == pytest.approx(run.metrics["test"], nan_ok=True)
        with pytest.raises(ValueError, match="an object in Python"):
            xgraph.evaluate(run.path)
    with pytest.raises(ValueError, match="have changed"):
        xgraph.evaluate(xgraph.train(frame, split="random", **SMALL).path, "test", data=frame[:50])


def test_a_frame_trains_is_evaluated_on_a_second_frame_and_scored(csv: Path) -> None:
    frame = pd.read_csv(csv)
    frame["part"] = ["train", "train", "train", "valid", "test"] * 12
    run = xgraph.train(frame, split_column="part", **{**SMALL, "epochs": 2})
    assert run.metrics["test"].keys() >= {"ap", "roc_auc"}
    later = pd.DataFrame({"smiles": ["CCCCN", "CCCCO", "CCN", "C1CC"], "amine": [1, 0, 1, 0]}, index=list("abcd"))
    assert xgraph.evaluate(run.path, data=later)["ap"] > 0
    scores = xgraph.predict(run.path, later)
    assert scores.index.tolist() == list("abcd")
    assert scores["amine"].notna().tolist() == [True, True, True, False]


@pytest.mark.filterwarnings("ignore:.*(train|optimistic).*:UserWarning")
def test_a_run_is_evaluated_on_all_labelled_items_of_another_object(csv: Path) -> None:
    data = load(csv, split="random")
    run = xgraph.train(data, **SMALL)
    expected = xgraph.evaluate(run.path, data=pd.read_csv(csv))
    listed = [data[i] for i in range(len(data))]
    for given in (data, listed, load(csv, split="random", seed=5)):
        assert xgraph.evaluate(run.path, data=given) == pytest.approx(expected)
    data.task_names = ["acid"]
    with pytest.raises(ValueError, match="the labels of 'chains' are 'acid', but the tasks of the run are 'amine'"):
        xgraph.evaluate(run.path, data=data)
    with pytest.raises(ValueError, match="the run is on molecules, but these are bags"):
        xgraph.evaluate(run.path, data=bags())
    with pytest.raises(OptionError, match="target_columns: this option is for tables, not for a MoleculeDataset"):
        xgraph.evaluate(run.path, data=data, target_columns=["amine"])
    of_bags = xgraph.train(bags(), split="random", **TINY)
    assert xgraph.evaluate(of_bags.path, data=bags()).keys() == of_bags.metrics["test"].keys()
    of_nodes = xgraph.train(graph(), split="random", **TINY)
    other = graph()
    other.y[:100] = -1
    assert 0 <= xgraph.evaluate(of_nodes.path, data=other)["accuracy"] <= 1
    other.x = other.x[:, :3]
    with pytest.raises(ValueError, match="the nodes have 3 features, but the run has 8"):
        xgraph.evaluate(of_nodes.path, data=other)
