from itertools import combinations
from typing import Any

import numpy as np
import pytest

from xgraph.data import Table, load, load_card
from xgraph.data.cards import molecules
from xgraph.data.cards.molecules import read_card_table
from xgraph.data.molecules.splits import scaffold_groups


def test_columns_of_an_embedded_table(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Table(["C", "CC"], np.array([[0, 1], [1, 0]], np.float32), ["other", "pains"], np.arange(2))
    monkeypatch.setitem(molecules.EMBEDDED, "nci_pains", lambda folder, progress: whole)
    table = read_card_table(load_card("nci-pains"))
    assert table.task_names == ["pains"]
    assert table.y.tolist() == [[1.0], [0.0]]
    with pytest.raises(ValueError, match=r"target_columns of 'nci-pains' must be any of pains, got y"):
        read_card_table(load_card("nci-pains"), ["y"])


def test_folds_are_drawn_for_a_data_set_by_name() -> None:
    """They are the same as for a table with the same molecules; whole scaffolds are in one fold."""
    tests = []
    for fold in range(4):
        data = load("nci-pains", split="scaffold", folds=4, fold=fold, stratified=True, partition=2)
        assert sum(map(len, data.splits.values())) == len(data)
        tests.append(set(data.splits["test"].tolist()))
        following = load("nci-pains", split="scaffold", folds=4, fold=(fold + 1) % 4, stratified=True, partition=2)
        assert data.splits["valid"].tolist() == following.splits["test"].tolist()
    assert set.union(*tests) == set(range(len(data)))
    assert sum(map(len, tests)) == len(data)
    actives = [float(data.y[sorted(test)].sum()) for test in tests]
    assert max(actives) - min(actives) <= 2
    groups = scaffold_groups(data.smiles)
    assert all(not set(groups[sorted(a)]) & set(groups[sorted(b)]) for a, b in combinations(tests, 2))
    other = load("nci-pains", split="scaffold", folds=4, fold=0, stratified=True, partition=3)
    assert set(other.splits["test"].tolist()) != tests[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 4}, "folds=4, 0 to 3: choose the one to test on"),
        ({"folds": 4, "fold": 4}, "fold must be between 0 and 3 for 'nci-pains', got 4"),
        ({"folds": 2, "fold": 0}, "folds must be from 3 to 1000"),
        ({"folds": 4, "fold": 0, "split": "cluster"}, "split must be one of scaffold, random for 'nci-pains'"),
        ({"partition": 1}, "partition=1 must be 0 or more, and needs folds"),
        ({"stratified": True}, "stratified=True needs folds"),
    ],
)
def test_wrong_folds_of_a_data_set_by_name_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load("nci-pains", **options)
