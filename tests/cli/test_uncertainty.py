import json
from pathlib import Path

import pandas as pd
import pytest

from xgraph.cli import main

Capture = pytest.CaptureFixture[str]


def test_sets_and_probabilities_from_the_command(csv: Path, capsys: Capture) -> None:
    forest = ["--split", "random", "--model", "forest", "--trees", "5", "--features", "maccs"]
    assert main(["train", str(csv), *forest, "--seeds", "2", "--out", "run"]) == 0
    capsys.readouterr()
    words = ["predict", "run", str(csv), "--alpha", "0.1", "--calibrate", "temperature", "-o", "out.csv"]
    assert main(words) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "alpha = 0.1: a class needs at least 9 items in the validation part to be left out of a set" in said
    assert "class 1 of amine (2)" in said
    columns = ["smiles", "amine", "amine_score", "amine_std", "amine_prob", "amine_p0", "amine_p1", "amine_set"]
    assert list(pd.read_csv("out.csv").columns) == [*columns, "error"]

    assert main(["evaluate", "run", "--alpha", "0.4", "--calibrate", "isotonic", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    figures = shown["test"]
    new = {"coverage", "coverage_0", "coverage_1", "set_size", "brier", "ece", "brier_isotonic", "ece_isotonic"}
    assert new <= set(figures)
    assert figures["ap"] == json.loads(Path("run/metrics.json").read_text())["ensemble"]["test"]["ap"]
    assert main(["evaluate", "run", "--all-metrics"]) == 0
    text = capsys.readouterr().out
    assert "how far scores are probabilities" in text
    assert f"{shown['details']['test']['calibration']['brier']:.4f}" in text
    assert "calibration error (10 bins)" in text
    assert "coverage of sets at alpha = 0.1" in text
    assert main(["evaluate", "run"]) == 0
    assert "probabilities" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--alpha", "1.2"], "alpha = 1.2: expected a number between 0 and 1"),
        (["--alpha", "nan"], "alpha = nan: expected a number between 0 and 1"),
        (["--calibrate", "platt"], "platt"),
    ],
)
def test_usage_errors(csv: Path, words: list[str], message: str, capsys: Capture) -> None:
    for command in (["predict", "run", str(csv)], ["evaluate", "run"]):
        assert main([*command, *words]) == 2
        assert message in capsys.readouterr().err
