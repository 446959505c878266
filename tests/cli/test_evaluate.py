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
    assert [line.split()[0] for line in table] == ["metric", *METRICS]
    assert main(["evaluate", "run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"test": pytest.approx(expected["test"])}
    assert main(["evaluate", "run", "--split", "valid", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"valid": pytest.approx(expected["valid"])}
    assert main(["evaluate", "run", "--max-fpr", "0.1", "--min-tpr", "0.6", "--json"]) == 0
    names = set(json.loads(capsys.readouterr().out)["test"])
    assert names - set(METRICS) == {"pauc_mcclish_fpr0.1", "pauc_area_fpr0.1", "tpauc_tpr0.6_fpr0.1"}
    for limit in (["--max-fpr", "1.5"], ["--min-tpr", "-0.5"]):
        assert main(["evaluate", "run", *limit]) == 2
        assert capsys.readouterr().err.startswith(f"error: {limit[0][2:].replace('-', '_')}: expected a number")
    assert main(["evaluate", "run", "--split", "tset"]) == 2
    assert "tset" in capsys.readouterr().err


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
    assert len(table) == len(METRICS) + 1
    assert main(["evaluate", "run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"test": expected}
