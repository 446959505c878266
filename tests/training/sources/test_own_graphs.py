"""Runs on graphs of one's own: from files, by the command and in Python."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch_geometric.data import Data, HeteroData

import xgraph
from tests.data.graph_files import folder, town
from xgraph.cli import main
from xgraph.options import OptionError

SMALL: dict[str, Any] = {"epochs": 2, "hidden_channels": 8, "batch_size": 32, "num_neighbors": [3], "threads": 1}
FLAGS = ["--epochs", "2", "--hidden-channels", "8", "--batch-size", "32", "--num-neighbors", "3", "--threads", "1"]


def test_the_command_trains_and_resumes_on_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    town(Path("town"))
    assert main(["train", "town/", "--model", "sage-fm", *FLAGS, "--out", "run"]) == 0
    said = capsys.readouterr().err
    for line in (
        "2 classes: even",
        "read: nodes: ids from 'id', labels from 'label', 2 features: 'height', 'weight'",
        "edges, undirected (--directed takes the directions as listed)",
    ):
        assert line in said
    with open("run/predictions.csv") as file:
        rows = list(csv.DictReader(file))
    assert all(row["node"].startswith("P") and row["label"] in ("even", "odd") for row in rows)
    before = Path("run/predictions.csv").read_text()
    assert main(["evaluate", "run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["test"] == json.loads(Path("run/metrics.json").read_text())["test"]
    assert main(["train", "--resume", "--out", "run"]) == 0
    assert Path("run/predictions.csv").read_text() == before
    other = town(Path("other")) / "nodes.csv"
    other.write_text(other.read_text().replace("label", "group"))
    assert main(["train", "other/", "--target-columns", "group", *FLAGS, "--out", "named"]) == 0
    text = Path("town/edges.csv").read_text()
    Path("town/edges.csv").write_text(text[: text.rindex("\n")])
    assert main(["evaluate", "run"]) == 1
    assert "have changed" in capsys.readouterr().err


def test_python_and_other_forms(tmp_path: Path) -> None:
    path = town(tmp_path / "town")
    one = xgraph.train(path, **SMALL, out=tmp_path / "one")
    assert (one.config.kind, one.config.task, one.config.loss) == ("node", "multiclass", "ce")
    assert one.metrics["test"]["accuracy"] > 0.5
    two = xgraph.train(path / "nodes.csv", edges=str(path / "edges.csv"), **SMALL, out=tmp_path / "two")
    assert two.metrics["test"] == one.metrics["test"]
    binary = town(tmp_path / "binary")
    text = (binary / "nodes.csv").read_text()
    (binary / "nodes.csv").write_text(text.replace("even", "0").replace("odd", "1"))
    run = xgraph.train(binary, **SMALL, model="gcn-fm", directed=True, out=tmp_path / "run")
    assert (run.config.task, run.config.loss, run.config.directed) == ("binary", "bce", True)


def test_renamed_nodes_are_other_data(tmp_path: Path) -> None:
    path = town(tmp_path / "town")
    run = xgraph.train(path, **SMALL, out=tmp_path / "run")
    for name in ("nodes.csv", "edges.csv"):
        (path / name).write_text((path / name).read_text().replace("P", "Q"))
    with pytest.raises(ValueError, match="have changed"):
        xgraph.evaluate(run.path)


def test_what_cannot_be_trained_on_is_refused(tmp_path: Path) -> None:
    hetero = HeteroData()
    hetero["a"].x, hetero["a"].y, hetero["b"].x = torch.eye(4), torch.arange(4) % 2, torch.eye(2)
    hetero["a", "to", "b"].edge_index = torch.zeros(2, 1, dtype=torch.long)
    torch.save(hetero, tmp_path / "several.pt")
    with pytest.raises(ValueError, match="several node types, which the built-in models do not support"):
        xgraph.train(tmp_path / "several.pt", out=tmp_path / "run")
    torch.save(Data(edge_index=torch.zeros(2, 1).long(), y=torch.arange(4) % 2, num_nodes=4), tmp_path / "none.pt")
    with pytest.raises(ValueError, match="have no features"):
        xgraph.train(tmp_path / "none.pt", out=tmp_path / "run")
    (tmp_path / "table.csv").write_text("smiles,y\nC,1\n")
    with pytest.raises(OptionError, match="kind = 'node': .* holds no graph whose nodes have labels"):
        xgraph.train(tmp_path / "table.csv", kind="node", out=tmp_path / "run")
    path = folder(tmp_path / "g", "id,f,label\na,1,x\nb,2,y\n", "source,target\na,b\n")
    with pytest.raises(ValueError, match="molecules"):
        xgraph.train(path, model="gine", out=tmp_path / "run")
    with pytest.raises(ValueError, match="smiles_column"):
        xgraph.train(path, smiles_column="id", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
