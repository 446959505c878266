"""Tables of molecules that are scored piece by piece, and columns that are kept."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import xgraph
from xgraph.options import OptionError
from xgraph.training.prediction import molecules
from xgraph.training.prediction.output import given

Train = Callable[..., xgraph.Run]
ROWS = [f"{n:03},{'C' * (n % 5 + 1)}{'NO?'[n % 3]},\u00b5{n}" for n in range(25)]


@pytest.fixture
def run(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for module in (given, molecules):
        monkeypatch.setattr(module, "CHUNK", 4)  # rows in a piece
    shutil.copytree(finished / "one", tmp_path / "run")
    Path("new.csv").write_text("id,smiles,note\n" + "\n".join(ROWS) + "\n")
    return "run"


def test_all_columns_are_kept_as_they_are(run: str) -> None:
    done = xgraph.predict_file(run, "new.csv", "out.csv")
    assert (done.rows, done.failed, done.column) == (25, 8, "smiles")
    assert done.first == "row 2: RDKit cannot parse it: invalid SMILES"
    header, *lines = Path("out.csv").read_text().splitlines()
    assert header == "id,smiles,note,amine_score,error"
    assert [",".join(line.split(",")[:3]) for line in lines] == ROWS
    frame = xgraph.predict(run, [row.split(",")[1] for row in ROWS])
    assert pd.read_csv("out.csv")["amine_score"].to_numpy() == pytest.approx(frame["amine"].to_numpy(), nan_ok=True)


def test_shards_in_order_are_the_whole(run: str) -> None:
    xgraph.predict_file(run, "new.csv", "whole.csv")
    for parts in (1, 3, 30):
        lines: list[str] = []
        for number in range(1, parts + 1):
            done = xgraph.predict_file(run, "new.csv", "part.csv", shard=(number, parts))
            header, *part = Path("part.csv").read_text().splitlines()
            assert done.rows == len(part)
            lines += part
        assert [header, *lines] == Path("whole.csv").read_text().splitlines()
    with pytest.raises(OptionError, match=r"shard = 0/2: expected i/n with i from 1 to n"):
        xgraph.predict_file(run, "new.csv", "part.csv", shard=(0, 2))


def test_several_runs_by_mean_and_by_rank(run: str, train: Train) -> None:
    train(out="second", epochs=1, pretrain_epochs=0, seed=3)
    for combine in ("mean", "rank"):
        xgraph.predict_file([run, "second"], "new.csv", "out.csv", combine=combine)
        frame = pd.read_csv("out.csv")
        assert list(frame.columns) == ["id", "smiles", "note", "amine_score", "amine_std", "error"]
        expected = xgraph.predict([run, "second"], "new.csv", combine=combine)
        for name, other in (("amine_score", "amine"), ("amine_std", "amine_std")):
            assert frame[name].to_numpy() == pytest.approx(expected[other].to_numpy(), nan_ok=True)


def test_a_result_can_be_scored_again(run: str) -> None:
    xgraph.predict_file(run, "new.csv", "once.csv")
    with pytest.warns(UserWarning, match=r"'amine_score' \('amine_score_2'\), 'error' \('error_2'\)"):
        xgraph.predict_file(run, "once.csv", "twice.csv")
    frame = pd.read_csv("twice.csv")
    assert list(frame.columns)[-4:] == ["amine_score", "error", "amine_score_2", "error_2"]
    assert frame["amine_score"].equals(frame["amine_score_2"])


def test_rows_that_cannot_be_read_have_an_error(run: str) -> None:
    Path("bad.csv").write_text("id,smiles\n1,CCO\n2,CCO,more\n3,CCN\n4\n")
    done = xgraph.predict_file(run, "bad.csv", "out.csv")
    errors = pd.read_csv("out.csv")["error"].fillna("")
    assert errors[0] == errors[2] == ""
    assert "3 cells, but the header has 2" in errors[1]
    assert errors[3].startswith("empty")
    assert list(xgraph.predict(run, "bad.csv")["error"]) == list(errors)
    assert done.first == f"row 1: {errors[1]}"


def test_a_table_in_another_form(run: str) -> None:
    Path("new.txt").write_bytes("id|smiles\n\u00b5|CCO\n".encode("cp1252"))
    xgraph.predict_file(run, "new.txt", "out.tsv", separator="|", encoding="cp1252")
    assert Path("out.tsv").read_text().startswith("id\tsmiles\tamine_score\terror\n\u00b5\tCCO\t0.")
    frame = xgraph.predict(run, "new.txt", separator="|", encoding="cp1252", keep_columns=True)
    assert list(frame.columns) == ["id", "smiles", "amine_score", "error"]


def test_columns_are_kept_in_memory_too(run: str) -> None:
    table = pd.DataFrame({"n": [5, 6], "smiles": ["CCO", "?"]}, index=[7, 9])
    frame = xgraph.predict(run, table, keep_columns=True)
    assert list(frame.columns) == ["n", "smiles", "amine_score", "error"]
    assert list(frame.index) == [7, 9]
    assert list(frame["n"]) == [5, 6]
    assert list(xgraph.predict(run, ["CCO"], keep_columns=True).columns) == ["smiles", "amine_score", "error"]
    frame = xgraph.predict(run, "new.csv", keep_columns=True)
    assert list(frame["id"]) == [f"{n:03}" for n in range(25)]


def test_nothing_is_cached_on_disk(run: str, tmp_path: Path, train: Train) -> None:
    train(out="second", epochs=1, pretrain_epochs=0, features=["maccs"], hidden_channels=4)
    root = sorted((tmp_path / "root").rglob("*"))
    Path("many.csv").write_text("smiles\n" + "\n".join("C" * n for n in range(1, 600)) + "\n")
    xgraph.predict_file(["second"], "many.csv", "out.csv")
    xgraph.predict(["second"], "many.csv")
    assert sorted((tmp_path / "root").rglob("*")) == root
