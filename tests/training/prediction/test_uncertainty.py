"""Conformal sets and calibrated probabilities beside predictions, from Python."""

import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch_geometric.data import Data

import xgraph
from xgraph.options import OptionError
from xgraph.training import Predictor, predict_file
from xgraph.training.scoring.calibration import brier_score
from xgraph.training.scoring.calibrators import Calibrator

SHORT: dict[str, Any] = {"epochs": 2, "hidden_channels": 4, "num_layers": 1, "batch_size": 16, "threads": 1}
SMILES = ["CCN", "CCO", "C1CC", "CCCCCCN", None]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run over two seeds on two tasks, of which one has missing labels, with 60 molecules to validate and to test."""
    folder = tmp_path_factory.mktemp("runs")
    ends = [(end, int(end in "NP"), "" if end == "P" else int(end == "S")) for end in "OCNPS"]
    rows = [f"{'C' * n}{a}{'C' * m}{end},{y},{z},{['train', 'valid', 'test'][(n + m) % 3]}"
            for n in range(1, 7) for m in range(1, 7) for a in "C" for end, y, z in ends]  # fmt: skip
    (folder / "table.csv").write_text("smiles,first,second,part\n" + "\n".join(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XGRAPH_ROOT", str(folder / "root"))
        settings = {**SHORT, "split_column": "part", "loss": "bce"}
        xgraph.train(folder / "table.csv", **settings, seeds=2, out=folder / "two")
    return folder


def p_value(valid: pd.DataFrame, task: str, c: int, score: float) -> float:
    own = valid.loc[valid[task] == c, f"{task}_score"]
    return (1 + ((own <= score) if c else (own >= score)).sum()) / (1 + len(own))


@pytest.mark.parametrize("which", ["two", "two/seed_1"])
def test_p_values_and_sets_are_those_of_the_validation_part_in_predictions_csv(runs: Path, which: str) -> None:
    table = pd.read_csv(runs / which / "predictions.csv")
    valid = table[table["split"] == "valid"]
    found = xgraph.predict(runs / which, SMILES, alpha=0.2, calibrate="isotonic")
    plain = xgraph.predict(runs / which, SMILES)
    pd.testing.assert_frame_equal(found[plain.columns], plain)  # scores stay as they are
    new = [f"{t}_prob" for t in ("first", "second")]
    new += [f"{t}_{what}" for t in ("first", "second") for what in ("p0", "p1", "set")]
    assert [name for name in found if name not in plain] == new
    assert found.columns[-1] == "error"
    for task in ("first", "second"):
        known = valid[valid[task].notna()]
        probability = Calibrator(known[task], known[f"{task}_score"], "isotonic").probabilities(found[task])
        for i, row in found.iterrows():
            if row["error"]:
                assert row[[f"{task}_prob", f"{task}_p0", f"{task}_p1", f"{task}_set"]].isna().all()
                continue
            p = [p_value(valid, task, c, row[task]) for c in (0, 1)]
            assert [row[f"{task}_p0"], row[f"{task}_p1"]] == pytest.approx(p)
            assert row[f"{task}_set"] == "{" + ", ".join(str(c) for c in (0, 1) if p[c] > 0.2) + "}"
            assert row[f"{task}_prob"] == pytest.approx(probability[i, 0])


def test_every_way_to_predict_gives_the_same_columns(runs: Path, tmp_path: Path) -> None:
    how: dict[str, Any] = {"alpha": 0.2, "calibrate": "temperature"}
    frame = pd.DataFrame({"smiles": SMILES[:4], "first_p0": 1})
    with pytest.warns(UserWarning, match=r"already has columns.*'first_p0' \('first_p0_2'\)"):
        expected = xgraph.predict(runs / "two", frame, keep_columns=True, **how)
    assert list(expected.columns[2:6]) == ["first_score", "second_score", "first_std", "second_std"]
    assert "second_set_2" in expected
    frame.to_csv(tmp_path / "in.csv", index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pd.testing.assert_frame_equal(Predictor(runs / "two", **how)(frame), expected)
        for name in ("out.csv", "out.parquet"):
            predict_file(runs / "two", tmp_path / "in.csv", tmp_path / name, **how)
    for read in (pd.read_csv(tmp_path / "out.csv"), pd.read_parquet(tmp_path / "out.parquet")):
        assert list(read.columns) == list(expected.columns)
        np.testing.assert_allclose(read["first_p1_2"], expected["first_p1_2"])
        assert read["first_set_2"].fillna("").tolist() == expected["first_set_2"].fillna("").tolist()


def test_evaluation_counts_what_the_sets_of_predictions_hold(runs: Path) -> None:
    table = pd.read_csv(runs / "two/predictions.csv")
    test = table[table["split"] == "test"]
    held = xgraph.predict(runs / "two", test["smiles"].tolist(), alpha=0.2, calibrate="temperature")
    figures = xgraph.evaluate(runs / "two", alpha=0.2, calibrate="temperature")
    plain = xgraph.evaluate(runs / "two")
    assert {name: figures[name] for name in plain} == plain
    coverage, size, brier = [], [], []
    for task in ("first", "second"):
        labels = test[task].to_numpy()
        known = ~np.isnan(labels)
        sets = held[f"{task}_set"][known]
        coverage.append(np.mean([str(int(y)) in one for y, one in zip(labels[known], sets, strict=True)]))
        size.append(np.mean([one.count("0") + one.count("1") for one in sets]))
        brier.append(brier_score(labels, held[f"{task}_prob"]))
    assert figures["coverage"] == pytest.approx(np.mean(coverage))
    assert figures["set_size"] == pytest.approx(np.mean(size))
    assert figures["brier_temperature"] == pytest.approx(np.mean(brier))
    again = xgraph.evaluate(runs / "two", data=test.iloc[:, 2:5:2].assign(first=test["first"], second=test["second"]),
                            alpha=0.2, calibrate="temperature")  # fmt: skip
    assert {name: again[name] for name in figures} == pytest.approx(figures)
    details = xgraph.Run.open(runs / "two").metrics["ensemble"]["details"]
    assert details["test"]["calibration"]["brier"] == pytest.approx(figures["brier"])
    assert details["test"]["calibration"]["alpha"] == 0.1
    assert "coverage" not in details["valid"]["calibration"]
    with pytest.raises(OptionError, match="alpha: the validation part calibrates, so measure on another one"):
        xgraph.evaluate(runs / "two", "valid", alpha=0.2)


def test_what_cannot_be_calibrated_says_why(runs: Path, tmp_path: Path) -> None:
    two = [runs / "two/seed_0", runs / "two/seed_1"]
    for how, message in [
        ({"alpha": 1.0}, "alpha = 1.0: expected a number between 0 and 1"),
        ({"calibrate": "platt"}, "calibrate = 'platt': expected temperature or isotonic"),
        ({"alpha": 0.1, "combine": "rank"}, "combine = 'rank': ranks depend on which items.*no alpha"),
    ]:
        for call in (
            lambda how=how: xgraph.predict(two, ["CCN"], **how),
            lambda how=how: xgraph.evaluate(two, **how),
            lambda how=how: predict_file(two, "none.csv", tmp_path / "out.csv", **how),
        ):
            with pytest.raises(OptionError, match=message):
                call()
    with pytest.raises(ValueError, match="is a checkpoint alone; give the run directory"):
        xgraph.predict(two[0] / "last.ckpt", ["CCN"], alpha=0.1)
    other = tmp_path / "other"
    shutil.copytree(two[1], other)
    table = pd.read_csv(other / "predictions.csv")
    table[table["split"] != "valid"].to_csv(other / "predictions.csv", index=False)
    with pytest.raises(ValueError, match=r"alpha: .*other has no validation part to calibrate on"):
        xgraph.predict(other, ["CCN"], alpha=0.1)
    table.drop(index=0).to_csv(other / "predictions.csv", index=False)
    with pytest.raises(ValueError, match="calibrate: the validation parts of .*seed_0 and .*other differ"):
        xgraph.predict([two[0], other], ["CCN"], calibrate="isotonic")


def test_few_or_no_items_of_a_class_put_it_in_every_set_with_a_warning(runs: Path, tmp_path: Path) -> None:
    shutil.copytree(runs / "two/seed_0", tmp_path / "run")
    table = pd.read_csv(tmp_path / "run/predictions.csv")
    table.loc[(table["split"] == "valid") & (table["second"] == 1), "second"] = np.nan
    table = table.astype({"first": "Int64", "second": "Int64"})
    table.to_csv(tmp_path / "run/predictions.csv", index=False)
    with pytest.warns(UserWarning, match=r"alpha = 0.01: a class needs at least 99 items .*class 1 of second \(0\)"):
        found = xgraph.predict(tmp_path / "run", ["CCN"], alpha=0.01)
    assert found["first_set"].tolist() == found["second_set"].tolist() == ["{0, 1}"]
    with pytest.warns(UserWarning, match=r"the labels of 'second' in the validation part have one class only"):
        found = xgraph.predict(
            tmp_path / "run", pd.DataFrame({"smiles": ["CCN"]}), calibrate="isotonic", keep_columns=True
        )
    assert found["second_prob"].isna().all()
    assert not found["first_prob"].isna().any()


def test_nodes_of_several_classes_and_bags(tmp_path: Path) -> None:
    torch.manual_seed(0)
    y = torch.arange(300) % 3
    graph = Data(x=torch.eye(3)[y] + torch.randn(300, 3), edge_index=torch.randint(0, 300, (2, 600)), y=y)
    run = xgraph.train(graph, split="random", **{**SHORT, "batch_size": 64}, out=tmp_path / "nodes")
    names = run.metrics["classes"]
    found = xgraph.predict(run.path, graph, alpha=0.2, calibrate="temperature")
    assert list(found.columns) == [
        *("node", "predicted", *names, *(f"{c}_prob" for c in names), *(f"{c}_p" for c in names), "set")
    ]
    np.testing.assert_allclose(found[[f"{c}_prob" for c in names]].sum(axis=1), 1)
    table = pd.read_csv(run.path / "predictions.csv", dtype={"label": str})
    valid = table[table["split"] == "valid"]
    own = valid.loc[valid["label"] == names[0], f"{names[0]}_score"].to_numpy()
    p = [(1 + (own <= score).sum()) / (1 + len(own)) for score in found[names[0]]]
    np.testing.assert_allclose(found[f"{names[0]}_p"], p)
    inside = [", ".join(c for c in names if row[f"{c}_p"] > 0.2) for _, row in found.iterrows()]
    assert found["set"].tolist() == ["{" + one + "}" for one in inside]
    test = table[table["split"] == "test"]
    sets = found.set_index("node")["set"]
    expected = np.mean([c in sets[node] for c, node in zip(test["label"], test["node"], strict=True)])
    figures = xgraph.evaluate(run.path, "test", data=graph, alpha=0.2)
    assert figures["coverage"] == pytest.approx(expected)
    own = test[test["label"] == names[1]]
    assert figures[f"coverage_{names[1]}"] == pytest.approx(np.mean([names[1] in sets[node] for node in own["node"]]))

    rng = np.random.default_rng(0)
    rows = [f"{bag},{bag % 2},{rng.normal(bag % 2)}" for bag in range(80) for _ in range(3)]
    (tmp_path / "bags.csv").write_text("bag,label,a\n" + "\n".join(rows))
    bags = xgraph.train(tmp_path / "bags.csv", bag_column="bag", model="extra-trees", trees=4, out=tmp_path / "bags")
    scored = xgraph.predict(bags.path, tmp_path / "bags.csv", alpha=0.3, keep_columns=True)
    assert {"label_score", "label_p0", "label_p1", "label_set", "error"} <= set(scored)
    assert scored["label_p1"].between(0, 1).all()
    known = xgraph.predict(bags.path, ["3", ""], alpha=0.3)
    assert known["label_set"].isna().tolist() == [False, True]
