import json
import os
import time
from pathlib import Path

import pytest

from xgraph.cli import main
from xgraph.cli.runs import Listed, run_directories
from xgraph.training.files.lock import locked

Capture = pytest.CaptureFixture[str]


def listed(capsys: Capture, *words: str) -> dict[str, Listed]:
    assert main(["runs", "--json", *words]) == 0
    return {one["run"]: Listed(**one) for one in json.loads(capsys.readouterr().out)}


def test_runs_are_listed_with_their_metrics(csv: Path, small: list[str], capsys: Capture) -> None:
    assert main(["train", str(csv), *small, "--loss", "bce", "--out", "runs/one"]) == 0
    assert main(["train", str(csv), "--split", "random", "--model", "forest", "--trees", "3", "--out", "runs/a/b"]) == 0
    capsys.readouterr()
    assert main(["runs"]) == 0
    header, *rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    names = ["run", "data", "model", "loss", "date", "state", "metric", "valid", "test", "baseline_valid"]
    assert header == [*names, "baseline_test"]
    assert [(row[0], row[1], row[2], row[3], row[5], row[6]) for row in rows] == [
        ("runs/one", "chains.csv", "gine", "bce", "finished", "ap"),
        ("runs/a/b", "chains.csv", "forest", "-", "finished", "ap"),
    ]
    expected = json.loads(Path("runs/one/metrics.json").read_text())
    assert rows[0][7:] == [*(f"{expected[part]['ap']:.4f}" for part in ("valid", "test")), "-", "-"]
    found = listed(capsys)["runs/one"]
    assert (found.valid, found.test) == (expected["valid"]["ap"], expected["test"]["ap"])
    assert listed(capsys, "runs/one").keys() == {"runs/one"}


def run(path: Path, *, metrics: object = None, last: bool = True, config: str = '[data]\ndataset = "hiv"\n') -> Path:
    path.mkdir(parents=True)
    (path / "config.toml").write_text(config)
    if last:
        (path / "last.ckpt").touch()
    if metrics is not None:
        (path / "metrics.json").write_text(json.dumps(metrics))
    return path


def test_states_of_runs(tmp_path: Path, capsys: Capture) -> None:
    scored = {"metric": "ap", "test": {"ap": None}}
    run(tmp_path / "runs/stopped")
    run(tmp_path / "runs/done", metrics=scored)
    resumed = run(tmp_path / "runs/resumed", metrics=scored)
    os.utime(resumed / "last.ckpt", (time.time() + 5,) * 2)
    run(tmp_path / "runs/damaged", config="[data")
    old = '{"dataset": 1}'
    run(tmp_path / "runs/torn", metrics=None, config='dataset = "hiv"\nmodel = "gine"\n')
    (tmp_path / "runs/torn/metrics.json").write_text(old[:-1])
    run(tmp_path / "runs/encoder", config='datasets = ["hiv", "tox21"]\nobjective = "multitask"\n')
    folds = run(tmp_path / "runs/folds", last=False, config='[data]\ndataset = "aicures"\nfold = "all"\n')
    run(folds / "fold_0", metrics=scored)
    run(folds / "fold_1")
    with locked(run(tmp_path / "runs/live")):
        found = listed(capsys)
    assert {name.removeprefix("runs/"): one.state for name, one in found.items()} == {
        "stopped": "interrupted",
        "done": "finished",
        "resumed": "interrupted",
        "damaged": "unreadable",
        "torn": "unreadable",
        "encoder": "interrupted",
        "folds": "interrupted",
        "live": "running",
    }
    assert (found["runs/encoder"].data, found["runs/encoder"].loss) == ("hiv+tox21", "multitask")
    assert found["runs/folds"].folds == 1
    assert found["runs/done"].test is None
    assert sorted(path.name for path in run_directories(folds)) == ["folds"]


def test_nothing_to_list(tmp_path: Path, capsys: Capture) -> None:
    assert main(["runs"]) == 0
    assert capsys.readouterr().err == "there are no runs in runs\n"
    assert main(["runs", "elsewhere"]) == 1
    assert "there is no directory elsewhere" in capsys.readouterr().err
    assert main(["runs", "--json", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out) == []
