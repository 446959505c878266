"""Predictions for bags of new tables, and of the runs' own data."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from bag_tables import FEATURES, table
from scipy.stats import rankdata

import xgraph
from xgraph.data import BagDataset
from xgraph.options import OptionError
from xgraph.training.prediction.predict import run_kind
from xgraph.training.scoring.bag_scores import explain_bags
from xgraph.training.scoring.inference import probability

SMALL: dict[str, Any] = {
    "bag_column": "patient",
    "target_columns": ["ill"],
    "epochs": 3,
    "pretrain_epochs": 1,
    "hidden_channels": 8,
    "num_layers": 1,
    "instances": 2,
    "threads": 1,
}


@pytest.fixture
def run(tmp_path: Path) -> xgraph.Run:
    lines = table().to_csv(index=False).splitlines()
    (tmp_path / "patients.csv").write_text("\n".join([*lines[:6], "", *lines[6:]]))  # data row 5 is blank
    return xgraph.train(tmp_path / "patients.csv", **SMALL, out="run")


def written(frame: pd.DataFrame, name: str = "new.csv") -> Path:
    frame.to_csv(name, index=False)
    return Path(name)


def test_scores_of_new_bags_equal_the_definitions(run: xgraph.Run) -> None:
    new = table(12, seed=7)
    path = written(new[[*reversed(FEATURES), "ill", "patient"]].rename(columns={"patient": "bag"}).assign(note="hm"))
    frame = xgraph.predict(run.path, path, instances_out="w.csv")
    assert list(frame.columns) == ["bag", "ill", "error"]
    assert list(frame["bag"]) == list(dict.fromkeys(new["patient"])), "in the order of first appearance"
    assert (frame["error"] == "").all()
    codes, names = pd.factorize(new["patient"])
    data = BagDataset(new[FEATURES].to_numpy(dtype=np.float32), bag=codes, bag_names=list(names))
    result = explain_bags(run.model, data, torch.arange(12))  # type: ignore[arg-type]
    np.testing.assert_allclose(frame["ill"], probability(result.logits)[:, 0], rtol=1e-5)
    weights = pd.read_csv("w.csv", keep_default_na=False)
    assert list(weights.columns) == ["bag", "row", "weight", "score", "error"]
    assert list(weights["bag"]) == list(new["patient"]), "a row for each row of the file, in its order"
    assert list(weights["row"]) == list(range(len(new)))
    by_row = np.empty((len(new), 2))
    by_row[result.instance] = np.concatenate([result.weights, probability(result.scores)], axis=1)
    np.testing.assert_allclose(weights[["weight", "score"]], by_row, rtol=1e-5)
    np.testing.assert_allclose(weights.groupby("bag")["weight"].sum(), 1, rtol=1e-5)


def test_unreadable_rows_affect_only_their_bag(run: xgraph.Run) -> None:
    new = table(6, seed=3).sort_values("patient", kind="stable", ignore_index=True).astype({"f1": object})
    whole = xgraph.predict(run.path, written(new))
    rows = [int(new.index[new["patient"] == name][0]) for name in ("p1", "p2", "p4")]
    new.loc[rows[0], "f1"] = None
    new.loc[rows[1], "f1"] = "1,5"
    new.loc[rows[2], "f3"] = np.inf
    frame = xgraph.predict(run.path, written(new), instances_out="w.csv")
    assert list(frame["bag"]) == list(whole["bag"])
    assert list(frame["error"]) == [
        "",
        f"data row {rows[0]}: expected a finite number in column 'f1', got no value",
        f"data row {rows[1]}: expected a finite number in column 'f1', got '1,5'",
        "",
        f"data row {rows[2]}: expected a finite number in column 'f3', got 'inf'",
        "",
    ]
    bad = frame["error"] != ""
    assert frame["ill"][bad].isna().all()
    np.testing.assert_allclose(frame["ill"][~bad], whole["ill"][~bad], rtol=1e-5)
    weights = pd.read_csv("w.csv")
    assert len(weights) == len(new)
    assert set(weights["bag"][weights["weight"].isna()]) == {"p1", "p2", "p4"}
    assert list(np.flatnonzero(weights["error"].notna())) == rows
    nothing = xgraph.predict(run.path, written(new[new["patient"] == "p1"]), instances_out="w.csv")
    assert list(nothing["ill"].notna()) == [False]


def test_blank_lines_and_bags_named_by_numbers(run: xgraph.Run) -> None:
    new = table(3, seed=5)
    new["patient"] = new["patient"].str.replace("p", "00")
    lines = written(new).read_text().splitlines()
    Path("new.csv").write_text("\n".join([*lines[:3], "", *lines[3:], "", ""]))
    frame = xgraph.predict(run.path, "new.csv", instances_out="w.csv")
    assert set(frame["bag"]) == {"000", "001", "002"}
    rows = list(pd.read_csv("w.csv", dtype=str)["row"])
    assert rows == [str(i) for i in range(len(new) + 1) if i != 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.drop(columns=["f1", "f3"]),
            "lacks 2 of the 4 features that the run was trained on: 'f1', 'f3'; the",
        ),
        (
            lambda t: t.drop(columns="patient"),
            "has no recognisable column of bag names: the columns are 'ill', .*--bag-column",
        ),
        (lambda t: t.assign(patient=t.patient.where(t.index != 7)), "'patient' has no bag in 1 rows; .* data row 7"),
        (lambda t: t[:0], "has a header .* but no rows"),
    ],
)
def test_unusable_tables_are_refused(run: xgraph.Run, change: Callable[..., Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        xgraph.predict(run.path, written(change(table(5))), instances_out="w.csv")
    assert not Path("w.csv").exists()


def test_the_bag_column_is_recognised(run: xgraph.Run) -> None:
    new = table(5, seed=2)
    expected = xgraph.predict(run.path, written(new))
    other = written(new.rename(columns={"patient": "case"}))
    pd.testing.assert_frame_equal(xgraph.predict(run.path, other, bag_column="case"), expected)
    with pytest.raises(ValueError, match="has no column 'cse'"):
        xgraph.predict(run.path, other, bag_column="cse")
    with pytest.raises(FileNotFoundError, match="items: no file 'nowhere.csv'"):
        xgraph.predict(run.path, "nowhere.csv")
    with pytest.raises(
        OptionError, match="smiles_column = 'x': this option is for molecules, but the run is on feature columns"
    ):
        xgraph.predict(run.path, other, bag_column="case", smiles_column="x")


def test_columns_with_one_value_for_each_bag_are_kept(run: xgraph.Run) -> None:
    new = table(5, seed=1)
    new["case"] = "c" + new["patient"].str[1:]
    new["note"] = range(len(new))
    frame = xgraph.predict(run.path, written(new), keep_columns=True)
    assert list(frame.columns) == ["patient", "ill", "case", "ill_score", "error"]
    assert list(frame["case"]) == [f"c{name[1:]}" for name in frame["patient"]]
    assert list(frame["ill_score"]) == list(xgraph.predict(run.path, written(new))["ill"])
    own = xgraph.predict(run.path, ["p3"], keep_columns=True)
    assert list(own.columns) == ["bag", "ill_score"]


def test_bags_of_the_runs_own_data(run: xgraph.Run) -> None:
    assert run_kind(run.path) == "bag"
    whole = xgraph.predict(run.path, instances_out="w.csv")
    t = table()
    assert list(whole["bag"]) == list(dict.fromkeys(t["patient"]))
    score = dict(zip(whole["bag"], whole["ill"], strict=True))
    predictions = pd.read_csv(run.path / "predictions.csv")
    assert [score[bag] for bag in predictions["bag"]] == pytest.approx(list(predictions["ill_score"]), rel=1e-5)
    weights = pd.read_csv("w.csv")
    assert sorted(weights["row"]) == [row for row in range(len(t) + 1) if row != 5]
    entry = weights["row"] - (weights["row"] > 5)
    assert list(t["patient"][entry]) == list(weights["bag"])
    some = xgraph.predict(run.path, ["p7", "p3", "p7"])
    assert list(some["bag"]) == ["p7", "p3", "p7"]
    assert list(some["ill"]) == pytest.approx([score[bag] for bag in some["bag"]], rel=1e-5)
    Path("names.csv").write_text("patient\np7\n\np3\n")
    named = xgraph.predict(run.path, "names.csv")
    assert list(named["ill"].notna()) == [True, False, True]
    assert named["ill"][2] == pytest.approx(score["p3"], rel=1e-5)
    assert len(xgraph.predict(run.path, [])) == 0
    with pytest.raises(ValueError, match=r"'patients' has no bag 'p99' \(did you mean"):
        xgraph.predict(run.path, ["p99"])
    with pytest.raises(TypeError, match="items: expected bag names .*, got 2.5"):
        xgraph.predict(run.path, [2.5])
    table(seed=1).to_csv("patients.csv", index=False)
    with pytest.raises(ValueError, match="the bags, labels or splits of 'patients' have changed since run/best.ckpt"):
        xgraph.predict(run.path)


def test_ensembles_of_runs_on_bags(run: xgraph.Run, tmp_path: Path) -> None:
    xgraph.train("patients.csv", **{**SMALL, "seed": 1, "loss": "bce"}, model="smoothed-max", out="second")
    path = written(table(4, seed=9))
    parts = [xgraph.predict(one, path, instances_out=f"{one}.csv") for one in ("run", "second")]
    both = xgraph.predict(["run", "second"], path, instances_out="both.csv")
    np.testing.assert_allclose(both["ill"], (parts[0]["ill"] + parts[1]["ill"]) / 2)
    one, other, mean = (pd.read_csv(f"{name}.csv")[["weight", "score"]] for name in ("run", "second", "both"))
    np.testing.assert_allclose(mean, (one + other) / 2)
    scores = np.stack([part["ill"] for part in parts])
    np.testing.assert_allclose(both["ill_std"], scores.std(axis=0, ddof=1))
    assert list(both.columns) == ["bag", "ill", "ill_std", "error"]
    ranked = xgraph.predict(["run", "second"], path, combine="rank", instances_out="ranked.csv")
    np.testing.assert_allclose(ranked["ill"], (rankdata(scores, axis=1) - 1).mean(axis=0) / 3)
    assert Path("ranked.csv").read_text() == Path("both.csv").read_text()
    everything = xgraph.evaluate(["run", "second"], "train", combine="rank")
    assert list(everything) == list(xgraph.evaluate("run", "train"))
    own = xgraph.predict(["run", "second"], ["p3"])
    assert list(own.columns) == ["bag", "ill", "ill_std"]
    assert own["ill"][0] == pytest.approx(np.mean([xgraph.predict(r, ["p3"])["ill"][0] for r in ("run", "second")]))
    xgraph.train("patients.csv", **SMALL, feature_columns=["f2"], out="narrow")
    with pytest.raises(ValueError, match=r"same instances, but shape of an instance is \[4\] in run/.* and \[1\] in "):
        xgraph.predict(["run", "narrow"], path)
    table(seed=4)[lambda t: t["patient"] != "p3"].to_csv("patients.csv", index=False)
    xgraph.train("patients.csv", **SMALL, out="fewer")
    with pytest.raises(ValueError, match="must be on the same data set, got 'patients' with 60 bags"):
        xgraph.predict(["run", "fewer"])


def test_ensembles_of_different_instances_are_refused(run: xgraph.Run, csv: Path) -> None:
    short = {"epochs": 1, "pretrain_epochs": 0, "hidden_channels": 4, "num_layers": 1, "split": "random"}
    xgraph.train(csv, **short, target_columns=["amine"], out="molecules")
    with pytest.raises(ValueError, match=r"got bags \(run/best.ckpt\) and molecules \(molecules/best.ckpt\)"):
        xgraph.predict(["run", "molecules"])
    for option in ("bag_column", "instances_out"):
        with pytest.raises(OptionError, match=f"{option} = 'x': this option is for runs on bags"):
            xgraph.predict("molecules", ["CC"], **{option: "x"})


def test_features_without_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registered data sets have no feature names, so only the number of columns matters."""
    from xgraph.data import read_bags

    table().to_csv("patients.csv", index=False)

    def load(name: str, **_: Any) -> BagDataset:
        data = read_bags("patients.csv", bag_column="patient", target_columns=["ill"], name=name)
        data.splits = dict(zip(("train", "valid", "test"), torch.arange(60).split([36, 12, 12]), strict=True))
        data.feature_names = []
        return data

    monkeypatch.setattr("xgraph.data.load", load)
    settings = {name: value for name, value in SMALL.items() if name not in ("bag_column", "target_columns")}
    xgraph.train("musk1", **settings, out="named")
    new = table(4, seed=9)
    expected = xgraph.predict("named", written(new.rename(columns={"patient": "bag"})))
    for frame in (
        new.drop(columns="ill"),
        new.rename(columns={"ill": "label"}),
        new.rename(columns={f: f"x{i}" for i, f in enumerate(FEATURES)}),
    ):
        result = xgraph.predict("named", written(frame), bag_column="patient")
        np.testing.assert_allclose(result["ill"], expected["ill"], rtol=1e-6)
    with pytest.raises(ValueError, match="trained on 4 features, but new.csv has 3 columns besides those of bags"):
        xgraph.predict("named", written(new.drop(columns="f2")), bag_column="patient")


def test_several_tasks(tmp_path: Path) -> None:
    t = table()
    names = pd.factorize(t["patient"])[0]
    t["bag_y"] = names % 2
    t.loc[t["patient"] == "p5", "bag_y"] = None
    t.to_csv("two.csv", index=False)
    settings = {**SMALL, "target_columns": ["ill", "bag_y"]}
    xgraph.train("two.csv", **settings, heads=2, out="run")
    frame = xgraph.predict("run", written(t[:40]), instances_out="w.csv")
    assert list(frame.columns) == ["bag", "ill", "bag_y", "error"]
    weights = pd.read_csv("w.csv")
    assert list(weights.columns)[2:] == ["ill_weight", "ill_score", "bag_y_weight", "bag_y_score", "error"]
    assert not np.allclose(weights["ill_weight"], weights["bag_y_weight"]), "an attention for each task"
    sums = weights.groupby("bag")[["ill_weight", "bag_y_weight"]].sum()
    np.testing.assert_allclose(sums, 1, rtol=1e-5)
