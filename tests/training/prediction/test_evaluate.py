import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata

import xgraph
from xgraph.data import load
from xgraph.options import OptionError
from xgraph.training.prediction.evaluate import evaluate_in_detail
from xgraph.training.scoring.metrics import METRICS, score_all, two_way_pauc

Train = Callable[..., xgraph.Run]
FOREST: dict[str, Any] = {"model": "forest", "trees": 7, "features": ["maccs"]}


def test_evaluate_repeats_the_metrics_of_the_run(train: Train) -> None:
    run = train(out="run")
    assert xgraph.evaluate("run") == pytest.approx(run.metrics["test"], nan_ok=True)
    assert xgraph.evaluate("run", "valid") == pytest.approx(run.metrics["valid"], nan_ok=True)
    assert set(xgraph.evaluate("run", "train")) == set(METRICS)


def test_partial_areas_at_other_limits(train: Train) -> None:
    run = train(out="run")
    values = xgraph.evaluate("run", max_fpr=0.1, min_tpr=0.6)
    assert list(values) == [*METRICS, "pauc_mcclish_fpr0.1", "pauc_area_fpr0.1", "tpauc_tpr0.6_fpr0.1"]
    assert {name: values[name] for name in METRICS} == pytest.approx(run.metrics["test"], nan_ok=True)
    with (run.path / "predictions.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "test"]
    y, s = ([float(row[column]) for row in rows] for column in ("amine", "amine_score"))
    assert values["tpauc_tpr0.6_fpr0.1"] == pytest.approx(two_way_pauc(y, s, 0.6, 0.1), nan_ok=True)
    assert list(xgraph.evaluate("run", min_tpr=0.6))[-1] == "tpauc_tpr0.6_fpr0.5"
    for limits, message in (({"max_fpr": 0.0}, "max_fpr: .*got 0.0"), ({"min_tpr": 1.0}, "min_tpr: .*got 1.0")):
        with pytest.raises(OptionError, match=message):
            xgraph.evaluate("run", **limits)


def test_invalid_arguments_are_refused(train: Train, csv: Path) -> None:
    train(out="run", epochs=1, pretrain_epochs=0)
    with pytest.raises(ValueError, match=r"'tset': expected a part of 'chains': train"):
        xgraph.evaluate("run", "tset")
    with pytest.raises(FileNotFoundError, match="not a run directory"):
        xgraph.evaluate("nowhere")
    csv.write_text(csv.read_text().replace("\nCCO,0\n", "\nCCO,1\n"))
    with pytest.raises(ValueError, match="the molecules, labels or splits of 'chains' have changed"):
        xgraph.evaluate("run")
    csv.unlink()
    with pytest.raises(FileNotFoundError, match=r"chains\.csv"):
        xgraph.evaluate("run")


def test_an_unfinished_run_is_refused(train: Train) -> None:
    train(out="run", epochs=1, pretrain_epochs=0)
    Path("run/metrics.json").unlink()
    with pytest.raises(FileNotFoundError, match="has not finished"):
        xgraph.evaluate("run")


@pytest.mark.parametrize("combine", ["mean", "rank"])
def test_several_runs_are_evaluated_as_an_ensemble(train: Train, csv: Path, combine: str) -> None:
    for name, width in (("one", 8), ("two", 16)):
        train(out=name, epochs=1, pretrain_epochs=0, hidden_channels=width)
    xgraph.train(csv, **{**FOREST, "trees": 3}, min_samples_leaf=12, split="random", out="forest")
    runs, data = ["one", "two", "forest"], load(csv, split="random")
    for split in ("train", "test"):
        part = data.splits[split]
        smiles = [data.smiles[i] for i in part.tolist()]
        parts = np.stack([xgraph.predict(run, smiles)["amine"] for run in runs])
        scores = np.mean(rankdata(parts, axis=1) if combine == "rank" else parts, axis=0)
        result = xgraph.evaluate(runs, split, combine=combine)
        assert result == pytest.approx(score_all(data.y[part, 0], scores), nan_ok=True)
        if split == "train":
            assert all(result["ap"] != xgraph.evaluate(run, split)["ap"] for run in runs)
    assert "pauc_area_fpr0.1" in xgraph.evaluate(runs, combine=combine, max_fpr=0.1)
    assert xgraph.evaluate(["one"], combine=combine) == pytest.approx(xgraph.evaluate("one"), nan_ok=True)


@pytest.fixture
def folds(csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace a data set with folds by the chains, with random splits as folds."""
    import xgraph.data

    real = xgraph.data.load

    def load(name: str, *, fold: int | None = None, features: list[str] | None = None, **_: Any) -> Any:
        return real(csv, split="random", seed=fold or 0, features=features)

    monkeypatch.setattr("xgraph.data.load", load)


def test_runs_over_folds_are_evaluated_fold_by_fold(folds: None) -> None:
    for name, seed in (("a", 0), ("b", 1)):
        xgraph.train("aicures", **FOREST, fold="0-2", seed=seed, out=name)
    parts = [xgraph.evaluate([f"a/fold_{n}", f"b/fold_{n}"]) for n in range(3)]
    result = evaluate_in_detail(["a", "b"]).metrics
    for name in METRICS:
        values = [part[name] for part in parts]
        assert result[name] == result["mean"][name] == pytest.approx(np.mean(values))
        assert result["std"][name] == pytest.approx(np.std(values, ddof=1))
    assert xgraph.evaluate(["a", "b"]) == result["mean"]
    assert "mean" not in evaluate_in_detail(["a/fold_0", "b/fold_0"]).metrics
    with pytest.raises(ValueError, match=r"the molecules, labels or splits of 'chains' differ between b/fold_1 and"):
        xgraph.evaluate(["a/fold_0", "b/fold_1"])
    xgraph.train("aicures", **FOREST, fold="0-1", out="c")
    with pytest.raises(ValueError, match="a has 0, 1, 2 and c has 0, 1"):
        xgraph.evaluate(["a", "c"])
    with pytest.raises(ValueError, match="a has 0, 1, 2 and b/fold_0 has none"):
        xgraph.evaluate(["a", "b/fold_0"])
    Path("a/metrics.json").unlink()
    for use in (lambda: xgraph.evaluate("a"), lambda: xgraph.predict("a", ["C"])):
        with pytest.raises(FileNotFoundError, match="run: a has not finished"):
            use()


def test_runs_on_different_data_are_not_evaluated_together(train: Train, csv: Path) -> None:
    train(out="run", epochs=1, pretrain_epochs=0)
    train(out="other_split", epochs=1, pretrain_epochs=0, seed=1)
    with pytest.raises(ValueError, match="the molecules, labels or splits of 'chains' differ between other_split"):
        xgraph.evaluate(["run", "other_split"])
    Path("same.csv").write_text(csv.read_text())
    train(dataset="same.csv", out="other_name", epochs=1, pretrain_epochs=0)
    with pytest.raises(ValueError, match=r"on the same data set, got 'chains' \(run\) and 'same' \(other_name\)"):
        xgraph.evaluate(["run", "other_name"])
    csv.write_text(csv.read_text().replace("amine", "another"))
    train(out="other_task", epochs=1, pretrain_epochs=0)
    with pytest.raises(ValueError, match=r"must have the same tasks, got 'amine' \(run\) and 'another' \(other_task\)"):
        xgraph.evaluate(["run", "other_task"])
    with pytest.raises(ValueError, match="at least one run directory, got none"):
        xgraph.evaluate([])
