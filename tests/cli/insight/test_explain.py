from pathlib import Path

import pandas as pd
import pytest

import xgraph
from xgraph.cli import main
from xgraph.explanations.names import METHODS


def test_a_table_a_page_and_pictures(csv: Path, small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert all(f"``{name}``: " in str(xgraph.explain.__doc__) for name in METHODS)
    assert main(["train", str(csv), *small, "--out", "run"]) == 0
    Path("new.csv").write_text("id,smiles\n1,CCO\n2,C1CC\n3,C\n")
    capsys.readouterr()
    assert main(["explain", "run", "new.csv", "-o", "why.csv"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "method: integrated-gradients, in log-odds",
        "1 row(s) cannot be explained: see the column `error`",
    ]
    table = pd.read_csv("why.csv")
    expected = xgraph.explain("run", ["CCO", "C1CC", "C"])
    assert table["attribution"].tolist() == pytest.approx(expected["attribution"].tolist(), nan_ok=True)
    assert main(["explain", "run", "new.csv", "-o", "why.html", "--method", "gradient-input"]) == 0
    assert Path("why.html").read_text().count("<svg") == 2
    assert main(["explain", "run", "run", "new.csv", "-o", "why", "--task", "amine"]) == 0
    assert sorted(file.name for file in Path("why").iterdir()) == ["0_amine.svg", "2_amine.svg", "attributions.csv"]


def test_wrong_usage(csv: Path, small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(csv), *small, "--out", "run"]) == 0
    Path("bad.csv").write_text("smiles\nC1CC\nxx\n")
    capsys.readouterr()
    for words, code, message in [
        (["run"], 2, "expected a CSV file"),
        (["run", str(csv), "--task", "no"], 2, "task = 'no': expected one of 'amine'"),
        (["run", str(csv), "--method", "shap"], 2, "it does not fit the model gine"),
        (["run", str(csv), "-o", "x.xlsx"], 2, "written as CSV"),
        (["run", str(csv), "-o", str(csv)], 2, "is the input file"),
        (["run", "bad.csv"], 1, "none of the 2 rows can be explained; the first is 0: RDKit cannot parse it"),
        (["nowhere", "bad.csv"], 1, "is not a run directory"),
    ]:
        assert main(["explain", *words]) == code, words
        assert message in capsys.readouterr().err
    assert not Path("explanations.csv").exists()
