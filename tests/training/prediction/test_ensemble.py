"""Ensembles of several runs."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata

import xgraph
from xgraph.options import OptionError
from xgraph.training.prediction.ensemble import check_members, members_by_fold
from xgraph.training.scoring.ensemble import Ensemble, scaled_ranks

Train = Callable[..., xgraph.Run]
SMILES = ["CCO", "CCCN", "not a molecule", "CCCCN", "", "CO", "CCCO", "CCCCCCN", "CCO"]
FOREST: dict[str, Any] = {"model": "forest", "trees": 5, "features": ["maccs"]}


@pytest.fixture
def runs(finished: Path, tmp_path: Path) -> list[str]:
    """Copies of the finished runs."""
    names = ["one", "two", "forest"]
    for name in names:
        shutil.copytree(finished / name, tmp_path / name)
    return names


@pytest.mark.parametrize("rows", [1, 2, 50])
def test_scaled_ranks_equal_scipy(rows: int) -> None:
    scores = np.random.default_rng(0).integers(0, 12, (rows, 3)) / 7
    expected = (rankdata(scores, axis=0) - 1) / (rows - 1) if rows > 1 else np.full((1, 3), 0.5)
    np.testing.assert_allclose(scaled_ranks(scores), expected)
    assert scaled_ranks(scores[:0]).shape == (0, 3)


@pytest.mark.parametrize("combine", ["mean", "rank"])
@pytest.mark.parametrize("members", [1, 2, 5])
def test_mean_and_deviation(combine: str, members: int) -> None:
    scores = np.random.default_rng(1).random((members, 20, 2))
    ensemble = Ensemble(combine)
    for one in scores:
        ensemble.add(one)
    parts = np.stack([scaled_ranks(one) for one in scores]) if combine == "rank" else scores
    np.testing.assert_allclose(ensemble.score, parts.mean(axis=0))
    if members == 1:
        assert ensemble.std is None
    else:
        np.testing.assert_allclose(ensemble.std, parts.std(axis=0, ddof=1))  # type: ignore[arg-type]


def test_ties_in_mean_ranks_remain_ties() -> None:
    random, ensemble = np.random.default_rng(2), Ensemble("rank")
    ranks = np.stack([random.permutation(48) for _ in range(3)])
    for one in ranks:
        ensemble.add(one[:, None] / 7)
    order = np.unique(ranks.sum(axis=0), return_inverse=True)[1]
    assert np.array_equal(np.unique(ensemble.score[:, 0], return_inverse=True)[1], order)
    assert order.max() < 47


def test_identical_members_have_zero_deviation() -> None:
    ensemble, scores = Ensemble(), np.random.default_rng(0).random((9, 1)) / 3
    for _ in range(3):
        ensemble.add(scores)
    np.testing.assert_allclose(ensemble.score, scores)
    assert not np.any(ensemble.std)


@pytest.mark.parametrize("combine", ["mean", "rank"])
def test_predictions_of_ensembles(runs: list[str], combine: str) -> None:
    single = [xgraph.predict(run, SMILES)["amine"] for run in runs]
    readable = single[0].notna().to_numpy()
    parts = np.stack([one[readable] for one in single])
    if combine == "rank":
        parts = (rankdata(parts, axis=1) - 1) / (readable.sum() - 1)
    frame = xgraph.predict(runs, SMILES, combine=combine)
    assert list(frame.columns) == ["smiles", "amine", "amine_std", "error"]
    assert frame[["amine", "amine_std"]].notna().all(axis=1).tolist() == readable.tolist()
    np.testing.assert_allclose(frame["amine"][readable], parts.mean(axis=0))
    np.testing.assert_allclose(frame["amine_std"][readable], parts.std(axis=0, ddof=1))
    assert frame["amine"][0] == frame["amine"][8], "equal rows have one rank"
    assert frame["amine"].max() <= 1


def test_ranks_depend_on_the_rows_that_are_scored(runs: list[str]) -> None:
    frame = xgraph.predict("one", ["CCO", "CCCN", "CCCCCCN"], combine="rank")
    assert list(frame.columns) == ["smiles", "amine", "error"]
    assert sorted(frame["amine"]) == [0.0, 0.5, 1.0]
    assert xgraph.predict("one", ["CCO"], combine="rank")["amine"].tolist() == [0.5]
    assert xgraph.predict(runs, ["", "x"], combine="rank")[["amine", "amine_std"]].isna().all(axis=None)


def test_members_must_have_the_same_data_and_tasks() -> None:
    header = {"kind": "graph", "task_names": ["a"], "dataset": "d", "fingerprint": "1"}
    paths = [Path("one/best.ckpt"), Path("two/best.ckpt")]

    def states(**change: Any) -> list[dict[str, Any]]:
        return [{"xgraph": header}, {"xgraph": {**header, **change}}]

    for change, message in (
        ({"kind": "bag"}, r"must be on the same data, got molecules \(one/best.ckpt\) and bags \(two/best.ckpt\)"),
        ({"task_names": list("abcde")}, r"same tasks.*'a' \(one/best.ckpt\) and 'a', 'b', 'c' and 2 more \(two/best"),
    ):
        with pytest.raises(ValueError, match=message):
            check_members(states(**change), paths)
    for change, message in (
        ({"dataset": "e"}, r"must be on the same data set, got 'd' \(one/best.ckpt\) and 'e' \(two/best.ckpt\)"),
        ({"fingerprint": "2"}, "the molecules, labels or splits of 'd' differ between two/best.ckpt and one/best"),
    ):
        check_members(states(**change), paths)
        with pytest.raises(ValueError, match=message):
            check_members(states(**change), paths, same_split=True)


def test_members_are_grouped_by_fold(tmp_path: Path) -> None:
    for name in ("a/fold_0", "a/fold_10", "a/fold_2", "b/fold_0", "b/fold_2", "b/fold_10", "c/fold_0", "d"):
        (tmp_path / name).mkdir(parents=True)
    a, b, c, d = (tmp_path / name for name in "abcd")
    assert members_by_fold([a, b]) == [[run / f"fold_{n}" for run in (a, b)] for n in (0, 2, 10)]
    assert members_by_fold([d]) == [[d]]
    with pytest.raises(ValueError, match=r"but .*/a has 0, 2, 10 and .*/c has 0$"):
        members_by_fold([a, c])
    with pytest.raises(ValueError, match=r"but .*/a has 0, 2, 10 and .*/d has none$"):
        members_by_fold([a, d])


def test_unfinished_members_and_unknown_combinations_are_refused(runs: list[str], train: Train) -> None:
    with pytest.raises(OptionError, match="combine = 'median': expected mean or rank"):
        xgraph.predict(runs, ["C"], combine="median")
    with pytest.raises(OptionError, match="combine = 'median': expected mean or rank"):
        xgraph.evaluate(runs, combine="median")
    with pytest.raises(FileNotFoundError, match="nowhere is not a run directory"):
        xgraph.predict(["one", "nowhere"], ["C"])
    with pytest.raises(FileNotFoundError, match="nowhere is not a run directory"):
        xgraph.evaluate(["one", "nowhere"])
    Path("two/metrics.json").unlink()
    for use in (lambda: xgraph.predict(["one", "two"], ["C"]), lambda: xgraph.evaluate(["one", "two"])):
        with pytest.raises(FileNotFoundError, match=r"run: two has not finished .*train --resume --out two`"):
            use()
    assert len(xgraph.predict("two", ["C"])) == 1, "alone it is what it is so far"
    assert len(xgraph.predict(["one", "two/best.ckpt"], ["C"])) == 1
