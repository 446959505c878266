import json
from pathlib import Path
from typing import Any

import pytest

import xgraph
from xgraph.cli import main
from xgraph.training.scoring.metrics import METRICS


def test_metrics_are_a_table_or_json(csv: Path, small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(csv), *small, "--out", "run"]) == 0
    expected = json.loads(Path("run/metrics.json").read_text())
    capsys.readouterr()
    assert main(["evaluate", "run"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in table] == ["metric", "ap", "prc_auc", "roc_auc", "ef_1"]
    assert main(["evaluate", "run", "--all-metrics"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in table if line] == [
        "metric",
        *METRICS,
        "at",
        "accuracy",
        "balanced_accuracy",
        "f1",
        "mcc",
        *("how", "Brier", "calibration", "coverage", "coverage", "coverage", "classes"),
    ]
    assert main(["evaluate", "run", "--top", "3"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()][-2:] == ["precision@3", "hits@3"]
    for part in ("test", "valid"):
        assert main(["evaluate", "run", "--split", part, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found == {part: pytest.approx(expected[part]), "details": {part: expected["details"][part]}}
    assert main(["evaluate", "run", "--top", "0"]) == 2
    assert "top = 0: expected a positive integer" in capsys.readouterr().err
    assert main(["evaluate", "run", "--max-fpr", "0.1", "--min-tpr", "0.6", "--json"]) == 0
    names = set(json.loads(capsys.readouterr().out)["test"])
    assert names - set(METRICS) == {"pauc_mcclish_fpr0.1", "pauc_area_fpr0.1", "tpauc_tpr0.6_fpr0.1"}
    for limit in (["--max-fpr", "1.5"], ["--min-tpr", "-0.5"]):
        assert main(["evaluate", "run", *limit]) == 2
        assert capsys.readouterr().err.startswith(f"error: {limit[0][2:].replace('-', '_')}: expected a number")
    assert main(["evaluate", "run", "--split", "tset"]) == 2
    assert "tset" in capsys.readouterr().err


def test_effects_of_ties(csv: Path, small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(csv), *small, "--out", "run"]) == 0
    capsys.readouterr()
    assert main(["evaluate", "run", "--ties"]) == 0
    metrics, table = (part.splitlines() for part in capsys.readouterr().out.rstrip("\n").split("\n\n"))
    assert metrics[0].split() == ["metric", "test"]
    assert table[0].split() == ["scores", "tied", "ap", "prc_auc", "prc_auc", "from", "1"]
    assert [line.split()[0] for line in table[1:]] == ["logits", *["float32"] * 3, "a"]
    assert main(["evaluate", "run", "--ties", "--split", "valid", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["details"]["valid"]["ties"]
    expected = json.loads(Path("run/metrics.json").read_text())["valid"]
    assert {name: rows[0][name] for name in ("ap", "prc_auc", "tied")} == pytest.approx(
        {name: expected[name] for name in ("ap", "prc_auc", "tied")}
    )
    assert rows[-1]["tied"] == 1
    assert main(["evaluate", "run", "run", "--ties"]) == 2
    assert "ties: expected a single run, got 2" in capsys.readouterr().err
    assert main(["evaluate", "run", "--ties", "--data", str(csv)]) == 2
    assert "--ties: this option is for the run's own data" in capsys.readouterr().err


def test_several_runs_are_combined(csv: Path, small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for name, width in (("one", "8"), ("two", "4")):
        assert main(["train", str(csv), *small, "--hidden-channels", width, "--out", name]) == 0
    capsys.readouterr()
    for combine in ("mean", "rank"):
        assert main(["evaluate", "one", "two", "--combine", combine, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)["test"]
        assert found == pytest.approx(xgraph.evaluate(["one", "two"], combine=combine))
    assert main(["evaluate", "one", "two", "nowhere"]) == 1
    assert "nowhere is not a run directory" in capsys.readouterr().err
    assert main(["evaluate", "one", "two", "--combine", "best"]) == 2
    assert "combine = 'best': expected mean or rank" in capsys.readouterr().err


def test_folds_have_a_spread(
    csv: Path, small: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from xgraph.data import load

    def chains(name: str, *, fold: int | None = None, **_: Any) -> Any:
        return load(csv, split="random", seed=fold or 0)

    monkeypatch.setattr("xgraph.data.load", chains)
    assert main(["train", "aicures", *small[2:], "--fold", "0-2", "--out", "run"]) == 0
    expected = json.loads(Path("run/metrics.json").read_text())["test"]
    capsys.readouterr()
    assert main(["evaluate", "run"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[1].split() == ["ap", f"{expected['ap']:.4f}", "±", f"{expected['std']['ap']:.4f}"]
    assert len(table) == 5
    assert main(["evaluate", "run", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["test"] == expected
    folds = [json.loads(Path(f"run/fold_{k}/metrics.json").read_text())["details"]["test"] for k in range(3)]
    (task,) = found["details"]["test"]["tasks"].values()
    assert task["positives"] == sum(one["positives"] for fold in folds for one in fold["tasks"].values())


def test_each_task_has_its_own_line(tmp_path: Path, small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"{'C' * n}{end},{int(end == 'N')},{int(n % 2)},1" for n in range(1, 21) for end in "OCN"]
    Path("three.csv").write_text("smiles,amine,odd,always\n" + "\n".join(rows))
    assert main(["train", "three.csv", *small, "--out", "run"]) == 0
    assert "means over 2 of 3 tasks (those with both labels)" in capsys.readouterr().out
    figures = json.loads(Path("run/metrics.json").read_text())["details"]["test"]["tasks"]
    assert main(["evaluate", "run"]) == 0
    table = [line.split() for line in capsys.readouterr().out.splitlines()]
    for name, one in figures.items():
        cells = [str(one["positives"]), str(one["positives"] + one["negatives"])]
        cells += [f"{one[key]:.4f}" if key in one else "-" for key in ("ap", "roc_auc")]
        assert [name, *cells] in table
    assert "ap" not in figures["always"]
