from collections.abc import Callable
from pathlib import Path

import pytest

from xgraph.cli import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def run(csv: Path, small: list[str], capsys: Capture) -> str:
    assert main(["train", str(csv), *small, "--out", "run"]) == 0
    capsys.readouterr()
    return "run"


def test_to_a_file_and_to_standard_output(run: str, capsys: Capture) -> None:
    Path("new.csv").write_text("id,smiles\n1,CCO\n\n2,bad\n3,CCN\n")
    assert main(["predict", run, "new.csv", "-o", "preds.csv"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "2 of 4 rows have no score" in captured.err
    lines = Path("preds.csv").read_text().splitlines()
    assert lines[0] == "smiles,amine,error"
    assert [line.split(",")[0] for line in lines[1:]] == ["CCO", "", "bad", "CCN"]
    assert main(["predict", run, "new.csv"]) == 0
    assert capsys.readouterr().out.splitlines() == lines


def test_an_ensemble_by_rank(run: str, csv: Path, small: list[str], capsys: Capture) -> None:
    assert main(["train", str(csv), *small, "--hidden-channels", "4", "--out", "second"]) == 0
    capsys.readouterr()
    Path("new.csv").write_text("smiles\nCCO\nCCCCN\nbad\nC\n")
    assert main(["predict", run, "second", "new.csv", "--combine", "rank"]) == 0
    header, *rows = (line.split(",") for line in capsys.readouterr().out.splitlines())
    assert header == ["smiles", "amine", "amine_std", "error"]
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
        (["run", "new.csv", "--device", "gpu"], 2, "expected auto, cpu or cuda"),
    ],
)
def test_mistakes(run: str, argv: list[str], code: int, message: str, capsys: Capture) -> None:
    Path("new.csv").write_text("smiles\nC\n")
    assert main(["predict", *argv]) == code
    err = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert message in err
    assert not Path("preds.csv").exists()
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
