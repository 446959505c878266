import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from xgraph.cli import main
from xgraph.training.files.checkpoint import HEADER, read_checkpoint, write_checkpoint

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def run(csv: Path, small: list[str], capsys: Capture) -> str:
    assert main(["train", str(csv), *small, "--out", "run"]) == 0
    capsys.readouterr()
    return "run"


def test_to_a_file_and_to_standard_output(run: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("new.csv").write_text("id,smiles\n1,CCO\n\n2,bad\n3,CCN\n")
    assert main(["predict", run, "new.csv", "-o", "preds.csv"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "2 of 4 rows have no score" in captured.err
    lines = Path("preds.csv").read_text().splitlines()
    assert lines[0] == "id,smiles,amine_score,error"
    assert [line.split(",")[:2] for line in lines[1:]] == [["1", "CCO"], ["", ""], ["2", "bad"], ["3", "CCN"]]
    for words in (["new.csv"], ["new.csv", "-o", "-"], ["-"]):
        monkeypatch.setattr("sys.stdin", open("new.csv"))  # noqa: SIM115
        assert main(["predict", run, *words]) == 0
        assert capsys.readouterr().out.splitlines() == lines
    assert main(["predict", run, "new.csv", "--only-scores"]) == 0
    short = capsys.readouterr().out.splitlines()
    assert short[0] == "smiles,amine,error"
    assert short[1:] == [line.split(",", 1)[1] for line in lines[1:]]


def test_an_ensemble_by_rank(run: str, csv: Path, small: list[str], capsys: Capture) -> None:
    assert main(["train", str(csv), *small, "--hidden-channels", "4", "--out", "second"]) == 0
    capsys.readouterr()
    Path("new.csv").write_text("smiles\nCCO\nCCCCN\nbad\nC\n")
    assert main(["predict", run, "second", "new.csv", "--combine", "rank"]) == 0
    header, *rows = (line.split(",") for line in capsys.readouterr().out.splitlines())
    assert header == ["smiles", "amine_score", "amine_std", "error"]
    scores = [float(row[1]) for row in rows if row[1]]
    assert len(scores) == 3
    assert all(score in (0.0, 0.25, 0.5, 0.75, 1.0) for score in scores)
    assert rows[2][1:3] == ["", ""]
    assert main(["predict", run, "second", "new.csv", "--combine", "best"]) == 2
    assert "combine = 'best': expected mean or rank" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (["run"], 2, "at least one run"),
        (["run", "new.csv", "-o", "no/such/preds.csv"], 2, "does not exist"),
        (["run", "new.csv", "-o", "."], 2, "Invalid value for --out: . is a folder; expected a file"),
        (["run", "new.csv", "-o", "./run/../new.csv"], 2, "is the input file"),
        (["run", "run"], 2, "expected a CSV file as the last argument, got the folder run"),
        (["run", "none.csv"], 1, "no file 'none.csv'"),
        (["nowhere", "new.csv"], 1, "nowhere is not a run directory"),
        (["run", "new.csv", "-o", "preds.xlsx"], 2, "out = 'preds.xlsx': predictions are written as CSV, TSV or Parq"),
        (["run", "new.csv", "--shard", "0/2"], 2, "expected I/N with I from 1 to N, such as 1/8 to 8/8, got '0/2'"),
        (["run", "new.csv", "--shard", "half"], 2, "got 'half'"),
        (["run", "new.csv", "--shard", "1/2", "--combine", "rank"], 2, "ranks depend on all rows"),
        (["run", "new.csv", "--bag-column", "b"], 2, "this option is for runs on bags"),
        (["run", "new.csv", "--instances-out", "w.csv"], 2, "this option is for runs on bags"),
        (
            ["run", "none-read.csv", "-o", "preds.csv"],
            1,
            "none of the 2 rows has a score (SMILES from column 'smiles')",
        ),
        (["run", "none-read.csv", "-o", "preds.csv"], 1, "SMILES are in 'x' (--smiles-column)"),
        (["run", "new.csv", "--device", "gpu"], 2, "expected auto, cpu or cuda"),
    ],
)
def test_mistakes(run: str, argv: list[str], code: int, message: str, capsys: Capture) -> None:
    Path("new.csv").write_text("smiles\nC\n")
    Path("none-read.csv").write_text("smiles,x\nCPD-1,CC\n,CN\n")
    assert main(["predict", *argv]) == code
    err = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert message in err
    assert Path("preds.csv").exists() == ("none-read.csv" in argv)  # the errors are in its rows
    assert Path("new.csv").read_text() == "smiles\nC\n"


def test_a_malicious_run_does_not_execute_code(run: str, capsys: Capture) -> None:
    import pickle

    Path("new.csv").write_text("smiles\nC\n")

    class Bomb:
        def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
            return Path.mkdir, (Path("exploded"),)  # type: ignore[return-value]

    Path("run/best.ckpt").write_bytes(pickle.dumps(Bomb()))
    assert main(["predict", run, "new.csv"]) == 1
    assert "not an xgraph checkpoint" in capsys.readouterr().err
    assert not Path("exploded").exists()


def test_what_was_detected_is_said(run: str, capsys: Capture) -> None:
    path = Path(run) / "best.ckpt"
    state = read_checkpoint(path)
    del state[HEADER]["smiles_column"]  # as in a run on a data set by name
    write_checkpoint(state, path)
    Path("new.csv").write_text("id,structure\n1,CCO\n")
    assert main(["predict", run, "new.csv"]) == 0
    assert capsys.readouterr().err == "new.csv: reading SMILES from 'structure'\n"


def test_an_empty_table_is_an_empty_table_out(run: str, capsys: Capture) -> None:
    Path("new.csv").write_text("id,smiles\n")
    assert main(["predict", run, "new.csv"]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("id,smiles,amine_score,error\n", "")


def test_a_closed_pipe_is_no_error(run: str, csv: Path) -> None:
    Path("new.csv").write_text("smiles\n" + "CCO\n" * 5000)
    command = [sys.executable, "-m", "xgraph", "predict", run, "new.csv"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"smiles,amine_score,error\n"
        process.stdout.close()
        assert process.stderr.read() == b""
