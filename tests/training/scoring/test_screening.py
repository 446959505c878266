"""Metrics of the top of a ranking, against RDKit's."""

import numpy as np
import pytest
from rdkit.ML.Scoring import Scoring

from xgraph.training.scoring.metrics import METRICS, score_all, top_metrics
from xgraph.training.scoring.screening import bedroc, enrichment, hits
from xgraph.training.scoring.sweep import sweep


def ranking(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    g = np.random.default_rng(seed)
    y = (g.random(n) < 0.1).astype(float)
    y[:2] = (1, 0)
    return y, g.normal(size=n) + y


@pytest.mark.parametrize("n", [20, 137, 5000])
def test_enrichment_and_bedroc_are_those_of_rdkit(n: int) -> None:
    y, scores = ranking(n, n)
    ranked = [(label,) for label in y[np.argsort(-scores)]]
    values = score_all(y, scores)
    assert values["bedroc"] == pytest.approx(Scoring.CalcBEDROC(ranked, 0, 20.0))
    for name, share in (("ef_1", 0.01), ("ef_5", 0.05)):
        assert values[name] == pytest.approx(Scoring.CalcEnrichment(ranked, 0, [share])[0])
    assert values["hits@10"] == sum(label for (label,) in ranked[:10]) == 10 * values["precision@10"]


def test_items_with_equal_scores_count_as_if_in_random_order() -> None:
    y, scores = ranking(60, 1)
    scores = scores.round()
    g = np.random.default_rng(0)
    orders = [np.lexsort((g.random(len(y)), -scores)) for _ in range(20_000)]
    ranked = y[np.array(orders)]
    swept = sweep(y, scores)
    assert swept is not None
    assert hits(swept, 7) == pytest.approx(ranked[:, :7].sum(axis=1).mean(), abs=0.03)
    assert enrichment(swept, 0.05) == pytest.approx(ranked[:, :3].mean() / y.mean(), abs=0.05)
    exact = [Scoring.CalcBEDROC([(label,) for label in row], 0, 20.0) for row in ranked[:2000]]
    assert bedroc(swept) == pytest.approx(np.mean(exact), abs=0.01)


def test_the_top_of_fewer_items_is_all_of_them() -> None:
    y, scores = ranking(9, 0)
    values = score_all(y, scores, top_metrics(3))
    assert (values["hits@10"], values["precision@10"]) == (y.sum(), pytest.approx(y.mean()))
    assert values["hits@3"] == 3 * values["precision@3"]
    assert {"ef_1", "bedroc", "precision@10"} <= METRICS.keys()
