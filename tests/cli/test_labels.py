"""Labels of one's own from the command: what is asked, what is said, and which settings answer."""

import json
from pathlib import Path

import pytest

from xgraph.cli import main

SMALL = ["--epochs", "1", "--loss", "bce", "--hidden-channels", "4", "--num-layers", "1", "--split", "random"]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [
        f"{'C' * n}{end},{(n + i) % 3 - 1},{1 if end == 'N' else -1},{'CA' if end == 'N' else 'CI'},{n}.5,{n % 2}"
        for n in range(1, 20)
        for i, end in enumerate("OCN")
    ]
    Path("t.csv").write_text("smiles,A,B,activity,uM,train\n" + "\n".join(rows))


def train(*options: str) -> int:
    return main(["train", "t.csv", *SMALL, "--out", "run", *options])


def test_minus_one_is_asked_about_and_answered(capsys: Capture) -> None:
    assert train() == 1
    error = capsys.readouterr().err
    assert "-1 in columns 'A', 'B' may mean a missing or an inactive label" in error
    assert "--missing -1" in error
    assert train("--missing", "none") == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines if line.startswith("task ")] == ["task A", "task B"]
    assert [line.split(":")[1].strip() for line in lines if line.startswith("left out")] == ["activity", "uM", "train"]
    assert json.loads(Path("run/metrics.json").read_text())["tasks"] == ["A", "B"]


def test_minus_one_is_missing(capsys: Capture) -> None:
    assert train("--missing", "-1", "--target-columns", "A") == 0
    assert "task A: " in capsys.readouterr().err
    assert 'missing = [\n    "-1",\n]' in Path("run/config.toml").read_text()
    assert main(["evaluate", "run"]) == 0


@pytest.mark.parametrize(
    ("options", "task", "note"),
    [
        (["--positive", "CA"], "activity", None),
        (["--active-below", "10"], "uM", "read: uM: active where below 10"),
        (["--active-above", "4", "--active-below", "10"], "uM", "read: uM: active where between 4 and 10"),
    ],
)
def test_words_and_thresholds(options: list[str], task: str, note: str | None, capsys: Capture) -> None:
    assert train(*options) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines if line.startswith("task ")] == [f"task {task}"]
    assert note is None or note in lines
    assert json.loads(Path("run/metrics.json").read_text())["tasks"] == [task]


def test_wrong_use(capsys: Capture) -> None:
    assert train("--active-above", "x") == 2
    assert "active_above = 'x': expected a number" in capsys.readouterr().err
    assert main(["train", "cora", "--missing", "-1", "--out", "run"]) == 2
    assert "missing = ['-1']: this setting is for molecules and bags" in capsys.readouterr().err
    assert main(["train", "nci-pains", "--positive", "yes", "--out", "run"]) == 1
    assert "is a registered data set" in capsys.readouterr().err
