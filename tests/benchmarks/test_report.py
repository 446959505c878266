"""Results files and tables."""

import json
import math

import pytest

from benchmarks import _report
from benchmarks._report import report, spread, table


def test_spread_is_mean_and_deviation():
    assert spread([1.0, 2.0], 3) == "1.500 ± 0.707"
    assert spread([0.5], 2, signed=True) == "+0.50"
    assert spread([]) == ""
    assert spread([1.0, math.nan]) == "nan"


def test_a_results_file_holds_rows_machine_and_commit(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(_report, "RESULTS", tmp_path / "results")
    rows = [{"a": 1.23456, "b": "x"}, {"a": None, "c": 2}]
    content = json.loads(report("some", rows, protocol="how").read_text())
    assert content["rows"] == rows
    assert content["protocol"] == "how"
    assert {"commit", "date", "machine", "versions"} <= set(content)
    assert capsys.readouterr().out.splitlines() == ["a      b  c", "1.235  x", "None      2"]


def test_an_empty_table_says_so():
    assert table([]) == "(no rows)"


@pytest.mark.parametrize("module", ["epoch", "losses", "robustness", "sampling", "startup", "threads", "xrisk"])
def test_help_names_the_command(module, monkeypatch, capsys):
    from importlib import import_module

    monkeypatch.setattr("sys.argv", [module, "--help"])
    with pytest.raises(SystemExit) as caught:
        import_module(f"benchmarks.{module}").main()
    assert caught.value.code == 0
    assert f"benchmarks.{module}" in capsys.readouterr().out
