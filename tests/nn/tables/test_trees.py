import numpy as np
import pytest
import torch
from fitted_models import through_a_file
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from xgraph.nn.tables.trees import Trees


def grown(n=300, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 4)).astype(np.float32)
    x[:, 3] = rng.integers(0, 4, n)
    return x, (x[:, 0] + x[:, 3] + rng.standard_normal(n) > 1).astype(int)


def test_single_tree_matches_a_manual_descent():
    x, y = grown()
    tree = DecisionTreeClassifier(random_state=0, min_samples_leaf=5).fit(x, y).tree_
    expected = []
    for row in x:
        node = 0
        while tree.children_left[node] >= 0:
            left = row[tree.feature[node]] <= tree.threshold[node]
            node = tree.children_left[node] if left else tree.children_right[node]
        expected.append(tree.value[node, 0, 1])
    trees = Trees(1, 4)
    trees.keep([[DecisionTreeClassifier(random_state=0, min_samples_leaf=5).fit(x, y)]])
    assert trees(torch.from_numpy(x))[:, 0].tolist() == expected
    assert 0 < min(value for value in expected if value) < 0.5


@pytest.mark.parametrize("ends", [(0.1, 0.7), (0.0, 1.0)])  # a threshold that float32 has not, and one that it has
def test_values_at_and_next_to_a_threshold(ends):
    x = np.float32(ends)[:, None]
    tree = DecisionTreeClassifier().fit(x, [0, 1])
    threshold = np.float32(tree.tree_.threshold[0])
    beside = np.float32([np.nextafter(threshold, np.float32(-1)), threshold, np.nextafter(threshold, np.float32(1))])
    trees = Trees(1, 1)
    trees.keep([[tree]])
    expected = tree.predict_proba(beside[:, None])[:, 1]
    assert trees(torch.from_numpy(beside[:, None]))[:, 0].tolist() == expected.tolist()
    assert expected[0] == 0
    assert expected[2] == 1


def test_tasks_have_separate_trees(monkeypatch):
    x, y = grown()
    one = RandomForestClassifier(5, random_state=0).fit(x, y)
    two = RandomForestClassifier(3, random_state=1).fit(x, 1 - y)
    trees = Trees(3, 4)
    trees.keep([one.estimators_, [], two.estimators_])
    expected = np.stack([one.predict_proba(x)[:, 1], np.zeros(len(x)), two.predict_proba(x)[:, 1]], axis=1)
    for at_once in (1 << 20, 700, 1):  # many trees together, a few, one by one
        monkeypatch.setattr("xgraph.nn.tables.trees._AT_ONCE", at_once)
        np.testing.assert_allclose(trees(torch.from_numpy(x)).numpy(), expected, atol=1e-12)


def test_loaded_state_replaces_the_trees():
    x, y = grown()
    large, small = Trees(1, 4), Trees(1, 4)
    large.keep([RandomForestClassifier(9, random_state=0).fit(x, y).estimators_])
    small.keep([RandomForestClassifier(2, random_state=1).fit(x, y).estimators_])
    small.load_state_dict(through_a_file(large.state_dict()))
    assert torch.equal(small(torch.from_numpy(x)), large(torch.from_numpy(x)))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("feature", 4, "refers to a feature beyond num_features=4"),
        ("left", 0, "a node does not come before its child"),
        ("right", 10**6, "a node does not come before its child"),
        ("root", -1, "a root is out of range"),
        ("task", 1, "a task is out of range"),
    ],
)
def test_damaged_state_is_rejected(name, value, message):
    x, y = grown()
    trees = Trees(1, 4)
    trees.keep([RandomForestClassifier(2, random_state=0).fit(x, y).estimators_])
    state = trees.state_dict()
    state[name] = state[name].clone()
    state[name][0] = value
    with pytest.raises(RuntimeError, match=message):
        Trees(1, 4).load_state_dict(state)
    cut = {**trees.state_dict(), "number": trees.number[1:]}
    with pytest.raises(RuntimeError, match="the lists of nodes have different lengths"):
        Trees(1, 4).load_state_dict(cut)
    with pytest.raises(RuntimeError, match="Missing key"):
        Trees(1, 4).load_state_dict({"feature": trees.feature})
