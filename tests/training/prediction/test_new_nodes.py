"""Scores of nodes by name, of other graphs, and of new nodes that are joined to the graph of a run."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import xgraph
from tests.data.graph_files import folder, town
from xgraph.cli import main
from xgraph.options import OptionError

SMALL: dict[str, Any] = {"epochs": 1, "hidden_channels": 8, "batch_size": 32, "num_neighbors": [3], "threads": 1}
NODES = "id,weight,height,note\nN1,0.5,1.5,x\nN2,-1.0,0.0,y\n"
EDGES = "source,target\nN1,P1\nP2,N1\nN2,N1\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("town")
    return xgraph.train(town(place / "town"), **SMALL, model="sage-fm", out=place / "run").path


@pytest.fixture
def graph(run: Path) -> Path:
    return run.parent / "town"


def scores(frame: pd.DataFrame) -> Any:
    return frame[["even", "odd"]].to_numpy()


def test_nodes_by_name(run: Path, tmp_path: Path) -> None:
    every = xgraph.predict(run)
    assert every["node"].tolist() == [f"P{i}" for i in range(120)]
    some = xgraph.predict(run, ["P7", "P3"])
    assert some["node"].tolist() == ["P7", "P3"]
    np.testing.assert_allclose(scores(some), scores(every)[[7, 3]], rtol=1e-5)
    (tmp_path / "some.csv").write_text("id,place\nP7,a\n,b\n")
    frame = xgraph.predict(run, tmp_path / "some.csv", keep_columns=True)
    assert frame[["id", "place"]].to_numpy().tolist() == [["P7", "a"], ["", "b"]]
    assert frame["even_score"].isna().tolist() == [False, True]
    with pytest.raises(
        ValueError, match="1 of 2 nodes are not in the graph 'town': 'zoe'; for new nodes, give a folder"
    ):
        xgraph.predict(run, ["P1", "zoe"])


def test_the_same_graph_as_another_one(run: Path, graph: Path, tmp_path: Path) -> None:
    """Its columns may be in another order, and labels may be missing; the data of the run are not needed."""
    table = pd.read_csv(graph / "nodes.csv")[["weight", "id", "height"]]
    other = tmp_path / "other"
    other.mkdir()
    table.to_csv(other / "nodes.csv", index=False)
    shutil.copy(graph / "edges.csv", other / "edges.csv")
    expected = xgraph.predict(run)
    moved = graph.rename(graph.parent / "elsewhere")
    try:
        frame = xgraph.predict(run, other)
        assert xgraph.predict(run, other, nodes=["P3"])["node"].tolist() == ["P3"]
    finally:
        moved.rename(graph)
    assert frame["node"].tolist() == expected["node"].tolist()
    np.testing.assert_allclose(scores(frame), scores(expected), rtol=1e-5)
    for name in ("nodes.csv", "edges.csv"):
        (other / name).write_text((other / name).read_text().replace(",", "|"))
    np.testing.assert_allclose(scores(xgraph.predict(run, other, separator="|")), scores(expected), rtol=1e-5)


def test_new_nodes_are_joined_by_their_edges(run: Path, graph: Path, tmp_path: Path) -> None:
    """Their scores are those of the whole graph of old and new nodes."""
    new = folder(tmp_path / "new", NODES, EDGES)
    whole = tmp_path / "whole"
    whole.mkdir()
    old = pd.read_csv(graph / "nodes.csv").drop(columns="label")
    pd.concat([old, pd.read_csv(new / "nodes.csv")[old.columns]]).to_csv(whole / "nodes.csv", index=False)
    edges = [pd.read_csv(path / "edges.csv") for path in (graph, new)]
    pd.concat(edges).to_csv(whole / "edges.csv", index=False)
    frame = xgraph.predict(run, new)
    assert frame["node"].tolist() == ["N1", "N2"]
    np.testing.assert_allclose(scores(frame), scores(xgraph.predict(run, whole, nodes=["N1", "N2"])), rtol=1e-4)
    alone = folder(tmp_path / "alone", NODES, "source,target\nN2,N1\n")
    assert not np.allclose(scores(xgraph.predict(run, alone)), scores(frame))
    folder(tmp_path / "new", NODES.replace("N2", "P2"), EDGES.replace("N2", "P2"))
    assert xgraph.predict(run, new)["node"].tolist() == ["N1", "P2"]
    folder(tmp_path / "new", NODES, EDGES + "N1,nobody\n")
    with pytest.warns(UserWarning, match="left out 1 of 4 edges .* from 'N1' to 'nobody'"):
        np.testing.assert_allclose(scores(xgraph.predict(run, new)), scores(frame), rtol=1e-5)


def test_what_new_graphs_must_have(run: Path, tmp_path: Path) -> None:
    path = folder(tmp_path / "new", NODES.replace("height", "size"), EDGES)
    with pytest.raises(ValueError, match=r"feature_columns: .*nodes.csv has no column 'height'; its columns are"):
        xgraph.predict(run, path)
    np.savez(tmp_path / "graph.npz", x=np.ones((3, 3)), edge_index=np.zeros((2, 1), np.int64))
    with pytest.raises(ValueError, match="the run was trained on 2 features, but the nodes have 3"):
        xgraph.predict(run, tmp_path / "graph.npz")
    np.savez(tmp_path / "graph.npz", x=np.ones((3, 2)), edge_index=np.zeros((2, 1), np.int64))
    assert xgraph.predict(run, tmp_path / "graph.npz")["node"].tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="nodes: 1 of 1 are not in"):
        xgraph.predict(run, tmp_path / "graph.npz", nodes=["7"])
    with pytest.raises(OptionError, match="nodes: this option chooses nodes of a graph"):
        xgraph.predict(run, ["P1"], nodes=["P1"])


def test_the_command_predicts_new_nodes(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = folder(tmp_path / "new", NODES, EDGES)
    assert main(["predict", str(run), str(run), str(new), "-o", str(tmp_path / "out.csv")]) == 0
    assert "2 nodes joined to the graph 'town' of 120 nodes by 2 edges" in capsys.readouterr().err
    frame = pd.read_csv(tmp_path / "out.csv")
    assert list(frame) == ["node", "predicted", "even_score", "odd_score", "even_std", "odd_std"]
    assert main(["predict", str(run), str(new), "--nodes", "N2", "--only-scores"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("N2,")
    assert main(["predict", str(run), "--nodes", "P5, P6"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
