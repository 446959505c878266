"""OGB's sets of molecules from the command: what a run reports is what OGB's evaluator says of its predictions."""

import json
from pathlib import Path

import pandas as pd
import pytest

from xgraph.cli import main
from xgraph.data import load_card
from xgraph.data.ogb.package import without_version_check

pytestmark = pytest.mark.realdata

NAMES = ["ogbg-molbace", "ogbg-molclintox", "ogbg-molsider", "ogbg-moltox21", "ogbg-molesol", "ogbg-molfreesolv"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_reported_figures_are_those_of_ogbs_evaluator(name: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    model = ["--model", "forest", "--features", "maccs", "--trees", "5"]
    assert main(["train", name, *model, "--no-report", "--out", str(out)]) == 0
    with without_version_check():
        from ogb.graphproppred import Evaluator
    metrics = json.loads((out / "metrics.json").read_text())
    frame = pd.read_csv(out / "predictions.csv")
    tasks = metrics["tasks"]
    assert len(tasks) == load_card(name).tasks
    for part in ("valid", "test"):
        own = frame[frame["split"] == part]
        judged = Evaluator(name).eval(
            {"y_true": own[tasks].to_numpy(), "y_pred": own[[f"{task}_score" for task in tasks]].to_numpy()}
        )
        (metric,) = judged
        assert metrics[part][f"ogb_{metric}"] == pytest.approx(judged[metric], abs=1e-6)
        ours = {"rocauc": "roc_auc", "rmse": "rmse"}[metric]
        assert metrics[part][ours] == pytest.approx(judged[metric], abs=1e-6)
        assert metrics["metric"] == ours
