import csv
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import xgraph
from xgraph.training.files import history
from xgraph.training.files.checkpoint import read_checkpoint
from xgraph.training.files.history import write_history

Train = Callable[..., xgraph.Run]


def rows(first: int, last: int) -> list[dict[str, Any]]:
    return [
        {"epoch": n, "stage": "main", "train_loss": n / 3, "valid_ap": 1 / n, "lr": 0.1} for n in range(first, last)
    ]


def epochs(folder: Path) -> list[int]:
    with (folder / "metrics.csv").open() as file:
        return [int(row["epoch"]) for row in csv.DictReader(file)]


def test_earlier_rows_are_kept_as_they_are(tmp_path: Path) -> None:
    write_history(tmp_path, rows(1, 6))
    whole = (tmp_path / "metrics.csv").read_text()
    for known in (3, 6):
        (tmp_path / "metrics.csv").write_text("".join(whole.splitlines(keepends=True)[:known]) + "5,main,0.")
        write_history(tmp_path, rows(3, 6), opened=True)
        assert (tmp_path / "metrics.csv").read_text() == whole


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe\x00", b"epoch,stage\n1,main\n1,main\n" + b"9" * 5000 + b",main\n"])
def test_rows_that_are_lost_are_said_to_be(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "metrics.csv").write_bytes(damage)
    lost = 2 - (b"1,main" in damage)
    with pytest.warns(UserWarning, match=f"is damaged: {lost} of its first 2 rows are lost; checkpoints hold those of"):
        write_history(tmp_path, rows(3, 6), opened=True)
    assert epochs(tmp_path)[-3:] == [3, 4, 5]


def test_a_row_that_was_not_written_before_a_kill_comes_from_the_checkpoint(train: Train) -> None:
    train(out="run", epochs=3)
    whole = Path("run/metrics.csv").read_text()
    for content in ("".join(whole.splitlines(keepends=True)[:-1]), "", "nonsense"):
        Path("run/metrics.csv").write_text(content)
        xgraph.train(out="run", resume=True)
        assert Path("run/metrics.csv").read_text() == whole
    Path("run/metrics.csv").unlink()
    xgraph.train(out="run", resume=True, epochs=4)
    assert Path("run/metrics.csv").read_text().startswith(whole)


def test_the_history_of_folds_is_restored_too(train: Train) -> None:
    train(out="run", folds=3, fold="0-1", epochs=2)
    for fold in (0, 1):
        whole = Path(f"run/fold_{fold}/metrics.csv").read_text()
        Path(f"run/fold_{fold}/metrics.csv").write_text("")
        xgraph.train(out="run", resume=True)
        assert Path(f"run/fold_{fold}/metrics.csv").read_text() == whole


def test_checkpoints_hold_the_last_rows_only(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    from xgraph.training.files import callback

    for module in (history, callback):
        monkeypatch.setattr(module, "KEPT", 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(out="run", epochs=5)
        run = xgraph.train(out="run", resume=True, epochs=6)
    assert epochs(run.path) == [1, 2, 3, 4, 5, 6]
    assert run.metrics["epochs"] == 6
    kept = read_checkpoint("run/last.ckpt")["callbacks"]["Keeper"]["history"]
    assert [row["epoch"] for row in kept] == [5, 6]
