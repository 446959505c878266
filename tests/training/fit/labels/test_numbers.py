"""Runs on numbers: a table with a continuous column, from the first line to the scores of new molecules."""

import csv
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem
from rdkit.Chem import Descriptors
from sklearn import metrics as sk

import xgraph
from xgraph.data.molecules.embedded import EMBEDDED
from xgraph.options import OptionError
from xgraph.recipes.schema.read import read_recipe
from xgraph.training.files.checkpoint import HEADER, read_checkpoint

SMALL: dict[str, Any] = {"hidden_channels": 8, "num_layers": 1, "epochs": 3, "device": "cpu", "split": "random"}
SHIFT = 1000.0


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Molecules with their weight, shifted, some of them unknown."""
    path = tmp_path_factory.mktemp("numbers") / "weights.csv"
    smiles = EMBEDDED["nci_pains"](None, None).smiles[:300]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["smiles", "mass"])
        for i, one in enumerate(smiles):
            mol = Chem.MolFromSmiles(one)
            writer.writerow([one, "" if mol is None or i % 50 == 7 else f"{SHIFT + Descriptors.MolWt(mol):.2f}"])
    return path


@pytest.fixture(scope="module")
def run(table: Path, tmp_path_factory: pytest.TempPathFactory) -> xgraph.Run:
    return xgraph.train(str(table), out=tmp_path_factory.mktemp("run") / "run", **SMALL)


def predictions(path: Path) -> pd.DataFrame:
    return pd.read_csv(path / "predictions.csv")


def test_a_continuous_column_is_recognised_and_trained_in_its_units(run: xgraph.Run) -> None:
    assert run.config.task == "regression"
    assert (run.config.loss, run.metrics["metric"], run.metrics["task"]) == ("mse", "rmse", "regression")
    frame = predictions(run.path)
    for part in ("valid", "test"):
        own = frame[(frame["split"] == part) & frame["mass"].notna()]
        y, p = own["mass"], own["mass_score"]
        expected = {
            "rmse": math.sqrt(sk.mean_squared_error(y, p)),
            "mae": sk.mean_absolute_error(y, p),
            "r2": sk.r2_score(y, p),
            "pearson": np.corrcoef(y, p)[0, 1],
            "spearman": own[["mass", "mass_score"]].corr("spearman").iloc[0, 1],
        }
        assert run.metrics[part] == pytest.approx(expected, rel=1e-4)
    assert 1100 < frame["mass_score"].mean() < 1400  # the head starts in the units of the target
    assert run.metrics["train_labels"]["mass"]["mean"] > SHIFT
    assert frame["mass"].astype(str).str.len().max() <= 7, "no digits that the table does not have"


def test_the_best_epoch_is_the_one_with_the_lowest_error(run: xgraph.Run) -> None:
    history = pd.read_csv(run.path / "metrics.csv")
    assert run.metrics["best_epoch"] == history["epoch"][history["valid_rmse"].idxmin()]
    assert run.metrics["valid"]["rmse"] == pytest.approx(history["valid_rmse"].min())


def test_new_molecules_get_numbers_and_intervals(run: xgraph.Run) -> None:
    frame = xgraph.predict(run.path, ["CCO", "no molecule", "c1ccccc1"], alpha=0.1)
    assert (frame["error"] != "").tolist() == [False, True, False]
    width = frame["mass_high"] - frame["mass_low"]
    valid = predictions(run.path).query("split == 'valid'").dropna()
    errors = np.sort(np.abs(valid["mass"] - valid["mass_score"]))
    assert width[0] == pytest.approx(2 * errors[math.ceil((len(errors) + 1) * 0.9) - 1], rel=1e-5)
    assert frame["mass"][0] == pytest.approx((frame["mass_low"][0] + frame["mass_high"][0]) / 2)
    test = xgraph.evaluate(run.path, alpha=0.1)
    assert 0.5 < test["coverage"] <= 1
    assert test["width"] == pytest.approx(width[0], rel=1e-5)


def test_evaluation_of_parts_and_tables(run: xgraph.Run, table: Path, tmp_path: Path) -> None:
    again = xgraph.evaluate(run.path, split="test")
    assert again == pytest.approx(run.metrics["test"], rel=1e-6)
    with pytest.warns(UserWarning, match="holds the training rows"):
        every = xgraph.evaluate(run.path, data=str(table), out=tmp_path)
    assert every["rmse"] > 0
    assert json.loads((tmp_path / "evaluation-weights.json").read_text())["labelled"] == {"mass": 294}
    for options, name in (({"calibrate": "isotonic"}, "calibrate"), ({"top": 5}, "precision@5")):
        with pytest.raises(OptionError, match=f"{name}: this is for labels 0 and 1 or classes, but the run predicts"):
            xgraph.evaluate(run.path, **options)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"combine = 'rank': expected 'mean' for predicted numbers"):
        xgraph.predict(run.path, ["CCO"], combine="rank")


def test_a_stopped_run_ends_with_the_same_bytes(run: xgraph.Run, table: Path, tmp_path: Path) -> None:
    xgraph.train(str(table), out=tmp_path / "run", **{**SMALL, "epochs": 2})
    resumed = xgraph.train(str(table), out=tmp_path / "run", resume=True, epochs=3, lr_schedule="cosine")
    assert resumed.metrics["epochs"] == 3
    state = read_checkpoint(resumed.path / "last.ckpt")
    assert state[HEADER]["task"] == "regression"
    known = pd.read_csv(table)["mass"].dropna()
    assert float(state["state_dict"]["model.target_scale.mean"]) == pytest.approx(known.mean(), rel=0.02)
    one = tmp_path / "one"
    shutil.copytree(run.path, one)
    (one / "metrics.json").unlink()
    again = xgraph.train(str(table), out=one, resume=True)
    assert (again.path / "predictions.csv").read_bytes() == (run.path / "predictions.csv").read_bytes()


@pytest.mark.parametrize(
    "options",
    [
        {"loss": "huber", "delta": 0.5, "metric": "spearman"},
        {"loss": "mae", "keep": "last"},
        {"loss": "kl-dro"},
        {"loss": "group-dro", "surrogate": "huber"},
        {"loss": "mse", "schedule": "compositional", "inner_lr": 1e-3},
        {"model": "mlp", "features": ["rdkit"], "hidden_channels": 8, "num_layers": 1},
    ],
    ids=lambda options: options.get("schedule", options.get("loss", options.get("model"))),
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_losses_and_schedules(table: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    run = xgraph.train(str(table), out=tmp_path / "run", **{**SMALL, "epochs": 2, **options})
    assert run.metrics["test"]["rmse"] < 500  # the deviation of the targets is about 100, their mean 1,250
    if options.get("loss") in ("kl-dro", "group-dro"):
        assert run.config.loss_options["surrogate"] == options.get("surrogate", "squared_error")


def test_seeds_and_folds(table: Path, tmp_path: Path) -> None:
    seeds = xgraph.train(str(table), out=tmp_path / "seeds", seeds=2, **{**SMALL, "epochs": 1})
    frame = predictions(seeds.path)
    own = [predictions(seeds.path / f"seed_{seed}")["mass_score"] for seed in range(2)]
    np.testing.assert_allclose(frame["mass_score"], (own[0] + own[1]) / 2, rtol=1e-6)
    part = frame[frame["split"] == "test"].dropna(subset=["mass"])
    expected = math.sqrt(sk.mean_squared_error(part["mass"], part["mass_score"]))
    assert seeds.metrics["ensemble"]["test"]["rmse"] == pytest.approx(expected, rel=1e-4)
    folds = xgraph.train(str(table), out=tmp_path / "folds", folds=3, **{**SMALL, "epochs": 1})
    values = [fold.metrics["test"]["rmse"] for fold in folds.folds]
    assert folds.metrics["test"]["mean"]["rmse"] == pytest.approx(np.mean(values))
    assert folds.metrics["details"]["test"]["tasks"]["mass"]["numbers"] == 294


def test_a_data_frame_is_recognised_too(table: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(table)
    run = xgraph.train(frame, out=tmp_path / "run", **{**SMALL, "epochs": 1})
    assert run.config.task == "regression"
    active = xgraph.train(frame, out=tmp_path / "screen", active_above=1250, **{**SMALL, "epochs": 1})
    assert (active.config.task, active.config.loss) == (None, "bce")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "soap"}, "loss 'soap' is for labels 0 and 1, but the labels are numbers; choose from .*mse.*above"),
        ({"loss": "ce"}, "loss 'ce' is for mutually exclusive classes, but the labels are numbers"),
        ({"metric": "ap"}, "metric = 'ap': the labels are numbers; choose from rmse, mae, r2, pearson, spearman"),
        ({"sampler": "dual"}, "sampler = 'dual': it draws positives and negatives, but the labels are numbers"),
        ({"loss": "kl-dro", "surrogate": "logistic"}, "surrogate = 'logistic': it is for labels.* choose from squared"),
        ({"task": "binary"}, "active-above"),
    ],
)
def test_what_does_not_fit_is_refused(table: Path, tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        xgraph.train(str(table), out=tmp_path / "run", **{**SMALL, **options})


def test_numbers_need_losses_and_metrics_of_their_own() -> None:
    for options, message in (
        ({"loss": "mse"}, "loss 'mse' is for numbers, but the labels are 0 and 1; choose from bce"),
        ({"metric": "rmse"}, "metric = 'rmse': the labels are 0 and 1; choose from ap"),
        (
            {"loss": "kl-dro", "surrogate": "huber"},
            "surrogate = 'huber': it is for numbers, but 'nci-pains' has labels",
        ),
    ):
        with pytest.raises(OptionError, match=message):
            xgraph.train("nci-pains", **{**SMALL, **options})


def test_numbers_that_cannot_be_learned(tmp_path: Path) -> None:
    smiles = EMBEDDED["nci_pains"](None, None).smiles[:40]
    path = tmp_path / "large.csv"
    path.write_text("smiles,y\n" + "".join(f"{one},{i * 1e20}\n" for i, one in enumerate(smiles)))
    with pytest.raises(ValueError, match=r"target 'y' of 'large' has the number .* within ±1e\+15; give it"):
        xgraph.train(str(path), out=tmp_path / "run", **SMALL)
    path.write_text(
        "smiles,part,y,z\n"
        + "".join(
            f"{one},{'train' if i < 20 else 'valid' if i < 30 else 'test'},{2 if i < 20 else i},{i / 7}\n"
            for i, one in enumerate(smiles)
        )
    )
    options = {**SMALL, "split": None, "split_column": "part", "epochs": 1}
    with pytest.raises(ValueError, match="20 equal numbers for each target, so that nothing can be learned"):
        xgraph.train(str(path), out=tmp_path / "run", target_columns=["y"], **options)
    with pytest.warns(UserWarning, match="without two different numbers in the training part cannot be learned: 'y'"):
        run = xgraph.train(str(path), out=tmp_path / "two", target_columns=["y", "z"], **options)
    assert set(run.metrics["details"]["test"]["tasks"]) == {"y", "z"}


def test_several_targets_are_selected_by_a_metric_without_units(tmp_path: Path) -> None:
    smiles = EMBEDDED["nci_pains"](None, None).smiles[:60]
    path = tmp_path / "two.csv"
    path.write_text("smiles,a,b\n" + "".join(f"{one},{len(one)}.5,{1000 * i}.5\n" for i, one in enumerate(smiles)))
    run = xgraph.train(str(path), out=tmp_path / "run", target_columns=["a", "b"], **{**SMALL, "epochs": 1})
    assert run.metrics["metric"] == "r2"
    errors = [run.metrics["details"]["test"]["tasks"][name]["r2"] for name in "ab"]
    assert run.metrics["test"]["r2"] == pytest.approx(np.mean(errors))


@pytest.mark.slow
def test_a_search_minimises_the_error(table: Path, tmp_path: Path) -> None:
    """Trees of a single leaf predict the mean, so that the other value is better."""
    settings: dict[str, Any] = {"model": "forest", "features": ["maccs"], "split": "random", "trees": 5}
    result = xgraph.search(
        str(table), vary={"min_samples_leaf": [150, 1]}, inner_folds=2, trials=2, out=tmp_path / "search", **settings
    )
    assert (result.metric, result.values) == ("rmse", {"min_samples_leaf": 1})
    trials = pd.read_csv(tmp_path / "search" / "trials.csv")
    assert result.value == pytest.approx(trials["value"].min())


def test_recipes_measure_labels_only(table: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    settings = f'title = "x"\nabout = "y"\nmetrics = ["ap"]\n[settings]\ndataset = "{table}"\nsplit = "random"\n'
    recipe.write_text(settings + '[[member]]\nname = "forest"\nmodel = "forest"\nseeds = [0]\n')
    with pytest.raises(OptionError, match="the labels of .* are numbers, but recipes measure labels 0 and 1"):
        read_recipe(recipe)


def test_a_data_frame_is_recognised_with_the_settings_of_a_file(table: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(table).assign(other=1.5, active=[0, 1] * 150)
    (tmp_path / "own.toml").write_text('[data]\ntarget_columns = ["mass"]\nsplit = "random"\n')
    settings = {name: value for name, value in SMALL.items() if name != "split"}
    run = xgraph.train(frame, config=tmp_path / "own.toml", out=tmp_path / "run", **{**settings, "epochs": 1})
    assert (run.config.task, run.metrics["tasks"]) == ("regression", ["mass"])
