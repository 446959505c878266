"""What a sampled list stands for, thresholds, edge cases and errors of the ranking losses."""

import itertools
import math

import pytest
import torch

from xgraph.estimators import Proximal
from xgraph.losses import ListwiseCELoss, NDCGLoss, RecallLoss
from xgraph.losses.batch import Batch
from xgraph.losses.ranking.lists import Lists
from xgraph.losses.ranking.surrogates import rank_surrogate
from xgraph.losses.ranking.threshold import RIDGE, TEMPERATURE
from xgraph.relevance import RelevanceLists

LOGISTIC = rank_surrogate("logistic", 1.0)
TARGET = torch.tensor([1.0, 1, 1, 0, 0, 0, 0, 0], dtype=torch.float64)
SCORES = torch.randn(8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def lists_of(rows, strata="stratified"):
    scores, target = SCORES[rows][:, None], TARGET[rows][:, None]
    batch = Batch(scores, target > 0, target == 0, relevance=target)
    return Lists.of(batch, torch.tensor([8]), torch.tensor([3]), strata)


def test_sampled_ranks_are_unbiased_over_all_samples_and_pooled_ones_are_not():
    exact = lists_of(torch.arange(8)).ranks(LOGISTIC)
    total, pooled, count = torch.zeros(3).double(), torch.zeros(3).double(), torch.zeros(3)
    for own in itertools.combinations(range(3), 2):
        for others in itertools.combinations(range(3, 8), 2):
            rows = torch.tensor([*own, *others])
            total[list(own)] += lists_of(rows).ranks(LOGISTIC)
            pooled[list(own)] += lists_of(rows, "pooled").ranks(LOGISTIC)
            count[list(own)] += 1
            assert lists_of(rows).shares().sum().item() == pytest.approx(8)
    torch.testing.assert_close(total / count, exact)
    assert ((pooled / count - exact).abs() > 0.05).any()


@pytest.mark.parametrize(
    ("rows", "rank"),
    [
        ([0, 3, 4], lambda s: 1 + 7 / 2 * (LOGISTIC(s[3] - s[0]) + LOGISTIC(s[4] - s[0]))),  # one of three relevant
        ([0, 1], lambda s: 1 + 7 * LOGISTIC(s[1] - s[0])),  # no irrelevant item
    ],
)
def test_items_of_one_kind_stand_for_a_kind_that_was_not_sampled(rows, rank):
    torch.testing.assert_close(lists_of(torch.tensor(rows)).ranks(LOGISTIC)[0], rank(SCORES))
    assert lists_of(torch.tensor(rows)).shares().sum().item() == pytest.approx(8)


@pytest.mark.parametrize("cls", [NDCGLoss, RecallLoss])
def test_the_threshold_has_the_gradient_of_the_smoothed_solution(cls):
    """In eval mode λ solves the batch's own problem, so that finite differences see all of its gradient."""
    options = {"k": 2, "top": "full"} if cls is NDCGLoss else {"k": 2, "by": "threshold"}
    loss_fn = cls(8, relevance=TARGET, **options).double().eval()
    scores = SCORES.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda s: loss_fn(s, TARGET), (scores,))
    (slope,) = torch.autograd.grad(loss_fn(scores, TARGET), scores)
    assert (slope[3:] > 0).any()
    threshold = -(loss_fn.threshold.margins(lists_of(torch.arange(8)), False) - SCORES[:3])
    over = ((SCORES - threshold[0]) / TEMPERATURE).sigmoid().sum().item()
    assert over == pytest.approx(2.5 + 8 * RIDGE * threshold[0].item(), abs=1e-9)


def test_the_threshold_finds_the_quantile_of_the_whole_list_from_samples():
    generator = torch.Generator().manual_seed(0)
    scores, target = torch.randn(40, generator=generator).double(), (torch.arange(40) < 6).double()
    loss_fn = NDCGLoss(40, relevance=target, k=8, dual_lr=0.02).double()
    found = []
    for step in range(4000):
        own, others = torch.randperm(6, generator=generator)[:2], 6 + torch.randperm(34, generator=generator)[:6]
        rows = torch.cat([own, others])
        loss_fn(scores[rows], target[rows], rows)
        found.append(loss_fn.threshold.value.item() if step > 500 else 0)
    ordered = scores.sort(descending=True).values
    mean = sum(found[501:]) / len(found[501:])
    assert ordered[10] < mean < ordered[6]


def test_k_of_the_whole_list_or_more_is_no_limit():
    for top in ("practical", "full", "ranks"):
        loss_fn, plain = (NDCGLoss(8, relevance=TARGET, k=k, top=top).double() for k in (8, None))
        for each in (loss_fn, plain):
            each(SCORES, TARGET, torch.arange(8))
        torch.testing.assert_close(loss_fn(SCORES, TARGET, torch.arange(8)), plain(SCORES, TARGET, torch.arange(8)))
        assert loss_fn.threshold is None or not loss_fn.threshold.seen.any()
    for by in ("ranks", "threshold"):
        scores = SCORES.clone().requires_grad_()
        loss = RecallLoss(8, relevance=TARGET, k=9, by=by).double()(scores, TARGET, torch.arange(8))
        loss.backward()
        assert loss.item() == pytest.approx(-1.0)
        assert (scores.grad == 0).all()


@pytest.mark.parametrize("cls", [NDCGLoss, ListwiseCELoss, RecallLoss])
def test_lists_of_one_item_and_lists_without_irrelevant_items(cls):
    one = RelevanceLists.of_matrix(torch.tensor([[1.0, 1.0, 0.0], [torch.nan, 1.0, 0.0], [torch.nan, torch.nan, 0.0]]))
    loss_fn = cls(3, 3, relevance=one, **({"k": 1} if cls is RecallLoss else {})).double()
    scores = torch.tensor([[3.0, 1.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64, requires_grad=True)
    target = torch.tensor([[1.0, 1.0, 0.0], [torch.nan, 1.0, 0.0], [torch.nan, torch.nan, 0.0]])
    loss = loss_fn(scores, target, torch.arange(3))
    loss.backward()
    assert (scores.grad[:, [0, 2]] == 0).all()  # a list of one item, and one without relevant items
    second = torch.tensor([1.0, 2.0]).double()
    rank = 1 + LOGISTIC(second.flip(0) - second)
    if cls is NDCGLoss:
        expected = -(1 + (1 / torch.log2(1 + rank)).sum() / (1 + 1 / math.log2(3))) / 2
    elif cls is RecallLoss:
        expected = -(1 + (2.25 / (2.25 + rank**2)).mean()) / 2
    else:
        expected = (0 - second.log_softmax(0).mean()) / 2
    assert loss.item() == pytest.approx(float(expected))


def test_ties_count_against_the_relevant_item():
    loss_fn = NDCGLoss(5, relevance=torch.tensor([1.0, 0, 0, 0, 0])).eval()
    loss = loss_fn(torch.zeros(5), torch.tensor([1.0, 0, 0, 0, 0]))
    assert loss.item() == pytest.approx(-1 / math.log2(6))


def test_precision_divides_by_k():
    for by in ("ranks", "threshold"):
        recall, precision = (
            RecallLoss(8, relevance=TARGET, k=2, by=by, measure=m).eval() for m in ("recall", "precision")
        )
        assert precision(SCORES, TARGET).item() == pytest.approx(recall(SCORES, TARGET).item() * 3 / 2)


def test_listwise_state_follows_a_shift_of_all_scores():
    loss_fn, shifted = (ListwiseCELoss(8, relevance=TARGET).double() for _ in range(2))
    for step in range(4):
        rows = torch.randperm(8, generator=torch.Generator().manual_seed(step))[:5]
        losses = loss_fn(SCORES[rows], TARGET[rows]), shifted(SCORES[rows] + 10 * step, TARGET[rows])
        torch.testing.assert_close(*losses)


def test_listwise_takes_a_gamma_for_each_query():
    loss_fn = ListwiseCELoss(8, relevance=TARGET, gamma=Proximal(alpha=0.5)).double()
    rows = torch.tensor([0, 1, 3, 4])
    for scores in (SCORES, SCORES * 3):
        loss_fn(scores[rows], TARGET[rows])
    level = [
        ((s[rows] - s[rows][:2].mean()).exp() * torch.tensor([1.5, 1.5, 2.5, 2.5])).mean() * 4 / 8
        for s in (SCORES, 3 * SCORES)
    ]
    share = 0.5 * level[0] / (1 + 0.5 * level[0])
    assert loss_fn.track.value.exp().item() == pytest.approx(((1 - share) * level[0] + share * level[1]).item())


def test_graded_relevance_beyond_what_gains_hold_is_refused():
    huge = torch.tensor([61.0, 0.0])
    with pytest.raises(ValueError, match="relevance must be between 0 and 60, or NaN"):
        NDCGLoss(2, relevance=huge)
    NDCGLoss(2, relevance=huge, gain="linear")(torch.zeros(2), huge, torch.arange(2))
    with pytest.raises(ValueError, match="target must be between 0 and 60, or NaN .*, got 61 in row 0"):
        NDCGLoss(2, relevance=huge.clamp(max=1))(torch.zeros(2), huge, torch.arange(2))


def test_lists_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="num_tasks = 2 columns and at most num_items = 8 rows, got 1 columns and 8"):
        NDCGLoss(8, 2, relevance=TARGET)
    with pytest.raises(TypeError, match="relevance must be a tensor"):
        NDCGLoss(8, relevance=[1.0])
    loss_fn = NDCGLoss(8, relevance=TARGET * 0)
    with pytest.raises(ValueError, match="a relevant item of query 0, which has none there"):
        loss_fn(SCORES, TARGET, torch.arange(8))
    assert not loss_fn.track.seen.any()


def test_flat_batches_are_checked_before_writing():
    lists = RelevanceLists([0, 0, 1], [1, 2, 0], num_items=4)
    loss_fn = NDCGLoss.of(lists, k=2)
    scores, target = torch.zeros(3), torch.tensor([1.0, 0.0, 1.0])
    pair, query = torch.tensor([1, -1, 2]), torch.tensor([0, 0, 1])
    for arguments, error, message in [
        ((scores, target, pair, None), ValueError, "query is required"),
        ((scores, target, None, query), ValueError, "pair is required in training"),
        ((scores, target, pair, query + 1), IndexError, r"query must lie in 0..1, got 2"),
        ((scores, target, pair.flip(0), query), IndexError, r"0..1 for query 0, got 2 in row 0; see RelevanceLists"),
        ((scores, target, pair.float(), query), TypeError, "pair must be a tensor of integers"),
        ((scores, target[:2], pair, query), ValueError, r"target must have the shape \[3\]"),
        ((scores, -target, pair, query), ValueError, "target must be between 0 and 60"),
        ((scores.long(), target, pair, query), TypeError, "scores must be a tensor of floating-point"),
        ((scores / 0, target, pair, query), ValueError, "logits must be finite"),
    ]:
        with pytest.raises(error, match=message):
            loss_fn(*arguments)
        assert not loss_fn.track.seen.any()
    assert loss_fn(scores[:0], target[:0], pair[:0], query[:0]).item() == 0
    assert loss_fn(scores, target, pair, query).item() < 0
    assert loss_fn.eval()(scores, target, None, query).item() < 0
