"""Metrics of ranked lists against all orders of tied items, and against scikit-learn."""

import itertools
import math
from typing import get_args

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, ndcg_score

from xgraph.metric_names import LIST_METRICS as KNOWN
from xgraph.training.config.sections import Metric
from xgraph.training.scoring.places import Places
from xgraph.training.scoring.ranking import (
    hit_at,
    map_at,
    mrr,
    ndcg,
    precision_at,
    ranking_metrics,
    recall_at,
)
from xgraph.training.scoring.scores import measure

NAN = float("nan")


def of_order(labels, k, gain):
    """All metrics of one list in a given order."""
    value = (lambda y: 2**y - 1) if gain == "exp2" else float
    hits = [place for place, y in enumerate(labels) if y > 0]
    top = [place for place in hits if place < k]
    best = sorted(labels, reverse=True)

    def dcg(values, cut):
        return sum(value(y) / math.log2(place + 2) for place, y in enumerate(values[:cut]))

    precisions = [sum(h <= place for h in hits) / (place + 1) for place in hits]
    return {
        "ndcg": dcg(labels, None) / dcg(best, None),
        "ndcg@k": dcg(labels, k) / dcg(best, k),
        "recall@k": len(top) / len(hits),
        "precision@k": len(top) / k,
        "hit@k": float(bool(top)),
        "mrr": 1 / (hits[0] + 1),
        "map": sum(precisions) / len(hits),
        "map@k": sum(precisions[: len(top)]) / min(len(hits), k),
    }


def expected(labels, scores, k, gain):
    """Means over all orders of tied items."""
    orders = [order for order in itertools.permutations(range(len(labels))) if _sorted(order, scores)]
    found = [of_order([labels[i] for i in order], k, gain) for order in orders]
    return {name: sum(one[name] for one in found) / len(found) for name in found[0]}


def _sorted(order, scores):
    return all(scores[a] >= scores[b] for a, b in itertools.pairwise(order))


def ours(labels, scores, k, gain):
    return {
        "ndcg": ndcg(labels, scores, gain=gain),
        "ndcg@k": ndcg(labels, scores, k, gain=gain),
        "recall@k": recall_at(labels, scores, k),
        "precision@k": precision_at(labels, scores, k),
        "hit@k": hit_at(labels, scores, k),
        "mrr": mrr(labels, scores),
        "map": map_at(labels, scores),
        "map@k": map_at(labels, scores, k),
    }


@pytest.mark.parametrize("gain", ["exp2", "linear"])
def test_ties_are_averaged_over_all_orders(gain):
    rng = np.random.default_rng(0)
    for draw in range(40):
        labels = rng.integers(0, 4, 6) * (rng.random(6) < 0.6)
        if not labels.any():
            continue
        scores, k = rng.integers(0, 3, 6).astype(float), int(rng.integers(1, 8))
        labels = labels.tolist()
        reference = expected(labels, scores, k, gain)
        for name, value in ours(labels, scores, k, gain).items():
            assert value == pytest.approx(reference[name], abs=1e-12), (draw, name)


def test_queries_are_averaged_and_those_without_relevant_items_are_counted():
    rng = np.random.default_rng(1)
    target, scores = (rng.random((50, 6)) < 0.2).astype(float), rng.integers(0, 9, (50, 6)).astype(float)
    target[:, 2] = 0
    target[rng.random((50, 6)) < 0.3] = NAN
    target[:, 4] = NAN
    found = ranking_metrics(Places.of_scores(target, scores), ks=[3])
    assert (found["queries"], found["empty_queries"]) == (4, 2)
    for name, metric in [("recall@3", recall_at), ("map@3", map_at), ("hit@3", hit_at), ("ndcg@3", ndcg)]:
        alone = [metric(target[:, t], scores[:, t], 3) for t in (0, 1, 3, 5)]
        assert found[name] == pytest.approx(np.mean(alone)) == metric(target, scores, 3)
    assert math.isnan(ndcg([0.0, NAN], [1.0, 2.0]))
    assert ranking_metrics(Places.of_scores([0.0], [1.0]))["empty_queries"] == 1


def test_values_agree_with_scikit_learn():
    rng = np.random.default_rng(2)
    for k in (1, 5, 100):
        labels, scores = rng.integers(0, 3, 30), rng.integers(0, 8, 30)
        assert ndcg(labels, scores, k, gain="linear") == pytest.approx(ndcg_score([labels], [scores], k=k))
    labels, scores = rng.integers(0, 2, 30), rng.random(30)
    assert map_at(labels, scores) == pytest.approx(average_precision_score(labels, scores))


def test_a_perfect_list_has_one_and_a_list_of_one_item_too():
    for k in (1, 3, 50):
        values = ours([3, 2, 0, 0], [4.0, 3.0, 2.0, 1.0], k, "exp2")
        assert {name for name, value in values.items() if value != 1} <= {"recall@k", "precision@k"}
    assert ours([1.0], [0.3], 1, "exp2") == dict.fromkeys(ours([1.0], [0.3], 1, "exp2"), 1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 0], [1.0]), "expected equal shapes"),
        (([-1, 0], [1.0, 2.0]), "expected relevance of 0 or more, or NaN, got -1"),
        (([1, 0], [1.0, NAN]), "expected finite numbers, got nan"),
        (([1, 0], [1.0, 2.0], 0), "k must be at least 1, got 0"),
    ],
)
def test_wrong_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ndcg(*arguments)
    with pytest.raises(ValueError, match="gain must be one of exp2, linear"):
        ndcg([1, 0], [1.0, 2.0], gain="square")


def test_several_tasks_report_them_and_a_single_one_does_not():
    rng = np.random.default_rng(3)
    target, scores = (rng.random((40, 3)) < 0.3).astype(float), rng.random((40, 3))
    found = measure(target, scores)
    assert set(KNOWN) <= set(get_args(Metric))
    assert list(found)[-len(KNOWN) :] == list(KNOWN)
    assert found["ndcg@10"] == pytest.approx(ndcg(target, scores, 10))
    assert not {*KNOWN} & {*measure(target[:, :1], scores[:, :1])}
    assert not {*KNOWN} & {*measure(np.eye(3)[rng.integers(0, 3, 40)], scores, several_classes=True)}
