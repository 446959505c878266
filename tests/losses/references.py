"""Shared parts of the reference implementations: surrogates in Python floats, batches, and comparisons."""

import math

import pytest
import torch

NAN = float("nan")
ELL = {  # value and slope
    "squared_hinge": (lambda s, m: max(m + s, 0.0) ** 2, lambda s, m: 2 * max(m + s, 0.0)),
    "hinge": (lambda s, m: max(m + s, 0.0), lambda s, m: float(m + s > 0)),
    "squared": (lambda s, m: (m + s) ** 2, lambda s, m: 2 * (m + s)),
    "logistic": (lambda s, m: math.log1p(math.exp(s)), lambda s, m: 1 / (1 + math.exp(-s))),
    "sigmoid": (lambda s, m: 1 / (1 + math.exp(-s)), lambda s, m: math.exp(-s) / (1 + math.exp(-s)) ** 2),
}
EACH_SURROGATE = pytest.mark.parametrize("surrogate", sorted(ELL))


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def quantile(values, level):
    """The quantile, interpolated linearly between order statistics."""
    ordered = sorted(values)
    place = level * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def cvar(values, share):
    """share · CVaR: the minimum of share · ν + mean (x − ν)₊. It is piecewise linear, so it is at one of the values."""
    return min(share * nu + mean(max(x - nu, 0.0) for x in values) for nu in values)


def sides(labels):
    """The positions of positives and of negatives; None if a class is missing."""
    positives, negatives = ([i for i, y in enumerate(labels) if y == side] for side in (1, 0))
    return (positives, negatives) if positives and negatives else None


def pair_losses(scores, target, surrogate="squared_hinge", margin=1.0):
    """A list of losses per positive."""
    value = ELL[surrogate][0]
    rows = list(zip(scores.tolist(), target.tolist(), strict=True))
    return [[value(b - a, margin) for b, y in rows if y == 0] for a, label in rows if label == 1]


def fixed(positives, negatives, seed=0):
    """Scores, labels and index of a whole data set."""
    generator = torch.Generator().manual_seed(seed)
    n = positives + negatives
    target = (torch.arange(n) < positives).double()
    return torch.randn(n, dtype=torch.float64, generator=generator), target, torch.arange(n)


def holes(tasks, rows=30, seed=0):
    """Scores and labels, some of them missing; the second-to-last task has no positives."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, tasks, dtype=torch.float64, generator=generator)
    target = (torch.rand(rows, tasks, generator=generator) < 0.3).double()
    target[torch.rand(rows, tasks, generator=generator) < 0.2] = NAN
    target[:, tasks - 2] = 0
    return logits, target


def batches(steps=100, size=12, items=40, spread=1.0):
    """Ten of forty items are positives, so that a batch can be without any."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        index = torch.randperm(items, generator=generator)[:size]
        yield (
            spread * torch.randn(size, 1, dtype=torch.float64, generator=generator),
            (index[:, None] < 10).double(),
            index,
        )


def ragged(steps=60, size=10, items=15, spread=1.0, missing=0.3, empty=0.0):
    """Five tasks with missing labels and duplicated items; the last two have one class, or no labels (if empty)."""
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        index = torch.randint(items, (size,), generator=generator)
        # the tasks differ in spread, so that a scalar shared by mistake would be noticed
        logits = (
            torch.randn(size, 5, dtype=torch.float64, generator=generator) * torch.linspace(0.5, spread, 5).double()
        )
        target = (torch.rand(size, 5, generator=generator) < 0.35).double()
        target[torch.rand(size, 5, generator=generator) < missing] = NAN
        target[:, 3] = 0
        target[:, 4] = NAN if empty else 1
        yield logits, target, index


def follow(make, reference, batches, tolerance=1e-8):
    """Compare values, gradients and states with the reference after each batch, with a restore in the middle.

    The value is the mean over the contributing tasks; the others keep their states. The reference has a method `step`
    for one task, and `tables`: the loss's tables by name, their content per (item, task), and a function that converts
    the loss's values to those of the reference.
    """
    loss_fn, batches = make(), list(batches)
    for step, (logits, target, index) in enumerate(batches):
        if step == len(batches) // 2:
            fresh = make()
            fresh.load_state_dict(loss_fn.state_dict())
            loss_fn = fresh
        logits.requires_grad_()
        columns = enumerate(zip(logits.t().tolist(), target.t().tolist(), strict=True))
        results = {t: reference.step(scores, labels, index.tolist(), t) for t, (scores, labels) in columns}
        results = {t: result for t, result in results.items() if result is not None}
        expected = torch.zeros_like(logits)
        for t, (_, slope) in results.items():
            expected[:, t] = torch.tensor(slope, dtype=torch.float64) / len(results)
        value = sum(result[0] for result in results.values()) / max(len(results), 1)
        loss = loss_fn(logits, target, index)
        loss.backward()
        assert loss.item() == pytest.approx(value, abs=tolerance)
        torch.testing.assert_close(logits.grad, expected, atol=1e-8, rtol=1e-8)
    for name, rows, read in reference.tables():
        table = loss_fn.get_submodule(name)
        expected = {item * loss_fn.num_tasks + task: value for (item, task), value in rows.items()}
        assert table.seen.nonzero().flatten().tolist() == sorted(expected)
        for row, value in expected.items():
            assert read(table.value[row]).tolist() == pytest.approx(value, rel=tolerance, abs=tolerance)
    return loss_fn
