"""The table of predictions: parts in pieces, texts of single rows, and files that are missing."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xgraph.reports import predictions
from xgraph.reports.predictions import Predictions


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows of two parts in turn, with names that span lines, and the deviations of a run over seeds."""
    names = [f'item {i},\n"{"x" * (i % 50)}"' for i in range(500)]
    frame = pd.DataFrame({"split": ["valid", "test"] * 250, "row": range(500), "name": names})
    frame["a"], frame["a_score"] = [0, 1, 1, 0, np.nan] * 100, np.linspace(0, 1, 500)
    frame["a_score_std"] = 0.1
    file = tmp_path_factory.mktemp("predictions") / "predictions.csv"
    frame.to_csv(file, index=False)
    return file


def test_texts_of_rows_in_any_order_and_block(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "_BLOCK", 4096)
    rows = np.random.default_rng(0).integers(0, 500, 60)
    expected = pd.read_csv(table)["name"].iloc[rows].tolist()
    assert Predictions(table, ["a"], False).texts("name", rows) == expected
    assert Predictions(table, ["a"], False).texts("name", rows[:0]) == []


def test_a_part_in_pieces_and_one_in_one_piece(table: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(table)
    frame.sort_values("split", kind="stable").to_csv(tmp_path / "sorted.csv", index=False)
    part = frame[frame["split"] == "test"]
    for file in (table, tmp_path / "sorted.csv"):
        own = Predictions(file, [], False)
        scores = own.scores("test")
        assert own.tasks == ["a"]
        assert scores is not None
        np.testing.assert_array_equal(scores.labels[:, 0], part["a"])
        np.testing.assert_array_equal(scores.scores[:, 0], part["a_score"])
        assert own.texts("row", scores.rows) == part["row"].astype(str).tolist()
        assert own.items("test").column_names == ["split", "row", "name"]
        counts = own.sweeps("test")[0]
        assert (counts.tp[-1], counts.fp[-1]) == ((part["a"] == 1).sum(), (part["a"] == 0).sum())
        assert own.scores("train") is None
        assert own.sweeps("train") == {}


def test_a_missing_table_has_no_scores(tmp_path: Path) -> None:
    own = Predictions(tmp_path / "predictions.csv", ["a"], False)
    assert own.scores("test") is None
    assert own.sweeps("test") == {}
