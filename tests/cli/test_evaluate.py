import json
from pathlib import Path

import pytest

from xgraph.cli import main
from xgraph.training.metrics import METRICS


def test_table_and_json(csv: Path, small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(csv), *small, "--out", "run"]) == 0
    expected = json.loads(Path("run/metrics.json").read_text())
    capsys.readouterr()
    assert main(["evaluate", "run"]) == 0
    *table, last = capsys.readouterr().out.splitlines()
    assert json.loads(last) == {"test": pytest.approx(expected["test"])}
    assert [line.split()[0] for line in table] == ["metric", *METRICS]
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
