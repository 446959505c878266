"""Runs of models that are fitted in a single step, end to end."""

import csv as csv_module
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier

import xgraph
from xgraph.data import load
from xgraph.nn import MODELS, FittedModel
from xgraph.nn.tables.examples import task_seed
from xgraph.options import OptionError
from xgraph.training.config.build import build_config
from xgraph.training.config.flat import SINGLE_STEP, STEPWISE, STEPWISE_SETTINGS
from xgraph.training.config.settings import TrainConfig
from xgraph.training.files.checkpoint import HEADER, read_checkpoint
from xgraph.training.fit.train import Interrupted
from xgraph.training.scoring.metrics import METRICS

Train = Callable[..., xgraph.Run]
FITTED: dict[str, dict[str, Any]] = {
    "forest": {"trees": 8},
    "extra-trees": {"trees": 8},
    "svm": {},
    "logistic": {},
    "kernel-ridge": {},
}
GIVEN = {"sampler": "shuffle", "init": "run", "instances": 4}  # the other settings have a default that is a value
EACH = pytest.mark.parametrize("model", FITTED)


@pytest.fixture
def train(csv: Path) -> Train:
    def run(model: str = "forest", **settings: Any) -> xgraph.Run:
        dataset = settings.pop("dataset", csv)
        small = {"split": "random", "threads": 1, "features": ["maccs"]}
        return xgraph.train(dataset, model=model, **{**small, **FITTED[model], **settings})

    return run


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv_module.DictReader(file))


def test_the_models_that_are_fitted_in_a_single_step() -> None:
    assert {name for name, cls in MODELS.items() if getattr(cls, "fitted", False)} == set(FITTED)


@EACH
def test_fills_the_run_directory(train: Train, model: str) -> None:
    run = train(model, out="run")
    assert {file.name for file in run.path.iterdir()} == {
        "config.toml", "metrics.csv", "metrics.json", "predictions.csv", "best.ckpt", "last.ckpt", "env.json",
    }  # fmt: skip
    assert list(run.metrics["test"]) == list(METRICS)
    assert (run.metrics["selected_by"], run.metrics["best_epoch"], run.metrics["epochs"]) == ("ap", 1, 1)
    assert json.loads((run.path / "metrics.json").read_text())["dataset"] == "chains"
    (row,) = rows_of(run.path / "metrics.csv")
    assert list(row)[:3] == ["epoch", "stage", "train_loss"]
    assert (row["epoch"], row["stage"], row["train_loss"], row["lr"]) == ("1", "main", "", "")
    assert float(row["valid_roc_auc"]) == run.metrics["valid"]["roc_auc"]
    assert xgraph.evaluate("run") == pytest.approx(run.metrics["test"], nan_ok=True)
    assert xgraph.evaluate("run", "train")["ap"] > 0.9
    assert isinstance(run.model, FittedModel)
    test = [row for row in rows_of(run.path / "predictions.csv") if row["split"] == "test"]
    frame = xgraph.predict("run", [row["smiles"] for row in test])
    np.testing.assert_allclose(frame["amine"], [float(row["amine_score"]) for row in test])


def test_scores_equal_scikit_learn(train: Train, csv: Path) -> None:
    train(out="run", seed=3)
    data = load(csv, split="random", seed=3, features=["maccs"])
    part, features = data.splits["train"], data.features.numpy()
    forest = RandomForestClassifier(8, class_weight="balanced", random_state=task_seed(3, 0))
    forest.fit(features[part], data.y[part, 0].numpy())
    expected = forest.predict_proba(features)[:, 1]
    result = xgraph.predict("run", list(data.smiles))["amine"]
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-9)


@EACH
def test_the_configuration_repeats_the_run(train: Train, model: str) -> None:
    options = {
        "svm": {"C": 3.0, "kernel": "tanimoto"},
        "logistic": {"C": 3.0},
        "kernel-ridge": {"alpha": 0.5, "kernel": "rbf"},
    }.get(model, {"min_samples_leaf": 2})
    run = train(model, out="run", metric="roc_auc", **options)
    settings = tomllib.loads((run.path / "config.toml").read_text())
    assert not set(settings) & {*STEPWISE, *STEPWISE_SETTINGS}
    assert settings["model"]["name"] == model
    assert {name: settings["model"][name] for name in options} == options
    again = xgraph.train(config=run.path / "config.toml", out="again")
    assert again.config == run.config
    assert again.metrics == run.metrics
    one, two = (read_checkpoint(r.path / "best.ckpt")["state_dict"] for r in (run, again))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    header = read_checkpoint("run/last.ckpt")[HEADER]
    assert (header["model"], header["kind"], header["config"]) == (model, "graph", run.config.to_dict())


@EACH
def test_results_depend_on_the_seed_but_not_on_threads(train: Train, model: str) -> None:
    runs = [train(model, out=f"{t}", threads=t) for t in (1, 3)]
    states = [read_checkpoint(run.path / "best.ckpt")["state_dict"] for run in runs]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_several_tasks_with_missing_labels(train: Train, tmp_path: Path) -> None:
    rows = [f"{'C' * n}{end},{int(end == 'N')},{n % 2 if n > 4 else ''},1" for n in range(1, 21) for end in "OCN"]
    (tmp_path / "three.csv").write_text("smiles,amine,odd,always\n" + "\n".join(rows))
    with pytest.warns(
        UserWarning, match="tasks with labels of one class only in the training part cannot be learned: 'always'"
    ):
        run = train(dataset=tmp_path / "three.csv", out="run", target_columns=["amine", "odd", "always"])
    frame = xgraph.predict("run", ["CCO", "CCN"])
    assert list(frame.columns) == ["smiles", "amine", "odd", "always", "error"]
    assert frame["always"].tolist() == [0.5, 0.5]
    assert frame["amine"][1] > frame["amine"][0]
    assert run.metrics["test"]["ap"] > 0


def test_an_interrupted_fit_starts_again(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = train(out="expected")
    real = FittedModel.fit

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(FittedModel, "fit", stop)
    with pytest.raises(Interrupted) as stopped:
        train(out="run")
    assert stopped.value.path == Path("run")
    assert {file.name for file in Path("run").iterdir()} == {"config.toml", "env.json"}
    monkeypatch.setattr(FittedModel, "fit", real)
    run = xgraph.train(out="run", resume=True)
    assert run.metrics == expected.metrics
    assert run.config == expected.config


def test_a_finished_fit_is_reused(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    run = train(out="run")
    before = (run.path / "metrics.csv").read_text(), (run.path / "predictions.csv").read_text()
    for name in ("metrics.json", "metrics.csv", "predictions.csv"):
        (run.path / name).unlink()

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("fitted again")

    monkeypatch.setattr(FittedModel, "fit", never)
    again = xgraph.train(out="run", resume=True)
    assert again.metrics == run.metrics
    assert ((run.path / "metrics.csv").read_text(), (run.path / "predictions.csv").read_text()) == before
    with pytest.raises(OptionError, match="resume: trees is 8 in run and cannot become 9"):
        xgraph.train(out="run", resume=True, model="forest", trees=9)
    with pytest.raises(OptionError, match="epochs: model 'forest' is fitted in a single step"):
        xgraph.train(out="run", resume=True, epochs=9)


def test_progress_is_one_line(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    run = train(out="run", progress=True)
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith(f"model=forest valid_ap={run.metrics['valid']['ap']:.4f} seconds=")


def test_directory_names_leave_out_the_loss(train: Train) -> None:
    assert train().path == Path("runs/chains-forest-s0")


def test_a_failed_fit_leaves_no_directory(train: Train) -> None:
    with pytest.raises(ValueError, match="features must not be negative with kernel='tanimoto'"):
        train("svm", kernel="tanimoto", features=["rdkit"], out="run")
    assert not Path("run").exists()
    with pytest.raises(OptionError, match="trees must be at least 1, got 0"):
        train(trees=0, out="run")


def test_default_features() -> None:
    every, counts = ["rdkit", "morgan", "maccs"], ["morgan"]
    assert build_config({"model": "forest"}).features == every
    assert build_config({"model": "forest", "features": "torsion"}).features == ["torsion"]
    assert build_config({"model": "svm"}).features == every
    assert build_config({"model": "svm", "kernel": "tanimoto"}).features == counts
    assert build_config({"model": "kernel-ridge"}).features == counts
    assert build_config({"model": "kernel-ridge", "kernel": "linear"}).features == every
    assert build_config({"model": "gine"}).features is None
    base = build_config({"model": "svm"}).to_dict()
    assert build_config({"kernel": "tanimoto"}, base).features == counts
    assert build_config({"model": "gine"}, base).features is None
    own = build_config({"model": "svm", "features": "torsion,maccs"}).to_dict()
    assert build_config({"model": "forest"}, own).features == ["torsion", "maccs"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({name: GIVEN.get(name, getattr(TrainConfig(), name))}, f"{name}: model 'forest' is fitted in a single step")
        for name in sorted(STEPWISE_SETTINGS - {"loss_options"})
    ]
    + [
        ({"loss_margin": 1.0}, "loss_margin: model 'forest' is fitted in a single step, without a loss"),
        (
            {"gamma": 0.5},
            "gamma: model 'forest' has no such option; .*loss 'soap'.* model 'svm'.* fitted in a",
        ),
        (
            {"margin": 0.5},
            "margin: model 'forest' has no such option; it is an option of loss .*; model 'forest' is fitted in",
        ),
        ({"hidden_channels": 8}, "hidden_channels: model 'forest' has no such option; it is an option of model 'gine'"),
        ({"treees": 8}, r"unknown option 'treees' \(did you mean 'trees'"),
        ({"dataset": "tolokers"}, "model 'forest' is for molecules"),
    ],
    ids=str,
)
def test_settings_that_do_not_apply_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        build_config({"model": "forest", **settings})


def test_settings_of_a_file_for_another_model_are_dropped() -> None:
    gine = build_config({"epochs": 3, "lr": 0.5, "loss": "sopa", "seed": 7}).to_dict()
    config = build_config({"model": "forest"}, gine)
    assert config.seed == 7
    assert (config.loss, config.epochs, config.pretrain_epochs) == tuple(SINGLE_STEP.values())
    assert config.lr == TrainConfig().lr
    assert build_config({}, config.to_dict()) == config
    network = build_config({"model": "gine"}, config.to_dict())
    assert (network.loss, network.sampler) == ("bce", "balanced")
    with pytest.raises(OptionError, match="lr: model 'forest' is fitted in a single step"):
        build_config({}, {**config.to_dict(), "lr": 0.5})
    with pytest.raises(OptionError, match="loss: model 'forest' is fitted in a single step"):
        build_config({}, {**config.to_dict(), "loss": {"name": "soap"}})
    with pytest.raises(OptionError, match="epochs: model 'svm' is fitted in a single step"):
        build_config({"model": "svm", "epochs": 4}, gine)
    assert build_config({"model": "svm", "gamma": "0.5"}).model_options["gamma"] == 0.5


def test_fitted_models_cannot_be_a_start(train: Train, csv: Path) -> None:
    train(out="run")
    small = {"split": "random", "hidden_channels": 8, "num_layers": 2}
    with pytest.raises(ValueError, match=r"init: the model in run/best.ckpt \(forest with"):
        xgraph.train(csv, init="run", **small)


def test_all_folds(csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def chains(name: str, *, fold: int | None = None, features: list[str] | None = None, **_: Any) -> Any:
        return load(csv, split="random", seed=fold or 0, features=features)

    monkeypatch.setattr("xgraph.data.load", chains)
    run = xgraph.train("aicures", model="extra-trees", trees=5, features=["maccs"], fold="0-2", out="run")
    values = [fold.metrics["test"]["ap"] for fold in run.folds]
    assert len(values) == 3
    assert run.metrics["test"]["ap"] == pytest.approx(np.mean(values))
    assert xgraph.evaluate("run")["ap"] == pytest.approx(np.mean(values))
    assert list(xgraph.predict("run", ["CCN"]).columns) == ["smiles", "amine", "amine_std", "error"]
