"""Every reduction of pairs, compared with loops; with one and several tasks, in one and many blocks."""

import math

import pytest
import torch

from xgraph.losses.batch import Batch
from xgraph.losses.pairs.anchors import Anchors
from xgraph.losses.pairs.reduce import Pairs
from xgraph.losses.pairs.surrogates import Logistic, SquaredHinge

NAN = float("nan")


def batch_of(tasks, seed=0, size=11):
    generator = torch.Generator().manual_seed(seed)
    target = (torch.rand(size, tasks, generator=generator) < 0.5).double()
    target[torch.rand(size, tasks, generator=generator) < 0.2] = NAN
    target[0], target[1] = 1, 0
    scores = torch.randn(size, tasks, dtype=torch.float64, generator=generator).requires_grad_()
    positive, negative = target == 1, target == 0
    return Batch(scores, positive, negative), target


def rows(batch, target, surrogate):
    """ℓ_ij over the negatives of each anchor, in the anchors' order: by task, then by item."""
    size, tasks = target.shape
    return [
        torch.stack([surrogate(batch.scores[j, t] - batch.scores[i, t]) for j in range(size) if target[j, t] == 0])
        for t in range(tasks)
        for i in range(size)
        if target[i, t] == 1
    ]


def tail(losses, top):
    """Sort, and use the last one partially."""
    ordered, left, total = losses.sort(descending=True).values, top * len(losses), 0.0
    for value in ordered:
        total = total + min(max(left, 0.0), 1.0) * value
        left -= 1
    return total / len(losses)


REDUCTIONS = {
    "mean": (lambda pairs: pairs.mean(), lambda losses: losses.mean()),
    "log_mean_exp": (
        lambda pairs: pairs.log_mean_exp(0.7),
        lambda losses: (losses / 0.7).logsumexp(0) - math.log(len(losses)),
    ),
    "excess": (
        lambda pairs: pairs.excess(torch.full((len(pairs.anchors.item),), 0.8, dtype=torch.float64))[0],
        lambda losses: (losses - 0.8).clamp_min(0).mean(),
    ),
    "tail": (lambda pairs: pairs.tail(0.4), lambda losses: tail(losses, 0.4)),
    "all of the tail": (lambda pairs: pairs.tail(1.0), lambda losses: losses.mean()),
}


@pytest.mark.parametrize("chunk", [1 << 18, 150, 25, 1])
@pytest.mark.parametrize("tasks", [1, 3])
@pytest.mark.parametrize("name", sorted(REDUCTIONS))
def test_values_and_gradients(name, tasks, chunk, monkeypatch):
    monkeypatch.setattr("xgraph.losses.pairs.blocks.CHUNK", chunk)
    reduce, definition = REDUCTIONS[name]
    for surrogate in (Logistic(), SquaredHinge(0.5)):
        batch, target = batch_of(tasks)
        out = reduce(Pairs(batch, Anchors.from_batch(batch), batch.scores, surrogate))
        expected = torch.stack([definition(losses) for losses in rows(batch, target, surrogate)])
        torch.testing.assert_close(out, expected)
        upstream = torch.randn(len(out), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        grads = [torch.autograd.grad((value * upstream).sum(), batch.scores)[0] for value in (out, expected)]
        torch.testing.assert_close(*grads)


@pytest.mark.parametrize("tasks", [1, 3])
def test_shares_use_all_labelled_items(tasks):
    batch, target = batch_of(tasks)
    out = Pairs(batch, Anchors.from_batch(batch), batch.scores, Logistic()).shares()
    expected = []
    for t in range(tasks):
        known = [j for j in range(len(target)) if target[j, t] == target[j, t]]
        for i in (i for i in known if target[i, t] == 1):
            losses = {j: torch.nn.functional.softplus(batch.scores[j, t] - batch.scores[i, t]) for j in known}
            relevant = sum(value for j, value in losses.items() if target[j, t] == 1)
            expected.append(torch.stack([relevant, sum(losses.values())]) / len(known))
    expected = torch.stack(expected)
    torch.testing.assert_close(out, expected)
    upstream = torch.randn_like(out)
    grads = [torch.autograd.grad((value * upstream).sum(), batch.scores)[0] for value in (out, expected)]
    torch.testing.assert_close(*grads)


@pytest.mark.parametrize("chunk", [1 << 18, 25])
@pytest.mark.parametrize("tasks", [1, 3])
def test_largest_excess_and_quantiles_match_loops(tasks, chunk, monkeypatch):
    """The share above a threshold, the largest loss, and quantiles."""
    monkeypatch.setattr("xgraph.losses.pairs.blocks.CHUNK", chunk)
    batch, target = batch_of(tasks, seed=3)
    pairs, losses = Pairs(batch, Anchors.from_batch(batch), batch.scores, Logistic()), rows(batch, target, Logistic())
    above = pairs.excess(torch.full((len(losses),), 0.8, dtype=torch.float64))[1]
    torch.testing.assert_close(above, torch.stack([(row > 0.8).double().mean() for row in losses]))
    torch.testing.assert_close(pairs.largest(), torch.stack([row.max() for row in losses]))
    which = torch.arange(len(losses)) % 2 == 0
    for q in (0.0, 0.35, 0.7, 1.0):
        expected = torch.stack([row.quantile(q) for row in losses[::2]])
        torch.testing.assert_close(pairs.quantile(q, which), expected)
        assert not pairs.quantile(q, which).requires_grad
