"""`xgraph search` through the real entry point."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from xgraph.cli import main

Capture = pytest.CaptureFixture[str]
FOREST = ["--model", "forest", "--features", "maccs", "--split", "random", "--threads", "1"]
VARY = ["--vary", "trees=2..9", "--vary", "max-features=0.2..0.9"]


def test_a_run_is_trained_with_the_settings_that_search_found(csv: Path, capsys: Capture) -> None:
    words = ["search", str(csv), *FOREST, *VARY, "--trials", "3", "--inner-folds", "2", "--final", "--out", "run"]
    assert main(words) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0].startswith("best of 3 trials: mean valid ap ")
    assert [line.split()[0] for line in lines[1:3]] == ["max_features", "trees"]
    assert lines[3] == "config: run/best.toml"
    assert lines[5:7] == ["final", lines[6]]
    assert lines[6].split() == ["metric", "test"]
    assert lines[-1] == "search: run"
    errors = [line for line in captured.err.splitlines() if not line.startswith("warning: ")]  # of PyG's import
    assert errors[0].startswith("trial=1/3 max_features=")
    assert errors[1].startswith("trial=1/3 inner=0/2 value=")
    assert errors[3].startswith("trial=1/3 value=")
    assert main(["search", "--resume", "--out", "run"]) == 0
    assert capsys.readouterr().out.splitlines() == lines
    assert main(["search", "--resume", "--out", "run", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["path"], report["trials"], report["metric"]) == ("run", 3, "ap")
    assert report["settings"].keys() == {"max_features", "trees"}
    assert main(["train", "--config", "run/best.toml", "--train-on", "train+valid", "--out", "again"]) == 0
    table = [line.split() for line in lines[6:-1]]
    assert [line.split() for line in capsys.readouterr().out.splitlines()[: len(table)]] == table


def test_the_search_space_can_be_a_file(csv: Path, capsys: Capture) -> None:
    Path("space.toml").write_text('trees = [2, 3]\nmax_features = "0.2..0.9"\n')
    words = ["search", str(csv), *FOREST, "--space", "space.toml", "--trials", "1", "--inner-folds", "0", "--out", "a"]
    assert main([*words, "--vary", "min_samples_leaf=1,2"]) == 0
    assert "min_samples_leaf" in capsys.readouterr().out
    assert main([*words[:-1], "b", "--vary", "trees=2,3"]) == 2
    assert "vary: trees was given twice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ([], 2, "vary: expected at least one setting"),
        (["--vary", "trees"], 2, "vary = 'trees': expected NAME=VALUES"),
        (["--vary", "treez=2,3"], 2, "unknown option 'treez' (did you mean 'trees'?)"),
        (["--vary", "trees=3..2"], 2, "vary: trees = '3..2': expected the lower end to be below the upper end"),
        (["--trees", "5", "--vary", "trees=2..3"], 2, "vary: trees cannot be varied, because it is fixed to '5'"),
        (["--vary", "trees=2..3", "--trials", "0"], 2, "trials = 0"),
        (["--vary", "trees=2..3", "--inner", "0/5"], 2, "inner = '0/5': not available in a search"),
        (["--vary", "trees=2..3", "--keep", "last"], 2, "keep: model 'forest' is fitted in a single step"),
        (["--space", "nowhere.toml"], 1, "space: no file nowhere.toml"),
        (["--resume"], 2, "resume: give the directory of the search"),
        (["--resume", "--out", "nowhere"], 1, "resume: nowhere is not the directory of a search"),
    ],
)
def test_mistakes(csv: Path, options: list[str], code: int, message: str, capsys: Capture) -> None:
    assert main(["search", str(csv), *FOREST, *options]) == code
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err
    assert not Path("runs").exists()


def test_help(capsys: Capture) -> None:
    assert main(["search", "--help"]) == 0
    short = capsys.readouterr().out
    assert main(["search", "--help-all"]) == 0
    full = capsys.readouterr().out
    for word in ("--vary", "--space", "--trials", "--inner-folds", "--final", "--resume", "--fold"):
        assert word in short
        assert word in full
    assert "--trees" in full


def test_nested_results_are_labelled_as_nested(csv: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    import xgraph.data

    real = xgraph.data.load

    def load(name: str, fold: int = 0, features: list[str] | None = None, **_: Any) -> Any:
        return real(csv, split="random", seed=fold, features=features)

    monkeypatch.setattr("xgraph.data.load", load)
    words = ["search", "aicures", "--model", "forest", "--features", "maccs", *VARY, "--fold", "0,1", "--trials", "2"]
    assert main([*words, "--inner-folds", "2", "--seeds", "2", "--final", "--out", "run"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("chosen within each fold\nfold  max_features  trees  valid ap\n0 ")
    assert "nested, mean ± standard deviation over 2 folds, each seed alone\n" in out
    assert "nested, mean ± standard deviation over 2 folds, scores of the seeds averaged\n" in out


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_an_interrupted_search_resumes(csv: Path, capsys: Capture) -> None:
    command = [sys.executable, "-m", "xgraph", "search", str(csv), *FOREST, *VARY, "--trials", "500", "--out", "run"]
    with subprocess.Popen([*command, "--inner-folds", "2"], stderr=subprocess.PIPE, text=True) as process:
        end = time.monotonic() + 300
        while not Path("run/trials/0002/inner0-seed0/metrics.json").exists() and time.monotonic() < end:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert (
        err.splitlines()[-1] == "interrupted: `xgraph search --resume --out run` resumes after the last finished trial"
    )
    assert "Traceback" not in err
    first = Path("run/trials/0001/result.json").stat().st_mtime_ns
    assert main(["search", "--resume", "--out", "run", "--trials", "2"]) == 0
    assert "best of " in capsys.readouterr().out
    assert Path("run/trials/0001/result.json").stat().st_mtime_ns == first
