"""Models that are fitted in a single step, from the command line."""

import json
from pathlib import Path

import pytest

from xgraph.cli import main
from xgraph.training.config.build import read_config

Capture = pytest.CaptureFixture[str]
MACCS = ["--split", "random", "--features", "maccs"]


@pytest.mark.parametrize(
    ("model", "options", "kept"),
    [
        (
            "forest",
            ["--trees", "5", "--max-features", "0.5", "--no-balanced"],
            {"max_features": 0.5, "balanced": False},
        ),
        ("extra-trees", ["--trees", "5", "--min-samples-leaf", "2"], {"min_samples_leaf": 2}),
        ("svm", ["--C", "4", "--gamma", "0.5"], {"C": 4.0, "gamma": 0.5}),
        ("logistic", ["--C", "0.001", "--no-balanced"], {"C": 0.001, "balanced": False}),
        ("kernel-ridge", ["--alpha", "0.1"], {"alpha": 0.1, "kernel": "tanimoto"}),
        ("svm", ["--kernel", "tanimoto"], {"kernel": "tanimoto", "gamma": "scale"}),
    ],
)
def test_train(csv: Path, model: str, options: list[str], kept: dict[str, object], capsys: Capture) -> None:
    assert main(["train", str(csv), *MACCS, "--model", model, *options, "--out", "run"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "run: run"
    assert f"model={model} valid_ap=" in captured.err
    written = read_config("run/config.toml")["model"]
    assert {name: written[name] for name in kept} == kept
    assert main(["evaluate", "run", "--json"]) == 0
    metrics = json.loads(Path("run/metrics.json").read_text())["test"]
    assert json.loads(capsys.readouterr().out)["test"] == pytest.approx(metrics)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--model", "forest", "--epochs", "5"],
            "epochs: model 'forest' is fitted in a single step, so this setting",
        ),
        (["--model", "svm", "--loss", "soap"], "loss: model 'svm' is fitted in a single step"),
        (["--model", "svm", "--init", "run"], "init: model 'svm' is fitted in a single step"),
        (["--model", "forest", "--margin", "2"], "margin: model 'forest' has no such option"),
        (["--model", "svm", "--C", "0"], "C must be a positive number, got 0.0"),
        (["--model", "logistic", "--C", "-1"], "C must be a positive number, got -1.0"),
        (["--model", "kernel-ridge", "--alpha", "0"], "alpha must be a positive number, got 0.0"),
        (["--model", "mlp", "--hidden-channels", "0"], "hidden_channels must be at least 1, got 0"),
    ],
)
def test_mistakes(csv: Path, options: list[str], message: str, capsys: Capture) -> None:
    assert main(["train", str(csv), *MACCS, *options]) == 2
    assert message in capsys.readouterr().err
