import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from xgraph.training.config.names import distinct
from xgraph.training.files.writing import write_atomically, write_csv, write_json, write_text


def test_a_failed_write_keeps_only_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail(file: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match=r"cannot write: No space left on device: '.*a\.txt'"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_nan_becomes_an_empty_cell_or_null(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ["x", "y"], [[float("nan"), 'a "b", c'], [0.1, None]])
    with (tmp_path / "a.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["x", "y"], ["", 'a "b", c'], ["0.1", ""]]
    write_json(tmp_path / "a.json", {"x": [float("inf"), 1.5], "é": {"y": float("nan")}})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": [None, 1.5], "é": {"y": None}}


def test_symbolic_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there" / "a.txt")
    for text in ("new", "newer"):
        write_text(tmp_path / "link", text)
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "there" / "a.txt").read_text() == text


def test_devices_are_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_text(pipe, "text")
    assert os.read(reader, 10) == b"text"
    os.close(reader)
    assert pipe.is_fifo()
    assert os.listdir(tmp_path) == ["pipe"]


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no /dev/full here")
def test_a_full_disk_is_reported(tmp_path: Path) -> None:
    (tmp_path / "full").symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"cannot write: No space left on device: '.*full'"):
        write_text(tmp_path / "full", "text")


def test_a_folder_is_not_overwritten(tmp_path: Path) -> None:
    for path in (tmp_path, Path()):
        with pytest.raises(IsADirectoryError, match="it is a folder"):
            write_text(path, "text")


def test_distinct_names() -> None:
    assert distinct(["a", "a_", "a", "b"], taken=["b"]) == ["a", "a_", "a__", "b_"]


def test_rows_are_written_as_they_come(tmp_path: Path) -> None:
    written: list[int] = []

    def rows() -> Iterator[list[object]]:
        for number in range(5_000):
            yield [number, float("nan"), 0.5, "x" * 100]
        written.extend(file.stat().st_size for file in tmp_path.iterdir())

    write_csv(tmp_path / "a.csv", ["i", "none", "half", "text"], rows())
    assert len(written) == 1
    assert written[0] > 400_000
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert (len(lines), lines[5_000]) == (5_001, f"4999,,0.5,{'x' * 100}")


def test_a_failing_row_leaves_the_old_file(tmp_path: Path) -> None:
    def rows() -> Iterator[list[object]]:
        yield [1]
        raise ValueError("no more")

    write_csv(tmp_path / "a.csv", ["i"], [[0]])
    with pytest.raises(ValueError, match="no more"):
        write_csv(tmp_path / "a.csv", ["i"], rows())
    assert os.listdir(tmp_path) == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "i\n0\n"
