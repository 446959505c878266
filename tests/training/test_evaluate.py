from collections.abc import Callable
from pathlib import Path

import pytest

import xgraph

Train = Callable[..., xgraph.Run]


def test_gives_the_metrics_of_the_run(train: Train) -> None:
    run = train(out="run")
    assert xgraph.evaluate("run") == pytest.approx(run.metrics["test"], nan_ok=True)
    assert xgraph.evaluate("run", "valid") == pytest.approx(run.metrics["valid"], nan_ok=True)
    assert set(xgraph.evaluate("run", "train")) == {"ap", "prc_auc", "roc_auc"}


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
