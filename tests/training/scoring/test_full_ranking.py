"""Full ranking in chunks against a score matrix."""

import pytest
import torch

from xgraph.data import RelevanceLists
from xgraph.training.scoring.full_ranking import rank_all
from xgraph.training.scoring.places import Places
from xgraph.training.scoring.ranking import ranking_metrics

GENERATOR = torch.Generator().manual_seed(0)
MATRIX = torch.rand(12, 30, generator=GENERATOR)
KIND = torch.randint(0, 5, (12, 30), generator=GENERATOR)  # 1: relevant; 2: known
KIND[4] = 0
SCORES = torch.randint(0, 9, (12, 30), generator=GENERATOR).float()


def lists_of(mask):
    return RelevanceLists(*mask.nonzero().unbind(1), num_items=30, num_queries=12)


@pytest.mark.parametrize("chunk", [1, 5, 100])
def test_known_items_are_left_out(chunk):
    found = rank_all(lambda query: SCORES[query], lists_of(KIND == 1), [lists_of(KIND == 2)], chunk)
    target = torch.where(KIND == 2, torch.nan, (KIND == 1).float())
    expected = Places.of_scores(target.t().numpy(), SCORES.t().numpy())
    assert ranking_metrics(found, [3, 10]) == pytest.approx(ranking_metrics(expected, [3, 10]))
    assert ranking_metrics(found)["empty_queries"] == 1


def test_relevant_items_stay_even_if_known_and_scores_are_not_changed():
    relevant = lists_of(KIND == 1)
    before = SCORES.clone()
    found = rank_all(lambda query: SCORES[query], relevant, [relevant])
    assert torch.equal(before, SCORES)
    assert ranking_metrics(found) == ranking_metrics(rank_all(lambda query: SCORES[query], relevant))


def test_wrong_scores_and_lists_are_refused():
    relevant = lists_of(KIND == 1)
    with pytest.raises(ValueError, match=r"shape \[11, 30\] for 11 queries, got \[11, 29\]"):
        rank_all(lambda query: SCORES[query, 1:], relevant)
    with pytest.raises(ValueError, match="finite numbers"):
        rank_all(lambda query: SCORES[query].log(), relevant)
    with pytest.raises(ValueError, match="without must be lists of 12 queries and 30 items"):
        rank_all(lambda query: SCORES[query], relevant, [RelevanceLists([0], [0], num_items=30)])
