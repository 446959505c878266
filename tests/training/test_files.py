import csv
import json
import os
from pathlib import Path

import pytest

from xgraph.training.files import write_atomically, write_csv, write_json, write_text


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail(file: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match=r"cannot write: No space left on device: '.*a\.txt'"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_csv_and_json_have_no_nan(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ["x", "y"], [[float("nan"), 'a "b", c'], [0.1, None]])
    with (tmp_path / "a.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["x", "y"], ["", 'a "b", c'], ["0.1", ""]]
    write_json(tmp_path / "a.json", {"x": [float("inf"), 1.5], "é": {"y": float("nan")}})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": [None, 1.5], "é": {"y": None}}
