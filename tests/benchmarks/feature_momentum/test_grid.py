"""Cells of the benchmark of feature momentum, and the choice of γ and learning rates."""

from itertools import islice

import pytest

from benchmarks._jobs import write
from benchmarks.feature_momentum import grid


@pytest.fixture
def finished(tmp_path):
    """Finished tuning cells of tolokers; γ = .05 is best."""
    for one in grid.tuning("tolokers"):
        path = grid.place(tmp_path, one)
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, {"settings": one, "valid": 0.9 if one["gamma"] == 0.05 else 0.8})
    return tmp_path


def test_settings_are_chosen_once_all_candidates_are_finished(finished):
    cells = grid.candidates("tolokers", "momentum", 2, "1")
    best = {"gamma": 0.05, "gradient": "straight_through", "lr": 0.01}
    assert grid.chosen(finished, cells, *grid.CHOSEN["momentum"]) == best
    grid.place(finished, cells[0]).unlink()
    assert grid.chosen(finished, cells, *grid.CHOSEN["momentum"]) is None
    assert grid.chosen(finished, [], "lr") is None


def test_deeper_models_take_the_choice_at_three_layers(finished):
    deep = grid.candidates("tolokers", "momentum", 5, "1")
    assert {one["num_layers"] for one in deep} == {3}
    assert {one["fan_out"] for one in deep} == {"1"}


def test_tuning_comes_first_and_each_cell_has_its_own_file(finished):
    cells = list(grid.grid(finished))
    tuning = list(grid.tuning("tolokers"))
    assert cells[: len(tuning)] == tuning
    places = {}
    for one in cells:
        assert places.setdefault(grid.place(finished, one), one) == one
    assert any(one.get("track") and one["gamma"] == 0.05 for one in cells)


def test_jobs_are_the_cells_of_a_data_set(finished):
    jobs = list(islice(grid.jobs(finished, ["noisy"]), 3))
    assert [job.settings for job in jobs] == list(islice(grid.tuning("noisy"), 3))


def test_costs_skip_configurations_that_do_not_fit(tmp_path):
    jobs = grid.cost_jobs(tmp_path, ["tolokers", "reddit2-sized"])
    whole = [job for job in jobs if "-1" in job.settings["fan_out"]]
    assert {job.settings["dataset"] for job in whole} == {"tolokers"}
    assert len({job.path for job in jobs}) == len(jobs) == 3 * (9 + 8)
