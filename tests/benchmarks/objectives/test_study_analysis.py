"""Paired differences of the study of objectives, against values worked out by hand."""

import math

import pytest

from benchmarks.objectives.analysis import differences, holm, summary

SCORES = {
    "A": {"one": {"bce": {"ap": 0.5}, "soap": {"ap": 0.6}}, "two": {"bce": {"ap": 0.4}, "soap": {"ap": 0.4}}},
    "B": {"one": {"bce": {"ap": 0.3}, "soap": {"ap": 0.2}}},
    "C": {"one": {"bce": {"ap": 0.3}}},
}


def test_a_set_counts_once_however_many_tasks_it_has():
    gains = differences(SCORES, "soap", "bce", "ap")
    assert gains == [[pytest.approx(0.1), pytest.approx(0)], [pytest.approx(-0.1)]]
    found = summary(gains)
    half = 12.7062 * math.sqrt((0.075**2 * 2) / 1) / math.sqrt(2)  # t of 1 degree of freedom; the means are .05 and -.1
    assert found["mean"] == pytest.approx(-0.025, abs=1e-5)
    assert (found["low"], found["high"]) == pytest.approx((-0.025 - half, -0.025 + half), abs=1e-4)
    assert (found["won"], found["sets"], found["tasks"]) == (0.5, 2, 3)
    assert found["bootstrap"] == pytest.approx([-0.1, 0.05])


def test_cells_can_be_chosen():
    assert differences(SCORES, "soap", "bce", "ap", ["two"]) == [[pytest.approx(0)]]


def test_holm():
    corrected = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": math.nan})
    assert corrected["a"] == pytest.approx(0.03)
    assert corrected["c"] == corrected["b"] == pytest.approx(0.06)
    assert math.isnan(corrected["d"])
