"""The baseline beside networks of bags, extra-trees on statistics of instances, and `model="auto"` for bags."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bag_tables import FEATURES, table
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import average_precision_score

import xgraph
from tests.data.bag_folders import clam
from xgraph.cli import main
from xgraph.data import load
from xgraph.nn.tables.examples import task_seed
from xgraph.options import OptionError
from xgraph.training.fit import baseline as module
from xgraph.training.fit import choice

Train = Callable[..., xgraph.Run]
COLUMNS: dict[str, Any] = {"bag_column": "patient", "target_columns": ["ill"]}
SMALL: dict[str, Any] = {"epochs": 2, "pretrain_epochs": 0, "hidden_channels": 4, "num_layers": 1, "threads": 1}
ABOUT = "7 extra-trees on the mean, maximum, minimum and deviation of each feature over a bag"


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TREES", 7)


@pytest.fixture
def bags(tmp_path: Path) -> Path:
    path = tmp_path / "patients.csv"
    table().to_csv(path, index=False)
    return path


@pytest.fixture
def train(bags: Path) -> Train:
    return lambda data=bags, **settings: xgraph.train(
        data, **{**(COLUMNS if data is bags else {}), **SMALL, **settings}
    )


def described(frame: pd.DataFrame) -> pd.DataFrame:
    groups = frame.groupby("patient", sort=False)[FEATURES]
    return pd.concat([groups.mean(), groups.max(), groups.min(), groups.std(ddof=0)], axis=1).astype(np.float32)


def test_extra_trees_on_the_same_parts(train: Train, bags: Path) -> None:
    plain = train(out="plain", seed=3)
    run = train(out="run", seed=3, baseline=True)
    own = run.metrics.pop("baseline")
    assert run.metrics == plain.metrics
    assert (own["model"], own["about"]) == ("extra-trees", ABOUT)
    data: Any = load(bags, **COLUMNS, seed=3)
    x = described(pd.read_csv(bags)).loc[data.bag_names].set_axis(range(16), axis=1)
    fitted, y = data.splits["train"].numpy(), data.y[:, 0].numpy()
    forest = ExtraTreesClassifier(7, class_weight="balanced", random_state=task_seed(3, 0))
    forest.fit(x.iloc[fitted], y[fitted])
    for part in ("valid", "test"):
        where = data.splits[part].numpy()
        score = forest.predict_proba(x.iloc[where])[:, 1]
        assert own[part]["ap"] == pytest.approx(average_precision_score(y[where], score))
    assert own["ahead"] == (own["valid"]["ap"] > run.metrics["valid"]["ap"])
    assert xgraph.evaluate("run/baseline") == pytest.approx(own["test"], nan_ok=True)
    assert xgraph.predict("run/baseline", table(4, seed=9))["ill"].between(0, 1).all()
    assert xgraph.train(out="run", resume=True).metrics["baseline"] == own


def test_tasks_weights_folds_and_training_on_validation_bags(train: Train, bags: Path) -> None:
    frame = pd.read_csv(bags)
    number = frame["patient"].str[1:].astype(int)
    frame.assign(odd=(number % 2).where(number > 5), weight=number + 1).to_csv(bags, index=False)
    both: dict[str, Any] = {"target_columns": ["ill", "odd"], "weight_column": "weight", "baseline": True}
    own = train(out="folds", folds=3, **both).metrics["baseline"]
    assert (own["folds"], own["model"]) == (3, "extra-trees")
    assert 0 <= own["ahead_in"] <= 3
    assert own["test"]["mean"]["roc_auc"] > 0.4
    assert xgraph.Run.open("folds/fold_1/baseline").metrics["tasks"] == ["ill", "odd"]
    whole = train(out="whole", train_on="train+valid", keep="last", **both).metrics["baseline"]
    assert ("valid" in whole, whole["ahead"]) == (False, False)


def test_what_is_too_large_or_has_no_statistics(train: Train, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "MOST_STATISTICS", 60 * 16 - 1)
    skipped = train(out="wide", baseline=True).metrics["baseline"]["skipped"]
    assert skipped == "960 statistics of bags are more than 959; fit one with --model extra-trees"
    monkeypatch.setattr(module, "MOST_VALUES", 10)
    skipped = train(out="long", baseline=True).metrics["baseline"]["skipped"]
    assert skipped.endswith("instances of 4 values have more than 10; fit one with --model extra-trees")
    rows = [f"m{n},{'C' * (n % 7 + 1)}{'NO'[n % 2]},{n % 2}" for n in range(40)]
    (tmp_path / "mixtures.csv").write_text("bag,smiles,label\n" + "\n".join(rows))
    run = train(tmp_path / "mixtures.csv", bag_column="bag", smiles_column="smiles", baseline=True, out="mixtures")
    assert run.metrics["baseline"]["skipped"] == "the instances of the bags are molecules, which have no statistics"


def test_classes_that_exclude_each_other(train: Train, bags: Path) -> None:
    frame = pd.read_csv(bags)
    number = frame["patient"].str[1:].astype(int)
    frame.assign(ill=np.array(["low", "mid", "high"])[number % 3]).to_csv(bags, index=False)
    run = train(out="run", task="multiclass", model="auto")
    assert list(run.metrics["choice"]) == ["attention", "extra-trees"]
    assert set(xgraph.predict("run")["predicted"]) <= {"low", "mid", "high"}


@pytest.mark.parametrize("name", ["attention", "extra-trees", "rank mean"])
def test_the_kept_model_is_the_run(
    train: Train, bags: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setattr(choice, "_value", lambda *_: 2.0 if name == "rank mean" else -1.0)
    real = choice.choose

    def choose(config: Any, source: Any, path: Path, metrics: dict[str, Any], **how: Any) -> dict[str, Any]:
        metrics["valid"]["ap"], metrics["baseline"]["valid"]["ap"] = float(name == "attention"), 0.5
        return real(config, source, path, metrics, **how)

    monkeypatch.setattr(choice, "choose", choose)
    run = train(out="run", model="auto")
    assert (run.metrics["chosen"], list(run.metrics["choice"])) == (name, ["attention", "extra-trees", "rank mean"])
    network = "run/network.ckpt" if name != "attention" else "run"
    written = pd.read_csv("run/predictions.csv").query("split == 'test'")
    own = xgraph.predict("run", list(written["bag"]))
    np.testing.assert_allclose(own["ill"], written["ill_score"], rtol=1e-5)
    new = table(9, seed=9)
    scores = xgraph.predict("run", new)["ill"]
    alone = xgraph.predict("run", new[new["patient"] == "p4"])["ill"]
    np.testing.assert_allclose(alone, scores[list(dict.fromkeys(new["patient"])).index("p4")], rtol=1e-5)
    members = {"attention": [network], "extra-trees": ["run/baseline"], "rank mean": [network, "run/baseline"]}[name]
    each = [xgraph.predict(one, new)["ill"] for one in members]
    if name == "rank mean":
        valid = pd.read_csv("run/predictions.csv").query("split == 'valid'")["bag"].tolist()
        for one, values in zip(members, each, strict=True):
            reference = np.sort(xgraph.predict(one, valid)["ill"])
            low, high = (np.searchsorted(reference, values, side=side) / len(reference) for side in ("left", "right"))
            values[:] = (low + high) / 2
        assert np.abs(scores - sum(each) / 2).max() <= 1 / len(reference)
    else:
        np.testing.assert_allclose(scores, each[0], rtol=1e-6)
    assert xgraph.evaluate("run") == pytest.approx(run.metrics["test"], nan_ok=True)
    assert xgraph.evaluate("run", data=bags)["ap"] > 0
    assert xgraph.train(out="run", resume=True).metrics == run.metrics
    if name == "attention":
        assert len(xgraph.predict("run", new, instances_out="w.csv")) == 9
        assert xgraph.embed("run")["v0"].notna().all()
    else:
        with pytest.raises(OptionError, match="instances_out = 'w.csv': the model of run/best.ckpt"):
            xgraph.predict("run", new, instances_out="w.csv")
        assert len(xgraph.predict(network, new, instances_out="w.csv")) == 9
        with pytest.raises(ValueError, match="no vectors"):
            xgraph.embed("run")


def test_a_folder_of_bags_is_scored_by_the_mean_of_ranks(
    train: Train, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(choice, "_value", lambda *_: 2.0)
    clam(tmp_path / "slides")
    assert train(tmp_path / "slides", out="run", model="auto").metrics["chosen"] == "rank mean"
    clam(tmp_path / "new", 9, seed=5, labels=False)
    (tmp_path / "new" / "h5_files" / "slide_03.h5").write_bytes(b"damaged")
    frame = xgraph.predict("run", tmp_path / "new")
    assert frame["label"].isna().tolist() == frame["error"].astype(bool).tolist()
    assert frame["error"].astype(bool).sum() == 1


def test_the_command(bags: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--epochs", "2", "--hidden-channels", "4", "--num-layers", "1", "--threads", "1"]
    command = ["train", str(bags), "--bag-column", "patient", "--target-columns", "ill", *options]
    assert main([*command, "--out", "run"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0].split() == ["metric", "valid", "test", "extra-trees_valid", "extra-trees_test"]
    assert f"baseline: {ABOUT}" in " ".join(out.split())
    assert main([*command, "--no-baseline", "--out", "plain"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["metric", "valid", "test"]
    assert main([*command, "--model", "auto", "--out", "auto"]) == 0
    assert "chosen: " in capsys.readouterr().out
