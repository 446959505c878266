"""Files of graphs that are cut or overwritten anywhere: they are read, or refused with the name of the file."""

import warnings
from pathlib import Path

import networkx
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch_geometric.data import Data

from tests.refusals import read_or_refused
from xgraph.data import NodeDataset, load

X = np.arange(24, dtype=np.float32).reshape(12, 2)
EDGES = np.array([[i, (i + 1) % 12] for i in range(12)])
Y = np.arange(12) % 2


def write(path: Path) -> None:
    if path.suffix == ".npz":
        np.savez(path, node_features=X, node_labels=Y, edges=EDGES)
    elif path.suffix == ".pt":
        graph = Data(x=torch.from_numpy(X), y=torch.from_numpy(Y), edge_index=torch.from_numpy(EDGES.T.copy()))
        torch.save(graph, path)
    else:
        graph = networkx.Graph()
        for i in range(12):
            graph.add_node(f"n{i}", label=int(Y[i]), a=float(X[i, 0]), b=float(X[i, 1]))
        graph.add_edges_from((f"n{a}", f"n{b}") for a, b in EDGES)
        networkx.write_graphml(graph, path)


@pytest.mark.parametrize("name", ["town.npz", "town.pt", "town.graphml"])
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cut_or_overwritten_anywhere(tmp_path: Path, name: str, data: st.DataObject) -> None:
    path = tmp_path / name
    write(path)
    content = path.read_bytes()
    at = data.draw(st.integers(0, len(content) - 1))
    new = data.draw(st.binary(max_size=8))
    cut = data.draw(st.booleans())
    path.write_bytes(content[:at] if cut else content[:at] + new + content[at + len(new) :])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with read_or_refused(name):
            graph = load(path, target_columns=["label"] if path.suffix == ".graphml" else None)
            assert isinstance(graph, NodeDataset)
