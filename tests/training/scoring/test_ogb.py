"""Scores of the molecules of OGB equal those of OGB's Evaluator, for each of its thirteen sets."""

import numpy as np
import pytest

from tests.data.cards.test_named import MOLECULES
from xgraph.data import load_card
from xgraph.training.scoring.scores import score_split

LARGE = ("toxcast", "chembl")
NAMES = [pytest.param(name, marks=pytest.mark.slow if name in LARGE else ()) for name in MOLECULES]


@pytest.mark.parametrize("name", NAMES)
def test_scores_equal_those_of_ogbs_evaluator(name: str) -> None:
    card = load_card(f"ogbg-mol{name}")
    random = np.random.default_rng(len(name))
    scores = random.normal(size=(60, card.tasks))
    if card.is_regression:
        y = scores + random.normal(size=scores.shape)
    else:
        y = (scores + 2 * random.normal(size=scores.shape) > 1).astype(np.float64)
        y[:2] = [[0], [1]]
    if card.tasks > 1:
        y[2:][random.random((58, card.tasks)) < 0.4] = np.nan  # OGB's sets of one task have no missing labels
        y[y[:, 1] == 1, 1] = 0  # a task with a single class is left out of the mean
    values = score_split(card.name, y.astype(np.float32), scores, link="identity" if card.is_regression else "sigmoid")
    own = {"roc_auc": "rocauc"}.get(card.metric, card.metric)
    assert values[f"ogb_{own}"] == pytest.approx(values[card.metric], rel=1e-6)
