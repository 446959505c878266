import csv
from collections.abc import Callable
from pathlib import Path

import pytest

import xgraph
from xgraph.options import OptionError
from xgraph.training.metrics import METRICS, two_way_pauc

Train = Callable[..., xgraph.Run]


def test_gives_the_metrics_of_the_run(train: Train) -> None:
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


def test_mistakes(train: Train, csv: Path) -> None:
    train(out="run", epochs=1, pretrain_epochs=0)
    with pytest.raises(ValueError, match=r"train.*got 'tset'"):
        xgraph.evaluate("run", "tset")
    with pytest.raises(FileNotFoundError, match="not a run directory"):
        xgraph.evaluate("nowhere")
    csv.write_text(csv.read_text().replace("\nCCO,0\n", "\nCCO,1\n"))
    with pytest.raises(ValueError, match="other molecules, labels or splits"):
        xgraph.evaluate("run")
    csv.unlink()
    with pytest.raises(FileNotFoundError, match=r"chains\.csv"):
        xgraph.evaluate("run")


def test_unfinished_run(train: Train) -> None:
    train(out="run", epochs=1, pretrain_epochs=0)
    Path("run/metrics.json").unlink()
    with pytest.raises(FileNotFoundError, match="has not finished"):
        xgraph.evaluate("run")
