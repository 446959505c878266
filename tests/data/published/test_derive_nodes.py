import io
import pickle

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from tests.data.node_sources import Bomb, npz, planetoid_npz, planetoid_pickles, zipped
from xgraph.data.published.derive import content_sha256
from xgraph.data.published.derive_nodes import nifty_edges, planetoid, pyg_anomaly


def _toy() -> bytes:
    """Six nodes of which node 4 is left out by the test list, as Citeseer's isolated ones."""
    return planetoid_npz(
        x_data=np.ones(5, np.float32),
        x_indices=np.array([0, 1, 2, 3, 2], np.int32),
        x_indptr=np.array([0, 1, 2, 3, 4, 4, 5], np.int32),
        x_shape=np.array([6, 4]),
        edge_index=np.asfortranarray(np.array([[0, 0, 1, 5], [1, 5, 0, 0]], np.int32)),
        y=np.array([0, 1, 2, 0, -1, 1], np.int16),
        train_idx=np.array([0, 1]),
        val_idx=np.arange(2, 502),
        test_idx=np.array([3, 5]),
    )


def test_planetoid_by_the_rule() -> None:
    with np.load(io.BytesIO(_toy())) as arrays:
        files = planetoid_pickles(arrays)
    derived = planetoid(zipped(files), "planetoid/toy.npz")
    assert content_sha256(derived, "a.npz") == content_sha256(_toy(), "a.npz")
    assert derived == _toy()


def test_pickles_may_only_contain_arrays() -> None:
    with np.load(io.BytesIO(_toy())) as arrays:
        files = planetoid_pickles(arrays)
    for bad in (pickle.dumps(Bomb()), pickle.dumps(Bomb(), protocol=0), b"cposix\nsystem\n(S'true'\ntR."):
        with pytest.raises(
            pickle.UnpicklingError, match=r"the file refers to (sys\.exit|posix\.system), which is not allowed"
        ):
            planetoid(zipped({**files, "graph": bad}), "")


def test_pyg_object() -> None:
    x = torch.arange(6.0).reshape(2, 3).t().contiguous().t()
    graph = Data(x=x, edge_index=torch.tensor([[0, 1], [1, 1]]), y=torch.tensor([True, False]))
    file = io.BytesIO()
    torch.save(graph, file)
    derived = pyg_anomaly(zipped({"toy.pt": file.getvalue()}), "")
    want = {
        "x": np.asfortranarray(x.numpy()),
        "edge_index": np.array([[0, 1], [1, 1]], np.int32),
        "y": np.array([1, 0], np.int8),
    }
    assert derived == npz(**want)
    file = io.BytesIO()
    torch.save({"x": Bomb()}, file)
    with pytest.raises(pickle.UnpicklingError):
        pyg_anomaly(zipped({"toy.pt": file.getvalue()}), "")


def test_edges_in_lines_of_decimals() -> None:
    source = b"0.000e+00 8.380e+02\n1.0 130\n"
    assert nifty_edges(source, "fair/german_edges.npz") == npz(edges=np.array([[0, 838], [1, 130]], np.int32))
    assert nifty_edges(b"", "fair/german_edges.npz") == npz(edges=np.empty((0, 2), np.int32))
