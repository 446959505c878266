"""Cells of the benchmark on bags, and the choice of learning rates."""

from collections import Counter

import pytest

from benchmarks._jobs import write
from benchmarks.mil import grid
from benchmarks.mil.cost import compared, shapes
from benchmarks.mil.jobs import jobs as jobs_of

ARMS = ["midam-att", "midam-att-slow"]


@pytest.fixture
def finished(tmp_path):
    """Finished tuning cells; only a rate of .003 (with γ = .1 for the slow arm) ranks the bags correctly."""
    for one in grid.grid(tmp_path, ARMS):
        path = grid.place(tmp_path, one)
        path.parent.mkdir(parents=True, exist_ok=True)
        right = one["lr"] == 0.003 and (one["arm"] == "midam-att" or one["gamma"] == 0.1)
        write(path, {"settings": one, "y": [0, 1], "scores": [0, 1] if right else [1, 0]})
    return tmp_path


def test_each_cell_has_its_own_file(finished):
    cells = list(grid.grid(finished, ARMS))
    assert len({grid.place(finished, one) for one in cells}) == len(cells)


def test_learning_rates_are_chosen_before_testing(finished, tmp_path):
    tuning = len(grid.TUNED) * len(grid.TUNING_FOLDS) * (3 + 6)
    cells = list(grid.grid(finished, ARMS))
    assert len(cells) == tuning + len(grid.DATASETS) * len(grid.FOLDS) * 2
    assert grid.chosen(finished, "midam-att") == (0.003, 0.9)
    assert grid.chosen(finished, "midam-att-slow") == (0.003, 0.1)
    assert {(one["lr"], one["gamma"]) for one in cells[tuning:]} == {(0.003, 0.9), (0.003, 0.1)}
    assert grid.chosen(finished, "mean-bce") is None
    assert len(list(grid.grid(finished, [*ARMS, "mean-bce"]))) == tuning + len(grid.TUNED) * len(grid.TUNING_FOLDS) * 3


def test_jobs_of_some_sets_and_folds(finished):
    jobs = list(jobs_of(finished, ["mutagenesis1", "fox"], ARMS, folds=2))
    counts = Counter(job.settings["data"] for job in jobs)
    assert counts == {"mutagenesis1": len(grid.TUNING_FOLDS) * 9, "fox": 2 * len(ARMS)}
    assert all(job.result()["settings"] == job.settings for job in jobs if job.path.exists())


def test_the_best_mean_over_sets_is_chosen():
    assert grid.best({(0.01, 0.9): {"a": 0.5, "b": 0.9}, (0.001, 0.9): {"a": 0.8, "b": 0.7}}) == (0.001, 0.9)


def test_bag_sizes_of_each_shape():
    sizes = {name: (len(bags), sum(bags)) for name, bags in shapes(1_000).items()}
    assert sizes == {"16 × 100": (16, 1600), "16 × 1,000": (16, 16000), "ragged": (16, 2500)}


def test_costs_are_compared_with_ours():
    figures = {("xgraph", "a"): [{"ms": 2.0}, {"ms": 4.0}, {"ms": 2.5}], ("libauc", "a"): [{"ms": 5.0}]}
    rows = compared("16 × 100", "a", 4, figures)
    assert [(row["library"], row["ms"], row["× ours"]) for row in rows] == [("xgraph", 2.5, 1.0), ("libauc", 5.0, 2.0)]
