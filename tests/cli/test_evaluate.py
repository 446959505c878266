import json
from pathlib import Path

import pytest

from xgraph.cli import main


def test_table_and_json(csv: Path, small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(csv), *small, "--out", "run"]) == 0
    expected = json.loads(Path("run/metrics.json").read_text())
    capsys.readouterr()
    assert main(["evaluate", "run"]) == 0
    *table, last = capsys.readouterr().out.splitlines()
    assert json.loads(last) == {"test": pytest.approx(expected["test"])}
    assert [line.split()[0] for line in table] == ["metric", "ap", "prc_auc", "roc_auc"]
    assert main(["evaluate", "run", "--split", "valid", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"valid": pytest.approx(expected["valid"])}
    assert main(["evaluate", "run", "--split", "tset"]) == 2
    assert "tset" in capsys.readouterr().err
