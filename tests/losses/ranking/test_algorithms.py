"""Values, gradients and states of the ranking losses against the algorithms in Python floats."""

import math

import pytest
import torch

from tests.losses.ranking.reference import Reference, graded, ideal
from tests.losses.references import follow
from xgraph.losses import ListwiseCELoss, NDCGLoss, RecallLoss
from xgraph.relevance import RelevanceLists

ITEMS, QUERIES = 15, 4
SEED = torch.Generator().manual_seed(2)
WHOLE = torch.randint(0, 4, (ITEMS, QUERIES), generator=SEED).double()
WHOLE[WHOLE.sum(1) % 2 == 0] *= 0
WHOLE[9:, 2] = float("nan")  # a list of 9 items
KINDS = {
    "ndcg": (NDCGLoss, {}),
    "practical": (NDCGLoss, {"k": 5}),
    "full": (NDCGLoss, {"k": 5, "top": "full"}),
    "ranks": (NDCGLoss, {"k": 5, "top": "ranks"}),
    "recall": (RecallLoss, {"k": 5}),
    "threshold": (RecallLoss, {"k": 5, "by": "threshold"}),
    "listwise": (ListwiseCELoss, {}),
}


def make(kind, **options):
    cls, own = KINDS[kind]
    return cls(ITEMS, QUERIES, relevance=WHOLE, **own, **options).double()


def reference(kind, gamma=0.3):
    columns = WHOLE.t().tolist()
    size = [sum(y == y for y in column) for column in columns]
    relevant = [sum(y > 0 for y in column) for column in columns]
    assert min(relevant) > 0
    if kind == "listwise":
        norm = [sum(y for y in column if y > 0) for column in columns]
    else:
        norm = [ideal(column, None if kind == "ndcg" else 5) for column in columns]
    return Reference(size, relevant, norm, kind, gamma)


@pytest.mark.parametrize("kind", KINDS)
def test_autograd_matches_the_algorithm_over_many_steps_and_a_restore(kind):
    algorithm = reference(kind)
    loss_fn = follow(lambda: make(kind), algorithm, graded())
    for query, value in {
        **algorithm.threshold,
        **{q: math.log(u / algorithm.size[q]) for q, u in algorithm.level.items()},
    }.items():
        table = loss_fn.track if kind == "listwise" else loss_fn.threshold
        assert table.value[query].item() == pytest.approx(value, abs=1e-8)


def flat(logits, target, index, lists):
    """The rows of a batch as pairs of ragged lists, in any order, with unknown ones among them."""
    item, query = torch.ones_like(target).nonzero().unbind(1)
    order = torch.randperm(len(item), generator=torch.Generator().manual_seed(0))
    item, query = item[order], query[order]
    numbers = {
        (int(q), int(i)): n for n, (q, i) in enumerate(zip(lists.queries().tolist(), lists.item.tolist(), strict=True))
    }
    pair = [numbers.get((int(q), int(index[i])), -1) for i, q in zip(item, query, strict=True)]
    return logits[item, query], target[item, query], torch.tensor(pair), query


@pytest.mark.parametrize("kind", KINDS)
def test_ragged_lists_give_what_columns_give(kind):
    lists = RelevanceLists.of_matrix(WHOLE)
    cls, own = KINDS[kind]
    columns, ragged = make(kind), cls.of(lists, **own).double()
    generator = torch.Generator().manual_seed(5)
    for step in range(8):
        index = torch.randperm(ITEMS, generator=generator)[: 4 + step]
        logits = torch.randn(len(index), QUERIES, dtype=torch.float64, generator=generator, requires_grad=True)
        losses = columns(logits, WHOLE[index], index), ragged(*flat(logits, WHOLE[index], index, lists))
        torch.testing.assert_close(*losses)
        torch.testing.assert_close(*(torch.autograd.grad(loss, logits)[0] for loss in losses))
    assert len(ragged.state_dict()) == len(columns.state_dict())


@pytest.mark.parametrize("kind", ["ndcg", "ranks", "recall", "listwise"])
def test_gamma_one_and_whole_lists_give_the_objective_itself(kind):
    logits = torch.randn(ITEMS, QUERIES, dtype=torch.float64, requires_grad=True)
    loss_fn = make(kind, gamma=1.0)
    loss_fn(torch.randn(ITEMS, QUERIES).double(), WHOLE, torch.arange(ITEMS))
    total = 0.0
    for query in range(QUERIES):
        known = ~WHOLE[:, query].isnan()
        s, y = logits[known, query], WHOLE[known, query]
        ell = torch.nn.functional.softplus(s[None] - s[:, None]) / math.log(2)
        rank = 1 + ell.sum(1) - ell.diagonal()
        value = (2**y - 1) / torch.log2(1 + rank) / ideal(y.tolist(), None if kind == "ndcg" else 5)
        if kind == "listwise":
            value = y / y.sum() * s.log_softmax(0)
        elif kind == "ranks":
            value = value * (2 * (5.5 - rank)).sigmoid()
        elif kind == "recall":
            value = (y > 0) / (y > 0).sum() * 5.5**2 / (5.5**2 + rank**2)
        total = total - value.sum() / QUERIES
    loss = loss_fn(logits, WHOLE, torch.arange(ITEMS))
    torch.testing.assert_close(loss, total)
    torch.testing.assert_close(*(torch.autograd.grad(each, logits)[0] for each in (loss, total)))
