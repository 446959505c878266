"""Runs on the nodes of a graph, end to end, on small graphs that replace real data sets."""

import csv as csv_module
import json
import sys
import tomllib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import rankdata
from torch_geometric.data import Data

import xgraph
from xgraph.data import NodeDataset, list_cards
from xgraph.losses import LOSSES
from xgraph.nn import MODELS
from xgraph.options import OptionError
from xgraph.training.config.build import build_config
from xgraph.training.files.checkpoint import HEADER, read_checkpoint, write_checkpoint
from xgraph.training.fit.task import Task
from xgraph.training.fit.train import Interrupted
from xgraph.training.scoring.inference import class_scores
from xgraph.training.scoring.metrics import METRICS, accuracy, score_all
from xgraph.training.sources import make_source
from xgraph.training.sources.nodes import NodeSource

Train = Callable[..., xgraph.Run]
CLASSES, BINARY = "cora", "tolokers"
NODE_MODELS = sorted(name for name, model in MODELS.items() if model.kind == "node")  # type: ignore[attr-defined]
SMALL: dict[str, Any] = {
    "epochs": 2,
    "batch_size": 16,
    "hidden_channels": 8,
    "num_neighbors": "3,2",
    "threads": 1,
    "device": "cpu",
}


def communities(num_nodes: int = 90, num_classes: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Labels, and directed edges mostly within a label."""
    g = torch.Generator().manual_seed(seed)
    y = torch.arange(num_nodes) % num_classes
    ends = torch.randint(num_nodes, (2, 6 * num_nodes), generator=g)
    keep = (y[ends[0]] == y[ends[1]]) | (torch.rand(ends.size(1), generator=g) < 0.1)
    return y, ends[:, keep]


def dataset(name: str, fold: int | None = None, seed: int = 0) -> NodeDataset:
    """A small graph that replaces a real data set: three classes and sparse features, or one task and dense ones."""
    several = name == CLASSES
    y, edges = communities(num_classes=3 if several else 5)
    g = torch.Generator().manual_seed(1)
    x = torch.randn(len(y), 12, generator=g)
    x[torch.arange(len(y)), y] += 2
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(100 * seed + (fold or 0)))
    splits = {"train": order[:50], "valid": order[50:70], "test": order[70:]}
    if several:
        y = torch.where(torch.arange(len(y)) == order[0], -1, y)
        x = (x * (x > 0.5)).to_sparse_csr()
    else:
        y = torch.where(torch.arange(len(y)) == order[0], torch.nan, (y == 0).float()).unsqueeze(1)
    return NodeDataset(
        Data(x=x, edge_index=edges, num_nodes=len(y)),
        y,
        name=name,
        task="multiclass" if several else "binary",
        task_names=["a", "b", "c"] if several else ["banned"],
        metric="accuracy" if several else "roc_auc",
        splits=splits,
    )


@pytest.fixture(autouse=True)
def small_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str, *, fold: int | None = None, seed: int = 0, split: str | None = None, **_: Any) -> NodeDataset:
        return dataset(name, fold, seed if split == "random" else 0)

    monkeypatch.setattr("xgraph.data.load", load)


@pytest.fixture
def train() -> Train:
    def run(name: str = CLASSES, **settings: Any) -> xgraph.Run:
        if name == BINARY:
            settings = {"pretrain_epochs": 1, **settings}
        return xgraph.train(name, **{**SMALL, **settings})

    return run


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv_module.DictReader(file)]


@pytest.mark.parametrize(("model", "name"), zip(NODE_MODELS, [CLASSES, BINARY, BINARY, CLASSES] * 2, strict=False))
def test_fills_the_run_directory_and_learns(train: Train, name: str, model: str) -> None:
    run = train(name, model=model, out="run", epochs=15, lr=0.05, dropout=0.2, pretrain_epochs=0)
    assert {file.name for file in run.path.iterdir()} == {
        "config.toml", "metrics.csv", "metrics.json", "predictions.csv", "best.ckpt", "last.ckpt", "env.json",
    }  # fmt: skip
    metrics = ["accuracy", *METRICS] if name == CLASSES else list(METRICS)
    assert list(run.metrics["test"]) == metrics
    assert list(rows_of(run.path / "metrics.csv")[0])[3:-1] == [f"valid_{metric}" for metric in metrics]
    assert run.metrics["selected_by"] == ("accuracy" if name == CLASSES else "roc_auc")
    assert xgraph.evaluate("run", "train")["roc_auc"] > 0.75
    header = read_checkpoint(run.path / "best.ckpt")[HEADER]
    arguments = {"in_channels": 12, "num_nodes": 90} if model.endswith("-fm") else {"in_channels": 12}
    assert (header["kind"], header["model_arguments"], header["num_items"]) == ("node", arguments, 90)
    assert xgraph.evaluate("run") == pytest.approx(run.metrics["test"])


def test_defaults_depend_on_the_data() -> None:
    several, binary, molecules = (build_config({"dataset": name}) for name in (CLASSES, BINARY, "nci-pains"))
    assert (several.model, several.loss, several.pretrain_epochs) == ("sage", "ce", 0)
    assert (binary.model, binary.loss, binary.pretrain_epochs) == ("sage", "bce", 0)
    assert (molecules.model, molecules.loss, molecules.pretrain_epochs) == ("gine", "bce", 0)
    assert (several.num_neighbors, binary.num_neighbors, molecules.num_neighbors) == ([15, 10], [15, 10], None)
    assert (several.batch_size, molecules.batch_size) == (512, 64)
    assert (several.lr, molecules.lr) == (0.01, 0.001)
    assert (several.groups, molecules.groups) == ("label", "scaffold")
    deep = build_config({"dataset": CLASSES, "num_layers": 4})
    assert deep.num_neighbors == [15, 10, 5, 5]
    assert build_config({"dataset": CLASSES, "num_neighbors": 7}).num_neighbors == [7, 7]
    assert build_config({"dataset": CLASSES, "num_neighbors": "-1,4"}).num_neighbors == [-1, 4]
    assert build_config({"dataset": CLASSES, "loss": "soap"}).pretrain_epochs == 20
    assert build_config({"dataset": CLASSES, "pretrain_epochs": 2}).pretrain_epochs == 2
    for config in (several, binary, deep):
        assert build_config({}, config.to_dict()) == config


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"model": "gine"},
            "model 'gine' is for molecules; for nodes, choose from sage, sage-fm, gcn, gcn-fm, gat, gat",
        ),
        (
            {"model": "gat-fm", "exact_input": True},
            "model 'gat-fm' have no such option; it is an option of model 'sage-fm', model 'gcn-f",
        ),
        (
            {"model": "sage", "table_dtype": "float16"},
            "no such option; it is an option of model 'sage-fm', model 'gcn-fm', model 'gat-fm'",
        ),
        ({"model": "sage-fm", "table_dtype": "int8"}, "table_dtype = 'int8': expected float32, bfloat16 or float16"),
        (
            {"model": "sage-fm", "schedule": "compositional", "table_storage": "mmap", "loss": "soap"},
            "table_storage = 'mmap': expected 'device' in compositional training",
        ),
        ({"model": "sage-fm", "gamma": "often"}, "model 'sage-fm': gamma = 'often': expected a number"),
        ({"model": "sage", "gamma": 0.5}, "gamma: loss 'ce' and model 'sage' have no such option; .*model 'sage-fm'"),
        ({"dataset": "nci-pains", "model": "sage"}, "model 'sage' is for nodes; for molecules, choose from gine, "),
        ({"dataset": "some.csv", "model": "gat"}, "model 'gat' is for nodes"),
        (
            {"dataset": BINARY, "loss": "ce"},
            "loss 'ce' is for mutually exclusive classes, but the labels are 0 and 1; choose from bce, focal",
        ),
        ({"dataset": "nci-pains", "loss": "ce"}, "loss 'ce' is for mutually exclusive classes"),
        ({"dataset": BINARY, "metric": "accuracy"}, "metric = .accuracy.: the labels are 0 and 1"),
        ({"groups": "scaffold"}, "groups = 'scaffold': expected 'label' for nodes"),
        ({"smiles_column": "x"}, "smiles_column = 'x': this setting is for molecules"),
        ({"standardize": True}, "standardize = True: this setting is for molecules"),
        ({"num_neighbors": "3,2,1"}, "num_neighbors = 3,2,1: expected one number, or one per layer .num_layers = 2"),
        ({"num_neighbors": "3,-2"}, r"num_neighbors\[1\] = -2: expected -1 or more"),
        ({"num_neighbors": "9" * 20}, r"num_neighbors\[0\] = 9+: expected 1000000000 or less"),
        (
            {"dataset": "nci-pains", "storage": "host"},
            "storage = 'host': this setting is for nodes, but the data set holds mol",
        ),
        ({"num_neighbors": "many"}, "num_neighbors = 'many': expected an integer"),
        ({"dataset": "nci-pains", "num_neighbors": "3"}, "this setting is for nodes, but the data set holds molecules"),
        ({"storage": "tape"}, "storage = 'tape': expected device, pinned, host or mmap"),
    ],
)
def test_settings_that_do_not_apply_to_nodes_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        build_config({"dataset": CLASSES, **settings})


def test_predictions_of_classes_give_the_metrics(train: Train) -> None:
    run = train(out="run")
    rows = rows_of(run.path / "predictions.csv")
    assert list(rows[0]) == ["split", "node", "label", "predicted", "a_score", "b_score", "c_score"]
    data = dataset(CLASSES)
    for split in ("valid", "test"):
        part = [row for row in rows if row["split"] == split]
        nodes = torch.tensor([int(row["node"]) for row in part])
        assert torch.equal(nodes, data.splits[split])
        scores = np.array([[float(row[f"{c}_score"]) for c in "abc"] for row in part])
        assert scores.sum(1) == pytest.approx(np.ones(len(part)))
        assert [row["predicted"] for row in part] == ["abc"[i] for i in scores.argmax(1)]
        assert [row["label"] for row in part] == ["abc"[i] for i in data.y[nodes].tolist()]
        y = data.targets(nodes).numpy()
        assert run.metrics[split] == pytest.approx({"accuracy": accuracy(y, scores), **score_all(y, scores)})
        assert xgraph.evaluate("run", split) == pytest.approx(run.metrics[split])


def test_predictions_of_a_task(train: Train) -> None:
    run = train(BINARY, out="run")
    rows = [row for row in rows_of(run.path / "predictions.csv") if row["split"] == "test"]
    assert list(rows[0]) == ["split", "node", "banned", "banned_score"]
    y, s = ([float(row[column]) for row in rows] for column in ("banned", "banned_score"))
    assert run.metrics["test"] == pytest.approx(score_all(y, s))


def test_scores_use_all_neighbours(train: Train) -> None:
    run = train(out="run")
    data = dataset(CLASSES)
    with torch.no_grad():
        logits = run.model(Data(x=data.data.x, edge_index=data.data.edge_index)).double().numpy()
    frame = xgraph.predict("run")
    assert frame[["a", "b", "c"]].to_numpy() == pytest.approx(np.exp(class_scores(logits)), abs=1e-5)


def test_predict(train: Train, tmp_path: Path) -> None:
    train(out="run")
    whole = xgraph.predict("run")
    assert list(whole.columns) == ["node", "predicted", "a", "b", "c"]
    assert whole["node"].tolist() == list(range(90))
    some = xgraph.predict("run", [7, 3, 7])
    assert some["node"].tolist() == [7, 3, 7]
    assert some[["a", "b", "c"]].to_numpy() == pytest.approx(whole[["a", "b", "c"]].to_numpy()[[7, 3, 7]], abs=1e-6)
    (tmp_path / "nodes.csv").write_text("name,node\nx,4\ny,2\n")
    assert xgraph.predict("run", tmp_path / "nodes.csv")["node"].tolist() == [4, 2]
    assert len(xgraph.predict("run", [])) == 0
    train(out="other", seed=1)
    both, other = xgraph.predict(["run", "other"]), xgraph.predict("other")
    assert both["a"].to_numpy() == pytest.approx((whole["a"] + other["a"]).to_numpy() / 2)
    (tmp_path / "none.csv").write_text("id\n4\n")
    for items, error, message in (
        ([90], ValueError, "'cora' has nodes 0 to 89, got 90"),
        ([-1], ValueError, "got -1"),
        (["C"], TypeError, "expected a list of node numbers"),
        ([0.5], TypeError, "expected a list of node numbers"),
        (tmp_path / "none.csv", ValueError, "items: .*none.csv has no column 'node'"),
        ("nowhere.csv", FileNotFoundError, "no file 'nowhere.csv'"),
    ):
        with pytest.raises(error, match=message):
            xgraph.predict("run", items)
    with pytest.raises(OptionError, match="smiles_column = 'x': this option is for molecules, but the run is on nodes"):
        xgraph.predict("run", [1], smiles_column="x")


def test_predict_returns_one_row_per_input_row(train: Train, tmp_path: Path) -> None:
    from xgraph.training.prediction.predict import write_predictions

    train(out="run")
    (tmp_path / "nodes.csv").write_text("node,name\n4,x\n\n,y\n2,z\n")
    frame = xgraph.predict("run", tmp_path / "nodes.csv")
    assert frame["node"].isna().tolist() == [False, True, True, False]
    assert frame.loc[[0, 3], "node"].tolist() == [4, 2]
    assert frame.loc[[1, 2]].isna().all(axis=None)
    given = xgraph.predict("run", [4, 2])
    assert frame.loc[[0, 3], ["a", "b", "c"]].to_numpy() == pytest.approx(given[["a", "b", "c"]].to_numpy())
    assert frame.loc[[0, 3], "predicted"].tolist() == given["predicted"].tolist()
    write_predictions(frame, "scores.csv")
    assert [row["node"] for row in rows_of(Path("scores.csv"))] == ["4", "", "", "2"]
    (tmp_path / "nodes.csv").write_text("node,name\n,x\n")
    assert xgraph.predict("run", tmp_path / "nodes.csv").isna().all(axis=None)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"node\n\xff\n", "is not UTF-8 text"),
        (b"node\n1\n2,3\n", "row 1 has 2 cells, but the header has 1"),
        (b"node\n1\n1.5\n", "row 1: expected a node number, got '1.5'"),
        (b"node\n1\n" + 5000 * b"9", "row 1: expected a node number"),
        (b"node\n1\n90\n", "row 1: 'cora' has nodes 0 to 89, got 90"),
        (b"node\n-1\n", "row 0: 'cora' has nodes 0 to 89, got -1"),
    ],
)
def test_unreadable_files_of_nodes_are_named(train: Train, content: bytes, message: str) -> None:
    train(out="run", epochs=1)
    Path("nodes.csv").write_bytes(content)
    with pytest.raises(ValueError, match=rf"items: nodes\.csv.* {message}"):
        xgraph.predict("run", "nodes.csv")


def test_ensembles_by_rank(train: Train) -> None:
    runs = [str(train(BINARY, out=name, epochs=2, seed=seed).path) for name, seed in (("0", 0), ("1", 1))]
    single = np.stack([xgraph.predict(run)["banned"] for run in runs])
    ranks = (rankdata(single, axis=1) - 1) / 89
    frame = xgraph.predict(runs, combine="rank")
    assert list(frame.columns) == ["node", "banned", "banned_std"]
    np.testing.assert_allclose(frame["banned"], ranks.mean(axis=0))
    np.testing.assert_allclose(frame["banned_std"], ranks.std(axis=0, ddof=1))
    test = dataset(BINARY).splits["test"]
    expected = score_all(dataset(BINARY).y[test].numpy(), single.mean(axis=0)[test, None])
    assert xgraph.evaluate(runs) == pytest.approx(expected)
    classes = train(out="classes", epochs=1)
    for use in (xgraph.predict, xgraph.evaluate):
        with pytest.raises(OptionError, match="combine = 'rank': expected 'mean' for mutually exclusive classes"):
            use(classes.path, combine="rank")
    again = train(out="again", epochs=1, seed=1)
    together = xgraph.predict([classes.path, again.path])
    assert list(together.columns) == ["node", "predicted", "a", "b", "c", "a_std", "b_std", "c_std"]
    y = dataset(CLASSES).y[test].numpy()
    right = (together["predicted"].to_numpy()[test] == np.array(["a", "b", "c"])[y]).mean()
    assert xgraph.evaluate([classes.path, again.path])["accuracy"] == pytest.approx(right)


def test_ensembles_must_be_on_one_graph(train: Train) -> None:
    for number, name in enumerate((BINARY, "reddit-anomaly")):
        train(name, out=str(number), loss="soap", pretrain_epochs=0, epochs=1)
    with pytest.raises(ValueError, match=r"same graph, got 'tolokers' with 90 nodes \(0/.* and 'reddit-anomaly'"):
        xgraph.predict(["0", "1"])
    state = read_checkpoint("0/best.ckpt")
    state[HEADER]["num_items"] = 91
    write_checkpoint(state, "1/best.ckpt")
    with pytest.raises(ValueError, match="with 90 nodes .* with 91 nodes"):
        xgraph.predict(["0", "1"])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("config", None, "is damaged: expected config to be of type dict, got NoneType"),
        ("config", {"nope": 1}, "has settings that cannot be read: unknown key 'nope'"),
        ("config", {3: 1}, "is damaged: expected the names in config to be strings"),
        ("loss", "gone", "unknown loss 'gone'; choose from bce"),
    ],
)
def test_damaged_headers_are_refused(train: Train, name: str, value: object, message: str) -> None:
    train(out="run", epochs=1)
    state = read_checkpoint("run/best.ckpt")
    state[HEADER][name] = value
    write_checkpoint(state, "run/best.ckpt")
    with pytest.raises(ValueError, match=f"checkpoint: .*{message}"):
        xgraph.predict("run")


def test_unsupported_data_sets_are_refused_before_they_are_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xgraph.data.load", lambda *_, **__: pytest.fail("fetched"))
    for name, message in (("ogbg-ppa", "graphs that are not molecules"), ("ogbn-mag", "several node types")):
        with pytest.raises(OptionError, match=f"dataset: '{name}' .*{message}"):
            xgraph.train(name, out="run")
    for card in list_cards():
        if card.name not in ("ogbg-ppa", "ogbn-mag"):
            build_config({"dataset": card.name})


def test_default_neighbours_follow_the_number_of_layers(train: Train) -> None:
    for given in ({}, {"num_layers": 1}):
        base = build_config({"dataset": CLASSES, **given}).to_dict()
        assert build_config({"num_layers": 3}, base).num_neighbors == [15, 10, 5]
        assert build_config({"num_layers": 3, "num_neighbors": 4}, base).num_neighbors == [4, 4, 4]
    base = build_config({"dataset": CLASSES, "num_layers": 3}).to_dict()
    assert build_config({"model": "gcn"}, base).num_neighbors == [15, 10]
    base = build_config({"dataset": CLASSES, "num_neighbors": "3,2"}).to_dict()
    assert build_config({"lr": 0.5}, base).num_neighbors == [3, 2]
    with pytest.raises(OptionError, match="num_neighbors = 3,2: expected one number"):
        build_config({"num_layers": 3}, base)
    one = train(out="one", num_neighbors=None, epochs=1)
    two = xgraph.train(config=one.path / "config.toml", num_layers=3, out="two")
    assert two.config.num_neighbors == [15, 10, 5]
    with pytest.raises(OptionError, match="resume: num_layers is 2 in one and cannot become 3"):
        xgraph.train(out="one", resume=True, num_layers=3)


def stop_in(epoch: int) -> Any:
    step = Task.training_step

    def stop(self: Task, batch: Any, batch_idx: int) -> torch.Tensor:
        if self.current_epoch == epoch and batch_idx == 1:
            raise KeyboardInterrupt
        return step(self, batch, batch_idx)

    return stop


def assert_same(a: Any, b: Any, where: str = "") -> None:
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a.keys() - {"seconds", "global_step"}:
            assert_same(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, list | tuple):
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same(x, y, f"{where}[{i}]")
    else:
        assert a == b or (a != a and b != b), f"{where}: {a} != {b}"


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        (CLASSES, {"loss": "soap", "pretrain_epochs": 1, "sampler": "tri", "sampled_tasks": 2}),
        (CLASSES, {"model": "gcn", "loss": "group-dro", "pretrain_epochs": 0, "items_per_group": 4}),
        (BINARY, {"model": "gat", "loss": "bce", "sampler": "dual"}),
        (
            BINARY,
            {
                "model": "gcn-fm",
                "loss": "soap",
                "gamma_schedule": "cosine",
                "exact_input": False,
                "table_dtype": "bfloat16",
            },
        ),
        (BINARY, {"model": "gat-fm", "loss": "soap", "loss_gamma": 0.5, "table_storage": "mmap", "gradient": "scaled"}),
        (CLASSES, {"model": "sage-fm", "schedule": "compositional", "loss": "auc-margin"}),
        (CLASSES, {"model": "sage-fm", "gamma": 0.3, "ema_decay": 0.7}),
    ],
    ids=str,
)
def test_a_resumed_run_equals_an_uninterrupted_one(train: Train, name: str, settings: dict[str, Any]) -> None:
    whole = train(name, out="whole", **settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Task, "training_step", stop_in(1))
        with pytest.raises(Interrupted):
            train(name, out="parts", **settings)
    parts = xgraph.train(out="parts", resume=True)
    assert parts.metrics == whole.metrics
    assert rows_of(parts.path / "metrics.csv") == rows_of(whole.path / "metrics.csv")
    assert (parts.path / "predictions.csv").read_text() == (whole.path / "predictions.csv").read_text()
    for file in ("best.ckpt", "last.ckpt"):
        assert_same(*(read_checkpoint(run.path / file) for run in (whole, parts)))


def test_momentum_starts_from_empty_tables_without_saved_ones(train: Train) -> None:
    settings = {"model": "sage-fm", "gamma": 0.3, "table_in_checkpoint": False, "dropout": 0.0}
    whole = train(out="whole", **settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Task, "training_step", stop_in(1))
        with pytest.raises(Interrupted):
            train(out="parts", **settings)
    parts = xgraph.train(out="parts", resume=True)
    first, second = (rows_of(run.path / "metrics.csv") for run in (whole, parts))
    assert first[0] == second[0]
    assert first[1] != second[1]
    assert not any("tables" in name for name in read_checkpoint("whole/last.ckpt")["state_dict"])


@pytest.mark.parametrize("model", ["sage-fm", "gcn-fm", "gat-fm"])
def test_scoring_does_not_change_the_saved_tables(train: Train, model: str) -> None:
    run = train(out="run", model=model, num_neighbors="2,1")
    for file in ("best.ckpt", "last.ckpt"):
        tables = {
            n: w for n, w in read_checkpoint(run.path / file)["state_dict"].items() if n.startswith("model.tables")
        }
        assert {n.split(".")[2] for n in tables} == ({"0", "1"} if model == "gat-fm" else {"1"})
        assert all(w.size(0) == 90 for w in tables.values())
        assert all(w.any() for w in tables.values())
    assert not any("tables" in name for name in run.model.state_dict())
    assert xgraph.evaluate("run") == pytest.approx(run.metrics["test"])
    assert len(xgraph.predict("run", [3, 4])) == 2


def test_init_to_and_from_runs_with_tables(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    still: dict[str, Any] = {"epochs": 1, "lr": 1e-30, "optimizer": "sgd"}
    first = train(out="plain")
    second = train(out="fm", model="sage-fm", init="plain", **still)
    third = train(out="again", model="sage", init="fm", **still)
    for run in (second, third):
        for name, weight in first.model.named_parameters():
            assert torch.equal(run.model.get_parameter(name), weight)

    def fewer(name: str, **_: Any) -> NodeDataset:
        data = dataset(name)
        keep = (data.data.edge_index < 80).all(0)
        splits = {part: rows[rows < 80] for part, rows in data.splits.items()}
        graph = Data(x=data.data.x.to_dense()[:80], edge_index=data.data.edge_index[:, keep], num_nodes=80)
        known = {"task": "multiclass", "task_names": ["a", "b", "c"], "metric": "accuracy"}
        return NodeDataset(graph, data.y[:80], name=name, splits=splits, **known)

    monkeypatch.setattr("xgraph.data.load", fewer)
    run = train(out="other", model="sage-fm", init="fm", **still)
    assert torch.equal(run.model.convs[0].lin_l.weight, first.model.convs[0].lin_l.weight)
    assert read_checkpoint("other/last.ckpt")["state_dict"]["model.tables.1.table.value"].size(0) == 80


@pytest.mark.parametrize("name", [CLASSES, BINARY])
def test_exact_input_saves_one_hop_of_sampling(train: Train, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    import xgraph.nn

    hops: list[int] = []
    calls: list[int] = []
    step, aggregate = Task.training_step, xgraph.nn.input_aggregate

    def record(self: Task, batch: Any, batch_idx: int) -> torch.Tensor:
        data = self.source.data.data
        assert "x_aggr" not in data
        hops.append(len(batch.num_sampled_edges))
        if "x_aggr" in batch:
            expected = aggregate(self.model, data.x, data.edge_index).to_dense()[batch.n_id]
            torch.testing.assert_close(batch.x_aggr.to_dense(), expected)
            assert batch.x_aggr.layout == batch.x.layout
        return step(self, batch, batch_idx)

    monkeypatch.setattr(Task, "training_step", record)
    monkeypatch.setattr(xgraph.nn, "input_aggregate", lambda *a: (calls.append(1), aggregate(*a))[1])
    for model, expected in (
        ({"model": "sage-fm"}, 1),
        ({"model": "gcn-fm", "exact_input": False}, 2),
        ({"model": "gat-fm"}, 2),
    ):
        hops.clear()
        calls.clear()
        run = train(name, out=f"run-{model['model']}", epochs=2, **model)
        assert set(hops) == {expected}
        assert len(calls) == (expected == 1)
        assert run.config.num_neighbors == [3, 2]
    one = train(name, out="one", model="sage-fm", num_layers=1, num_neighbors="3")
    assert hops[-1] == 1, "of no neighbours"
    assert one.metrics["test"]


def test_gamma_falls_over_both_stages(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[float, float]] = []
    step = Task.training_step

    def record(self: Task, batch: Any, batch_idx: int) -> torch.Tensor:
        loss = step(self, batch, batch_idx)
        if batch_idx == 0:
            seen.append((self.model.tables["1"].gamma, self.main_loss.track.gamma))
        return loss

    monkeypatch.setattr(Task, "training_step", record)
    settings: dict[str, Any] = {"model": "sage-fm", "gamma": 0.2, "loss_gamma": 0.4, "gamma_schedule": "cosine"}
    run = train(BINARY, out="run", loss="soap", pretrain_epochs=2, epochs=5, **settings)
    cosine = lambda epoch, last, least: 0.5 * (1 + np.cos(np.pi * epoch / last)) * (1 - least) + least  # noqa: E731
    assert [gamma for gamma, _ in seen] == pytest.approx([cosine(epoch, 5, 0.2) for epoch in range(5)])
    assert [gamma for _, gamma in seen[2:]] == pytest.approx([cosine(epoch, 3, 0.4) for epoch in range(3)])
    assert (run.config.model_options["gamma"], run.config.loss_options["gamma"]) == (0.2, 0.4)
    assert xgraph.evaluate("run") == pytest.approx(run.metrics["test"])


def test_the_config_repeats_the_run(train: Train) -> None:
    one = train(out="one", seed=3)
    two = xgraph.train(config="one/config.toml", out="two")
    assert two.metrics == one.metrics
    assert two.config == one.config
    assert_same(one.model.state_dict(), two.model.state_dict())
    table = tomllib.loads((one.path / "config.toml").read_text())
    assert (table["data"]["num_neighbors"], table["loss"]["name"], table["model"]["name"]) == ([3, 2], "ce", "sage")


def test_the_config_of_momentum_is_complete(train: Train) -> None:
    given = {
        "loss": "soap",
        "gamma": 0.3,
        "loss_gamma": 0.5,
        "gradient": "scaled",
        "table_dtype": "float16",
        "num_neighbors": "1,1",
    }
    one = train(BINARY, out="one", model="sage-fm", **given)
    table = tomllib.loads((one.path / "config.toml").read_text())
    assert table["model"].items() >= {"gamma": 0.3, "gradient": "scaled", "table_dtype": "float16"}.items()
    assert table["model"].keys() >= {
        "table_storage",
        "table_in_checkpoint",
        "exact_input",
        "mean_with_self",
        "residual",
    }
    assert table["loss"]["gamma"] == 0.5
    two = xgraph.train(config="one/config.toml", out="two")
    assert two.config == one.config
    for file in ("best.ckpt", "last.ckpt"):
        assert_same(*(read_checkpoint(run.path / file) for run in (one, two)))


def test_neighbours_are_drawn_anew_in_each_epoch(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, list[int], list[list[int]]]] = []
    step = Task.training_step

    def record(self: Task, batch: Any, batch_idx: int) -> torch.Tensor:
        assert torch.equal(batch.idx, batch.n_id[: batch.batch_size])
        torch.testing.assert_close(batch.y, self.source.targets(batch.idx), equal_nan=True)
        seen.append((self.current_epoch, batch.idx.tolist(), batch.n_id[batch.edge_index].T.tolist()))
        return step(self, batch, batch_idx)

    monkeypatch.setattr(Task, "training_step", record)
    train(out="run", epochs=2, batch_size=100, seed=5)
    (_, first, one), (_, second, other) = seen
    assert sorted(first) == sorted(second) == sorted(dataset(CLASSES).splits["train"].tolist())
    assert first != second
    assert {tuple(edge) for edge in one} != {tuple(edge) for edge in other}


@pytest.mark.parametrize("loss", sorted(name for name, cls in LOSSES.items() if cls.link == "sigmoid"))
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_loss_trains_on_classes_one_against_the_rest(train: Train, loss: str) -> None:
    run = train(out="run", loss=loss, epochs=1, pretrain_epochs=0)
    scores = [[float(row[f"{c}_score"]) for c in "abc"] for row in rows_of(run.path / "predictions.csv")]
    assert not np.allclose(np.sum(scores, axis=1), 1), "each by itself"
    assert 0 <= run.metrics["test"]["accuracy"] <= 1


def test_all_folds(train: Train) -> None:
    run = train(BINARY, out="run", fold="0-3", epochs=2)
    assert len(run.folds) == 4
    values = [fold.metrics["test"]["roc_auc"] for fold in run.folds]
    assert len(set(values)) > 1
    assert run.metrics["test"]["mean"]["roc_auc"] == pytest.approx(np.nanmean(values))
    single = [xgraph.predict(fold.path)["banned"].to_numpy() for fold in run.folds]
    assert xgraph.predict("run")["banned"].to_numpy() == pytest.approx(np.mean(single, axis=0))
    assert xgraph.evaluate("run")["roc_auc"] == pytest.approx(np.nanmean(values))


def test_init_from_another_run(train: Train) -> None:
    first = train(out="first")
    weights = train(out="second", init="first", epochs=1, lr=1e-30, optimizer="sgd").model.state_dict()
    assert all(torch.equal(weights[name], w) for name, w in first.model.named_parameters())
    with pytest.raises(ValueError, match="differs from this run's"):
        train(out="third", init="first", hidden_channels=16)


def test_changed_data_are_refused(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    train(out="run")

    def other(name: str, **_: Any) -> NodeDataset:
        data = dataset(name)
        data.data.edge_index = data.data.edge_index[:, 1:]
        return data

    monkeypatch.setattr("xgraph.data.load", other)
    for use in (lambda: xgraph.evaluate("run"), lambda: xgraph.predict("run")):
        with pytest.raises(ValueError, match="the nodes, labels or splits of 'cora' have changed"):
            use()
    with pytest.raises(ValueError, match="the nodes, labels or splits of 'cora' have changed"):
        xgraph.train(out="run", resume=True, epochs=3)


def test_classes_without_training_nodes_are_named(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    def only(*classes: int) -> Callable[..., NodeDataset]:
        def load(name: str, **_: Any) -> NodeDataset:
            data = dataset(name)
            rows = data.splits["train"]
            data.splits["train"] = rows[torch.isin(data.y[rows], torch.tensor(classes))]
            return data

        return load

    monkeypatch.setattr("xgraph.data.load", only(0, 2))
    with pytest.warns(UserWarning, match="classes without items in the training part cannot be learned: 'b'"):
        train(out="run", epochs=1)
    monkeypatch.setattr("xgraph.data.load", only(1))
    with pytest.raises(ValueError, match="no task of 'cora' has both labels"):
        train(out="second")


def test_an_empty_training_part_is_refused(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    def empty(name: str, **_: Any) -> NodeDataset:
        data = dataset(name)
        data.splits["train"] = data.splits["train"][:0]
        return data

    monkeypatch.setattr("xgraph.data.load", empty)
    with pytest.raises(ValueError, match="the training part of 'cora' is empty$"):
        train(out="run")


def test_unsupported_graphs_are_refused() -> None:
    from torch_geometric.data import HeteroData

    config = build_config({"dataset": CLASSES})
    data = dataset(CLASSES)
    del data.data.x
    with pytest.raises(ValueError, match="the nodes of 'cora' have no features"):
        make_source(data, config)
    hetero = HeteroData()
    hetero["paper"].x = torch.zeros(3, 2)
    typed = NodeDataset(
        hetero,
        torch.zeros(3, dtype=torch.long),
        name="mag",
        task="multiclass",
        task_names=["a", "b"],
        metric="accuracy",
        node_type="paper",
    )
    with pytest.raises(ValueError, match="'mag' has several node types"):
        make_source(typed, config)


def test_the_graph_is_sorted_once(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    from xgraph.nn import InEdges

    calls = []
    sort = InEdges.from_edge_index
    monkeypatch.setattr(InEdges, "from_edge_index", lambda *a: (calls.append(1), sort(*a))[1])
    train(out="run")
    assert not calls, "the sampler has them sorted"
    xgraph.evaluate("run")
    assert len(calls) == 1


def test_properties_of_a_source() -> None:
    source = make_source(dataset(CLASSES), build_config({"dataset": CLASSES}))
    assert isinstance(source, NodeSource)
    assert (source.kind, source.noun, source.num_tasks, source.several_classes) == ("node", "nodes", 3, True)
    assert source.group_keys("label")[[0, 1, 2, 3]].tolist()[:1] == [source.group_keys("label")[3]]
    one, same = (make_source(dataset(CLASSES), source.config).fingerprint() for _ in range(2))
    assert one == same
    changed = dataset(CLASSES)
    changed.data.x = (2 * changed.data.x.to_dense()).to_sparse_csr()
    assert make_source(changed, source.config).fingerprint() != one


def test_scores_equal_those_of_ogbs_evaluator(
    train: Train, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from xgraph.training.scoring.scores import score_split

    g = np.random.default_rng(0)
    logits = g.normal(size=(50, 40))
    y = np.eye(40)[g.integers(40, size=50)]
    values = score_split("ogbn-arxiv", y, logits, several_classes=True, link="softmax")
    assert values["ogb_acc"] == values["accuracy"] == accuracy(y, logits)
    y = (g.random((50, 112)) < 0.5).astype(np.float32)
    values = score_split("ogbn-proteins", y, g.normal(size=(50, 112)))
    assert values["ogb_rocauc"] == pytest.approx(values["roc_auc"])
    assert capfd.readouterr() == ("", "")


@pytest.mark.filterwarnings("ignore::UserWarning")  # five papers lack most classes
def test_ogbn_arxiv_from_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.data import ogb_release
    from xgraph.data.cards.ogb_files import ogb_place
    from xgraph.data.registry import load

    monkeypatch.setattr("xgraph.data.load", load)
    monkeypatch.delenv("XGRAPH_MIRROR", raising=False)
    ogb_release.write_arxiv(ogb_place("ogbn-arxiv"))
    run = xgraph.train("ogbn-arxiv", out="run", epochs=2, hidden_channels=8, threads=1)
    assert (run.config.model, run.config.loss, run.metrics["selected_by"]) == ("sage", "ce", "accuracy")
    assert run.metrics["test"]["ogb_acc"] == run.metrics["test"]["accuracy"]
    rows = [row for row in rows_of(run.path / "predictions.csv") if row["split"] == "test"]
    assert [row["node"] for row in rows] == ["4", "3"]
    assert xgraph.evaluate("run") == pytest.approx(run.metrics["test"], nan_ok=True)
    assert len(xgraph.predict("run")) == 5


def test_training_nodes_from_the_command_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from xgraph.cli import main

    monkeypatch.setattr(sys, "argv", ["xgraph"])
    small = ["--hidden-channels", "8", "--num-neighbors", "3,2", "--batch-size", "16", "--threads", "1"]
    argv = ["train", CLASSES, "--model", "sage", "--epochs", "1", *small, "--out", "run"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert main(argv) == 0
        captured = capsys.readouterr()
        assert captured.err.splitlines()[0] == "cora: 50 train, 20 valid, 20 test nodes; run directory run"
        assert "valid_accuracy=" in captured.err
        assert captured.out.splitlines()[1].split()[0] == "accuracy"
        assert main(["evaluate", "run", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["test"].keys() >= {"accuracy", "ap"}
        assert main(["predict", "run", "-o", "scores.csv"]) == 0
        assert len(Path("scores.csv").read_text().splitlines()) == 91
        Path("some.csv").write_text("node\n5\n")
        Path("some.csv").write_text("id,node\na,5\nb,\n")
        assert main(["predict", "run", "some.csv"]) == 0
        captured = capsys.readouterr()
        assert captured.out.splitlines()[0].startswith("id,node,predicted,")
        assert captured.out.splitlines()[1].startswith("a,5,")
        assert set(captured.out.splitlines()[2]) == set("b,")
        assert "1 of 2 rows have no score" in captured.err
        for wrong, message in (
            (["train", CLASSES, "--model", "gine"], "model 'gine' is for molecules; for nodes, choose from sage"),
            (["train", BINARY, "--loss", "ce"], "loss 'ce' is for mutually exclusive classes"),
            (["train", CLASSES, "--num-neighbors", "1,2,3"], "num_neighbors = 1,2,3: expected one number"),
            (["train", CLASSES, "--model", "sage-fm", "--gamma", "0"], "gamma is the weight of the new value and must"),
            (["train", CLASSES, "--model", "sage-fm", "--loss-gamma", "1"], "unknown option 'gamma' for loss 'ce'"),
            (
                ["train", CLASSES, "--model", "sage-fm", "--table-storage", "tape"],
                "table_storage = 'tape': expected dev",
            ),
            (["train", CLASSES, "--gamma-schedule", "cosine"], "neither loss 'ce' nor model 'sage' has a gamma"),
        ):
            assert main(wrong) == 2
            assert message in capsys.readouterr().err


def test_node_models_list_their_options(capsys: pytest.CaptureFixture[str]) -> None:
    from xgraph.cli import main

    def described(name: str) -> str:
        assert main(["models", name]) == 0
        return capsys.readouterr().out

    for model in NODE_MODELS:
        assert "--residual" in described(model)
        assert "--in-channels" not in described(model)
    assert "--heads" in described("gat")
    for model in ("sage-fm", "gcn-fm", "gat-fm"):
        for option in ("--gamma", "--gradient", "--table-dtype", "--table-storage", "--no-table-in-checkpoint"):
            assert option in described(model)
        assert ("--exact-input" in described(model)) == (model != "gat-fm")


@pytest.mark.parametrize(("neighbors", "rows"), [("3,2", 2 + 6 + 12), ("30,20", 90), ("-1,2", 90)])
def test_rows_of_a_batch_are_its_nodes_at_most_all_of_the_graph(neighbors: str, rows: int) -> None:
    config = build_config({"dataset": CLASSES, "batch_size": 2, "num_neighbors": neighbors})
    assert make_source(dataset(CLASSES), config).rows_per_batch == rows
