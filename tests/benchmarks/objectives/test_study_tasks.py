"""Tasks of the study of objectives: actives, decoys and scaffolds of each part."""

from itertools import combinations

import numpy as np
import pytest

from benchmarks.objectives.sets import Molecules
from benchmarks.objectives.tasks import PARTS, Cell, labels, make_task

CELL = Cell(200, "3")


@pytest.fixture(scope="module")
def molecules():
    """12,000 molecules of 1,500 scaffolds; set A has 700, set B 100, and the others are decoys for both."""
    rng = np.random.default_rng(0)
    scaffolds = rng.integers(0, 1500, 12_000)
    sets = {name: (np.arange(size), rng.normal(7, 1, size)) for name, size in (("A", 700), ("B", 100))}
    return Molecules([""] * 12_000, scaffolds, sets, ["A", "B"], np.arange(50, 12_000))


def test_parts_hold_the_most_potent_molecules_and_share_no_scaffold(molecules):
    task = make_task(molecules, "A", CELL)
    own, pki = molecules.sets["A"]
    known = labels(CELL)
    assert {part: (len(rows), int(known[part].sum())) for part, rows in task.rows.items()} == {
        "train": (200, 6),
        "valid": (50, 2),
        "test": (5000, 150),
    }
    for part, rows in task.rows.items():
        actives, others = rows[known[part] == 1], rows[known[part] == 0]
        assert pki[actives].min() >= task.threshold >= np.median(pki)
        inactives = others[np.isin(others, own)]
        assert pki[inactives].max() < task.threshold
        assert np.isin(others[~np.isin(others, own)], molecules.pool).all()
        assert len(np.unique(rows)) == len(rows)
    scaffolds = [set(molecules.scaffolds[task.rows[part]]) for part in PARTS]
    assert all(a.isdisjoint(b) for a, b in combinations(scaffolds, 2))
    again = make_task(molecules, "A", CELL)
    assert all((again.rows[part] == task.rows[part]).all() for part in PARTS)


def test_a_set_with_too_few_molecules_above_its_median_has_no_task(molecules):
    assert make_task(molecules, "B", CELL) is None
