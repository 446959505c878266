"""Files with the model of a run, which give the model's own results."""

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numba.core.errors import NumbaError
from torch_geometric.data import Data

import xgraph
from xgraph.data import BagDataset, MoleculeDataset
from xgraph.nn import MODELS
from xgraph.options import OptionError
from xgraph.training.export.formats import check_same, to_onnx, to_torchscript
from xgraph.training.export.run import export_run
from xgraph.training.export.tensors import as_function

Train = Callable[..., xgraph.Run]
TINY: dict[str, Any] = {"epochs": 1, "pretrain_epochs": 0, "batch_size": 16, "hidden_channels": 8, "threads": 1}
SMILES = ["CCN", "CCCCO", "c1ccccc1"]


def graph(loops: bool = False) -> Data:
    g = torch.Generator().manual_seed(0)
    edges = torch.randint(60, (2, 300), generator=g)
    edges = edges[:, edges[0] != edges[1]]
    edges = torch.cat([edges, torch.arange(60).expand(2, -1)], dim=1) if loops else edges
    return Data(x=torch.randn(60, 5, generator=g), edge_index=edges, y=torch.arange(60) % 3)


def bags() -> BagDataset:
    x = torch.randn(120, 4, generator=torch.Generator().manual_seed(0))
    return BagDataset(x, bag=torch.arange(120) // 4, y=torch.arange(30) % 2)


def test_a_state_dict_rebuilds_the_model(finished: Path, tmp_path: Path) -> None:
    for name in ("one", "forest"):
        about = json.loads(export_run(finished / name, tmp_path / name, "state-dict").read_text())
        module, _, cls = about["class"].rpartition(".")
        model = getattr(import_module(module), cls)(**about["arguments"])
        model.load_state_dict(torch.load(tmp_path / name, weights_only=True))
        data = MoleculeDataset.from_smiles(SMILES).with_features(about["features"])
        with torch.no_grad():
            scores = model.eval()(data.batch(range(3))).sigmoid()[:, 0]
        np.testing.assert_allclose(scores, xgraph.predict(finished / name, SMILES)["amine"], rtol=1e-5)
        assert about["tasks"] == ["amine"]


def test_onnx_of_molecules_gives_the_scores_of_predict(finished: Path, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    about = json.loads(export_run(finished / "one", tmp_path / "gine.onnx", "onnx").read_text())
    assert (about["inputs"], about["outputs"]) == (["x", "edge_index", "edge_attr", "batch", "ptr"], ["logits"])
    session = runtime.InferenceSession((tmp_path / "gine.onnx").read_bytes())
    batch = MoleculeDataset.from_smiles(SMILES).batch(range(3))
    (logits,) = session.run(None, {name: batch[name].numpy() for name in about["inputs"]})
    np.testing.assert_allclose(
        1 / (1 + np.exp(-logits[:, 0])), xgraph.predict(finished / "one", SMILES)["amine"], rtol=1e-4
    )


def test_a_network_on_features_as_torchscript_and_onnx(tmp_path: Path) -> None:
    data = MoleculeDataset.from_smiles([f"{'C' * n}{end}" for n in range(1, 20) for end in "ON"])
    data.y, data.task_names = torch.arange(len(data)).remainder(2)[:, None].float(), ["amine"]
    run = xgraph.train(data, **TINY, model="mlp", features=["maccs"], split="random", out=tmp_path / "run")
    about = json.loads(export_run(run.path, tmp_path / "mlp.pt", "torchscript").read_text())
    assert (about["inputs"], about["features"]) == (["features"], ["maccs"])
    features = MoleculeDataset.from_smiles(SMILES).with_features(["maccs"]).features
    scores = torch.jit.load(tmp_path / "mlp.pt")(features).sigmoid()[:, 0].detach()
    want = xgraph.predict(run.path, SMILES)["amine"]
    np.testing.assert_allclose(scores, want, rtol=1e-4)
    export_run(run.path, tmp_path / "mlp.onnx", "onnx")
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession((tmp_path / "mlp.onnx").read_bytes())
    (logits,) = session.run(None, {"features": features.numpy()})
    np.testing.assert_allclose(1 / (1 + np.exp(-logits[:, 0])), want, rtol=1e-4)


def test_torchscript_of_nodes_gives_the_scores_of_predict(tmp_path: Path) -> None:
    run = xgraph.train(graph(), **TINY, split="random", out=tmp_path / "run")
    export_run(run.path, tmp_path / "sage.pt", "torchscript")
    loaded = torch.jit.load(tmp_path / "sage.pt")
    other = graph(loops=True)
    scores = loaded(other.x, other.edge_index).softmax(1).detach()
    np.testing.assert_allclose(scores, xgraph.predict(run.path, other)[["0", "1", "2"]], rtol=1e-4)


@pytest.mark.parametrize("model", ["attention", "max"])
def test_torchscript_of_bags_is_for_the_instances_of_one_bag(model: str, tmp_path: Path) -> None:
    run = xgraph.train(bags(), **TINY, model=model, split="random", out=tmp_path / "run")
    export_run(run.path, tmp_path / "bag.pt", "torchscript")
    loaded = torch.jit.load(tmp_path / "bag.pt")
    x = torch.randn(7, 4)
    logits, weights = loaded(x)
    expected = xgraph.predict(run.path, BagDataset(x, bag=[0] * 7))
    np.testing.assert_allclose(logits.sigmoid().item(), expected["y"][0], rtol=1e-4)
    assert weights.sum().item() == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize(
    "model", ["gine", "ecc", "d-mpnn", "ml-mpnn", "sage-fm", "gcn", "gat", "gated-attention", "smoothed-max"]
)
@pytest.mark.parametrize("form", ["torchscript", "onnx"])
@pytest.mark.slow
def test_which_models_can_be_exported(model: str, form: str) -> None:
    """The table of the page on data in memory."""
    cls, refused = MODELS[model], {"torchscript": ["ecc", "ml-mpnn"], "onnx": ["d-mpnn", "ml-mpnn"]}[form]
    arguments = {"graph": {}, "node": {"in_channels": 5}, "bag": {"instance_shape": [4]}}[cls.kind]
    torch.manual_seed(0)
    one = cls(2, **arguments).eval()
    function = as_function(one, {"kind": cls.kind, "model_arguments": arguments})
    record = {"torchscript": to_torchscript, "onnx": to_onnx}[form]
    if model in refused:
        with pytest.raises((ValueError, RuntimeError, NumbaError)):
            check_same(function, record(function)[1])
    else:
        check_same(function, record(function)[1])


def test_what_cannot_be_exported_is_refused_with_the_reason(finished: Path, train: Train, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'forest' cannot be exported as onnx: it is computed outside of PyTorch's"):
        export_run(finished / "forest", tmp_path / "file", "onnx")
    run = train(model="ml-mpnn", epochs=1, pretrain_epochs=0)
    with pytest.raises(ValueError, match=r"model 'ml-mpnn' cannot be exported as torchscript: \w+Error"):
        export_run(run.path, tmp_path / "file", "torchscript")
    with pytest.raises(FileNotFoundError, match="is not a run directory"):
        export_run(tmp_path, tmp_path / "file", "onnx")
    assert list(tmp_path.glob("file*")) == []


def test_onnx_without_its_packages_says_what_to_install(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(OptionError, match=r"pip install 'xgraph-pyg\[onnx\]'"):
        export_run(finished / "one", tmp_path / "file", "onnx")
