from pathlib import Path

import numpy as np
import pytest

from xgraph.recipes.report.scores import combine
from xgraph.training.config.build import build_config
from xgraph.training.files.predictions import Part, check_same_items, read_parts

MOLECULES = build_config({"dataset": "tox21"})


def write(folder: Path, text: str) -> Path:
    (folder / "predictions.csv").write_text(text)
    return folder


def test_predictions_of_several_tasks_with_missing_labels_are_read(tmp_path: Path) -> None:
    rows = "split,row,smiles,a,a_score,NA,NA_score\nvalid,7,C,1,0.25,,0.5\ntest,9,NA,0,0.1,1,0.30000000000000004\n"
    parts = read_parts(write(tmp_path, rows), MOLECULES)
    assert parts["valid"].items == [("7", "C")]
    assert parts["test"].items == [("9", "NA")]  # a SMILES (of sodium and argon), not a missing value
    np.testing.assert_array_equal(parts["valid"].y, [[1, np.nan]])
    np.testing.assert_array_equal(parts["test"].y, [[0, 1]])
    assert parts["test"].scores.tolist() == [[0.1, 0.1 + 0.2]]


def test_predictions_of_classes_are_read(tmp_path: Path) -> None:
    rows = "split,node,label,predicted,a_score,b_score,c_score\n"
    rows += "valid,0,b,a,0.5,0.25,0.25\ntest,1,c,c,0.1,0.1,0.8\ntest,2,,c,0.2,0.1,0.7\n"
    parts = read_parts(write(tmp_path, rows), build_config({"dataset": "cora"}))
    np.testing.assert_array_equal(parts["valid"].y, [[0, 1, 0]])
    np.testing.assert_array_equal(parts["test"].y, [[0, 0, 1], [np.nan] * 3])
    assert parts["test"].scores.shape == (2, 3)


@pytest.mark.parametrize(
    "rows",
    [
        *("", "split,row\n", 'split,row,smiles,a,a_score\n"test'),
        *("split,row,smiles,a,a_score\ntest,1,C,yes,0.5\n", "split,row,smiles,a,a_score\ntest,1,C,1,x\n"),
    ],
)
def test_damaged_predictions_are_refused(rows: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"run: .*predictions.csv is damaged"):
        read_parts(write(tmp_path, rows), MOLECULES)


def test_missing_predictions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no predictions.csv"):
        read_parts(tmp_path, MOLECULES)


def test_members_have_equal_weight_whatever_their_number_of_runs() -> None:
    random = np.random.default_rng(0)
    a, b, c = random.random((3, 5, 2))
    np.testing.assert_allclose(combine([[a, b], [c]], "mean"), ((a + b) / 2 + c) / 2)
    ranks = [one.argsort(axis=0).argsort(axis=0) / 4 for one in (a, b, c)]
    np.testing.assert_allclose(combine([[a, b], [c]], "rank"), ((ranks[0] + ranks[1]) / 2 + ranks[2]) / 2)
    np.testing.assert_allclose(combine([[a], [1e6 * c - 3]], "rank"), combine([[a], [c]], "rank"))


def test_equal_mean_ranks_are_ties() -> None:
    """(2 + 6) / 29 and (5 + 3) / 29 are equal despite rounding errors."""
    ranks = np.argsort(np.random.default_rng(0).random((3, 30)), axis=1)
    result = combine([[one[:, None].astype(float)] for one in ranks], "rank")[:, 0]
    exact = ranks.sum(axis=0)
    assert len(set(exact.tolist())) < 30
    assert ((result[:, None] < result) == (exact[:, None] < exact)).all()


def test_scores_of_different_items_are_not_combined() -> None:
    one = Part([("1",), ("2",)], np.array([[1.0], [np.nan]]), np.zeros((2, 1)))
    check_same_items(one, one._replace(scores=np.ones((2, 1))), (Path("a"), Path("b")))
    for other in (
        one._replace(items=[("1",), ("3",)]),
        one._replace(items=[("2",), ("1",)]),
        one._replace(y=np.array([[0.0], [np.nan]])),
        Part(one.items[:1], one.y[:1], one.scores[:1]),
    ):
        with pytest.raises(ValueError, match="run: cannot combine a and b, because their items or the labels"):
            check_same_items(one, other, (Path("a"), Path("b")))
