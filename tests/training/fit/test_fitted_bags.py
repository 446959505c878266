"""Models that are fitted in a single step, on statistics of the instances of bags."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from bag_tables import FEATURES, table
from sklearn.ensemble import ExtraTreesClassifier

import xgraph
from tests.data.bag_folders import clam
from xgraph.cli import main
from xgraph.data import BagDataset, bag_statistics, conformer_bags, load
from xgraph.nn.tables.examples import task_seed
from xgraph.options import OptionError
from xgraph.training.config.build import build_config
from xgraph.training.export.run import export_run
from xgraph.training.files.checkpoint import HEADER, read_checkpoint

Train = Callable[..., xgraph.Run]
COLUMNS = {"bag_column": "patient", "target_columns": ["ill"]}
FITTED: dict[str, dict[str, Any]] = {
    "forest": {"trees": 8},
    "extra-trees": {"trees": 8},
    "svm": {"gamma": 0.1},
    "logistic": {},
    "kernel-ridge": {},
}
EACH = pytest.mark.parametrize("model", FITTED)


@pytest.fixture(autouse=True)
def bags(tmp_path: Path) -> Path:
    path = tmp_path / "patients.csv"
    table().to_csv(path, index=False)
    return path


@pytest.fixture
def train(bags: Path) -> Train:
    def run(model: str = "extra-trees", data: Any = None, **settings: Any) -> xgraph.Run:
        columns = COLUMNS if data is None else {}
        data = bags if data is None else data
        return xgraph.train(data, model=model, **{"threads": 1, **columns, **FITTED[model], **settings})

    return run


def described(frame: pd.DataFrame) -> pd.DataFrame:
    """Statistics of the instances of each patient, by pandas."""
    groups = frame.groupby("patient", sort=False)[FEATURES]
    whole = pd.concat([groups.mean(), groups.max(), groups.min(), groups.std(ddof=0)], axis=1)
    return whole.set_axis(range(16), axis=1)


@EACH
def test_fills_the_run_directory_and_learns(train: Train, model: str) -> None:
    run = train(model, out="run")
    assert {file.name for file in run.path.iterdir()} == {
        "config.toml", "metrics.csv", "metrics.json", "predictions.csv", "best.ckpt", "last.ckpt", "env.json",
    }  # fmt: skip
    assert run.metrics["test"]["roc_auc"] > 0.9
    assert xgraph.evaluate("run") == pytest.approx(run.metrics["test"])
    header = read_checkpoint("run/last.ckpt")[HEADER]
    assert (header["kind"], header["model"], header["instance_shape"]) == ("bag", model, [4])
    assert header["model_arguments"] == {"num_features": 16}
    settings = tomllib.loads((run.path / "config.toml").read_text())
    assert not {"optimizer", "batches", "loss"} & settings.keys()
    assert not {"instances", "features"} & settings["data"].keys()
    again = xgraph.train(config=run.path / "config.toml", out="again")
    assert (again.config, again.metrics) == (run.config, run.metrics)
    resumed = xgraph.train(out="run", resume=True)
    assert resumed.metrics == run.metrics


def test_the_kernel_for_statistics_is_gaussian_unless_another_is_given(bags: Path) -> None:
    usual = build_config({"dataset": str(bags), **COLUMNS, "model": "kernel-ridge"})
    assert usual.model_options["kernel"] == "rbf"
    other = build_config({"kernel": "tanimoto"}, usual.to_dict())
    assert other.model_options["kernel"] == "tanimoto"
    assert build_config({}, other.to_dict(), saved=True).model_options["kernel"] == "tanimoto"
    assert build_config({"dataset": "nci-pains", "model": "kernel-ridge"}).model_options["kernel"] == "tanimoto"


def test_scores_equal_scikit_learn_on_the_statistics_of_pandas(train: Train, bags: Path, tmp_path: Path) -> None:
    run = train(out="run", seed=3)
    frame = pd.read_csv(bags)
    data: Any = load(bags, **COLUMNS, seed=3)
    x = described(frame).astype(np.float32).loc[data.bag_names]
    part = data.splits["train"].numpy()
    forest = ExtraTreesClassifier(8, class_weight="balanced", random_state=task_seed(3, 0))
    forest.fit(x.iloc[part], data.y[part, 0].numpy())
    own = xgraph.predict(run.path)
    np.testing.assert_allclose(own["ill"], forest.predict_proba(x)[:, 1], rtol=0, atol=1e-6)
    new = table(12, seed=9)
    new.to_csv(tmp_path / "new.csv", index=False)
    want = forest.predict_proba(described(new).astype(np.float32))[:, 1]
    for items in (tmp_path / "new.csv", new):
        found = xgraph.predict(run.path, items)
        np.testing.assert_allclose(found["ill"], want, rtol=0, atol=1e-6)
    counted = xgraph.evaluate(run.path, data=tmp_path / "new.csv")
    assert counted["roc_auc"] == 1.0


def test_the_command(bags: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", str(bags), "--bag-column", "patient", "--target-columns", "ill", "--model", "forest"]
    assert main([*command, "--trees", "5", "--out", "run"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines() if line][:5] == ["metric", "ap", "prc_auc", "roc_auc", "ef_1"]
    decisions = out[out.index("at the threshold with the best F1 on the validation part") :].splitlines()[1:5]
    test = json.loads(Path("run/metrics.json").read_text())["details"]["test"]["at_threshold"]
    assert [line.split() for line in decisions] == [[name, f"{value:.4f}"] for name, value in test.items()]
    assert main(["evaluate", "run"]) == 0
    assert "\n".join(decisions) in capsys.readouterr().out
    table(5, seed=9).to_csv("new.csv", index=False)
    assert main(["predict", "run", "new.csv", "-o", "scores.csv"]) == 0
    scores = pd.read_csv("scores.csv")
    assert list(scores.columns) == ["patient", "ill", "ill_score", "error"]
    assert scores["ill_score"].between(0, 1).all()
    assert main(["predict", "run", "new.csv", "-o", "scores.csv", "--instances-out", "instances.csv"]) == 2
    assert "the model of run/best.ckpt is fitted to statistics of whole bags" in capsys.readouterr().err
    assert not Path("instances.csv").exists()
    assert main([*command, "--instances", "3", "--out", "other"]) == 2
    message = "instances: model 'forest' is fitted in a single step, so this setting does not apply"
    assert message in capsys.readouterr().err


def test_a_folder_of_bags(train: Train, tmp_path: Path) -> None:
    clam(tmp_path / "slides")
    run = train(data=tmp_path / "slides", out="run")
    content = clam(tmp_path / "new", 9, seed=5, labels=False)
    (tmp_path / "new" / "h5_files" / "slide_03.h5").write_bytes(b"damaged")
    frame = xgraph.predict(run.path, tmp_path / "new")
    assert list(frame["bag"]) == list(content)
    assert frame["error"].astype(bool).tolist() == [name == "slide_03" for name in content]
    ptr = np.cumsum([0, *map(len, content.values())])
    whole = xgraph.predict(run.path, BagDataset(np.concatenate(list(content.values())), ptr))
    good = ~frame["error"].astype(bool)
    np.testing.assert_array_equal(frame["label"][good], whole["label"][good])
    assert frame["label"][~good].isna().all()
    with pytest.raises(OptionError, match="instances_out = 'w.csv': the model of"):
        xgraph.predict(run.path, tmp_path / "new", instances_out="w.csv")


def test_several_tasks_weights_and_folds(train: Train, bags: Path) -> None:
    frame = pd.read_csv(bags)
    number = frame["patient"].str[1:].astype(int)
    frame = frame.assign(odd=(number % 2).where(number > 5), weight=number + 1)
    frame.to_csv(bags, index=False)
    run = train(target_columns=["ill", "odd"], weight_column="weight", folds=3, trees=20, out="run")
    assert len(run.metrics["folds"]) == 3
    assert run.metrics["test"]["mean"]["roc_auc"] > 0.6
    frame = xgraph.predict(run.path, table(4, seed=9))
    assert [name for name in frame.columns if not name.endswith("_std")] == ["bag", "ill", "odd", "error"]


def test_exclusive_classes(train: Train, bags: Path) -> None:
    frame = pd.read_csv(bags)
    number = frame["patient"].str[1:].astype(int)
    frame = frame.assign(ill=np.array(["low", "mid", "high"])[number % 3])
    frame["f0"] += 4.0 * (number % 3)
    frame.to_csv(bags, index=False)
    run = train(task="multiclass", out="run", trees=30)
    assert run.metrics["test"]["accuracy"] > 0.8
    frame = xgraph.predict(run.path)
    assert set(frame["predicted"]) == {"low", "mid", "high"}


def test_an_ensemble_with_a_network(train: Train, bags: Path) -> None:
    train(out="trees")
    small = {"epochs": 2, "pretrain_epochs": 1, "hidden_channels": 8, "num_layers": 1, "threads": 1}
    xgraph.train(bags, **COLUMNS, **small, out="network")
    both = xgraph.predict(["trees", "network"])
    each = [xgraph.predict(name)["ill"] for name in ("trees", "network")]
    np.testing.assert_allclose(both["ill"], sum(each) / 2, rtol=1e-6)
    with pytest.raises(OptionError, match="the model of trees/best.ckpt is fitted to statistics"):
        xgraph.predict(["network", "trees"], instances_out="w.csv")
    trees = xgraph.train(config="network/config.toml", model="forest", trees=5, out="other")
    assert trees.metrics["test"]["roc_auc"] > 0.9, "a network's settings of training are dropped"
    sampled = xgraph.train(bags, **COLUMNS, **small, instances=2, out="sampled")
    assert xgraph.train(config=sampled.path / "config.toml", model="forest", out="third").config.instances is None


def test_bags_are_read_once(train: Train, bags: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def counted(data: BagDataset, positions: torch.Tensor, **options: Any) -> torch.Tensor:
        read.extend(positions.tolist())
        return bag_statistics(data, positions, **options)

    monkeypatch.setattr("xgraph.data.bag_statistics", counted)
    train(out="run")
    assert sorted(read) == list(range(60))


def test_what_has_no_vectors_or_statistics(train: Train, tmp_path: Path) -> None:
    run = train(out="run")
    with pytest.raises(ValueError, match="has no encoder .* which xgraph.data.bag_statistics computes"):
        xgraph.embed(run.path)
    about = export_run(run.path, tmp_path / "model.pt", "state-dict").read_text()
    assert '"kind": "bag"' in about
    assert '"mean",' in about
    with pytest.raises(ValueError, match="cannot be exported as onnx: it is computed outside of PyTorch's operations"):
        export_run(run.path, tmp_path / "model.onnx", "onnx")
    rows = [f"m{n},{'C' * (n % 7 + 1)}{'NO'[n % 2]},{n % 2}" for n in range(40)]
    (tmp_path / "mixtures.csv").write_text("bag,smiles,label\n" + "\n".join(rows))
    with pytest.raises(ValueError, match=r"model 'forest' is fitted to statistics .* are molecules; choose another"):
        xgraph.train(tmp_path / "mixtures.csv", bag_column="bag", smiles_column="smiles", model="forest")
    with pytest.raises(OptionError, match="model 'attention' is for bags; for molecules, choose from .*forest"):
        xgraph.train(model="attention")
    with pytest.raises(OptionError, match="model 'forest' is for molecules and bags; for nodes, choose from sage"):
        xgraph.train("cora", model="forest")


def test_images(train: Train) -> None:
    run = train("extra-trees", data="digits-bags", trees=100, out="run")
    assert run.metrics["test"]["roc_auc"] > 0.6
    assert read_checkpoint("run/best.ckpt")[HEADER]["model_arguments"] == {"num_features": 4 * 64}
    assert len(xgraph.predict(run.path, load("digits-bags"))) == 500


def test_molecules_as_bags_of_conformers(tmp_path: Path) -> None:
    smiles = [f"{'C' * n}{end}" for n in range(1, 9) for end in ("O", "N", "Cl")]
    how: dict[str, Any] = {"num_conformers": 2, "seed": 1, "descriptors": ["usrcat"]}  # not the usual ones
    data = conformer_bags(smiles, [int("N" in one) for one in smiles], **how, keep=False)
    run = xgraph.train(data, model="extra-trees", trees=8, split="random", out="run", threads=1)
    assert xgraph.evaluate("run", "test", data=data) == pytest.approx(run.metrics["test"], nan_ok=True)
    new = ["CCCCCCCCCCN", "not a molecule", "", "CCO"]
    (tmp_path / "new.csv").write_text("\n".join(["smiles", *new]))
    x = bag_statistics(conformer_bags(new[::3], **how, keep=False))
    with torch.no_grad():
        want = xgraph.training.load_model("run")(SimpleNamespace(features=x)).sigmoid()[:, 0]
    for items in (new, tmp_path / "new.csv"):
        frame = xgraph.predict("run", items)
        np.testing.assert_allclose(frame["y"][[0, 3]], want, atol=1e-9)
        assert (
            frame["y"].isna().tolist() == frame["error"].fillna("").astype(bool).tolist() == [False, True, True, False]
        )
    both = xgraph.train(data, model="auto", split="random", out="both", epochs=1, hidden_channels=4, threads=1)
    assert list(both.metrics["choice"]) == ["attention", "extra-trees", "rank mean"]
    assert xgraph.predict("both", new)["y"].isna().tolist() == [False, True, True, False]
