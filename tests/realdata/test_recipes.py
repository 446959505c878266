"""Recipes on the real data sets: official folds, an interruption within one, the competition's own file."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tomli_w
from sklearn.metrics import roc_auc_score

from xgraph.cli import main
from xgraph.training.fit.task import Task

pytestmark = pytest.mark.realdata


@pytest.fixture(autouse=True)
def place(tmp_path: Path, real_root: Path, mirror_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(real_root))
    monkeypatch.setenv("XGRAPH_MIRROR", str(mirror_folder))
    monkeypatch.chdir(tmp_path)


def write(**values: Any) -> str:
    Path("mine.toml").write_text(tomli_w.dumps({"title": "a", "about": "b", **values}))
    return "mine.toml"


def test_folds_interrupted_within_one(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"dataset": "musk1", "fold": "0-2", "epochs": 2, "pretrain_epochs": 0, "hidden_channels": 8}
    recipe = write(
        settings=settings,
        member=[{"name": "few", "instances": 4, "seeds": [0, 1]}, {"name": "all", "seeds": [0, 1]}],
        ensemble=[{"name": "both", "members": ["few", "all"]}],
        compare=[{"one": "few", "other": "all", "metric": "roc_auc"}],
    )
    step, seen = Task.training_step, []

    def stop(self: Task, batch: Any, batch_idx: int) -> Any:
        if self not in seen:
            seen.append(self)
        if len(seen) == 5 and self.current_epoch == 1:
            raise KeyboardInterrupt
        return step(self, batch, batch_idx)

    with monkeypatch.context() as patch:
        patch.setattr(Task, "training_step", stop)
        assert main(["reproduce", recipe, "--out", "out", "--threads", "1", "--jobs", "1"]) == 130
    assert [path.parent.name for path in sorted(Path("out/few/seed_1").glob("fold_*/metrics.json"))] == ["fold_0"]
    assert main(["reproduce", recipe, "--out", "out", "--threads", "1"]) == 0
    assert main(["reproduce", recipe, "--out", "whole", "--threads", "1"]) == 0
    parts, whole = (json.loads(Path(out, "report.json").read_text()) for out in ("out", "whole"))
    assert parts["rows"] == whole["rows"]
    assert parts["compared"][0]["pairs"] == 3
    both = parts["rows"][2]["parts"][1]["test"]["roc_auc"]
    frames = [
        pd.read_csv(path).query("split == 'test'") for path in Path("out").glob("*/seed_*/fold_1/predictions.csv")
    ]
    assert len(frames) == 4
    label = frames[0].columns[2]
    assert both == pytest.approx(roc_auc_score(frames[0][label], sum(frame[f"{label}_score"] for frame in frames)))


def test_a_submission_in_the_competitions_format(capsys: pytest.CaptureFixture[str], mirror_folder: Path) -> None:
    recipe = write(
        settings={"dataset": "aicures", "fold": "0-1", "features": ["maccs"], "trees": 10},
        member=[{"name": "forest", "model": "forest"}, {"name": "extra", "model": "extra-trees"}],
        ensemble=[{"name": "both", "members": ["forest", "extra"], "combine": "rank"}],
        submission={"of": "both", "file": "aicures_pseudomonas/test.csv", "columns": ["smiles", "activity"]},
    )
    assert main(["reproduce", recipe, "--out", "out"]) == 0
    captured = capsys.readouterr()
    assert "predictions: out/test_predictions.csv" in captured.out
    assert (
        "warning: Molecules that cannot be read get the lowest score in test_predictions.csv: row 198" in captured.err
    )
    table = pd.read_csv("out/test_predictions.csv")
    given = pd.read_csv(mirror_folder / "aicures_pseudomonas/test.csv", encoding="utf-8-sig")
    assert list(table.columns) == ["smiles", "activity"]
    assert table["smiles"].tolist() == given["smiles"].tolist()
    assert len(table) == 238
    assert table["activity"].between(0, 1).all()
    assert table["activity"][198] == table["activity"].min()
