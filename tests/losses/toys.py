"""Linear models on toy data. All seeds train together as tasks: Adam updates each one independently."""

import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from torch.nn import functional as F

SEEDS = 20
SIGNIFICANT = 2.54
"""Student's t of a paired one-sided test, p < .01 at 19 degrees of freedom."""


def fitted(loss_fn, x, target, picks=None, steps=150):
    """Train weights ``[S, D]`` on batches with fixed numbers of positives and negatives, or on all items.

    Args:
        loss_fn: A loss with S tasks.
        x: ``[S, N, D]``; a constant feature is the intercept.
        target: ``[N]``.
        picks: Number of items per class; None for all.
        steps: Number of Adam steps; their size decreases to zero.
    """
    generator = torch.Generator().manual_seed(0)
    weight = torch.zeros(len(x), x.shape[2], requires_grad=True)
    optimiser = torch.optim.Adam([weight], lr=0.1)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1, 0.01, steps)
    index = torch.arange(len(target))
    sides = [(target == 1).nonzero().flatten(), (target == 0).nonzero().flatten()]
    for _ in range(steps):
        if picks is not None:
            drawn = [s[torch.randperm(len(s), generator=generator)[:n]] for s, n in zip(sides, picks, strict=True)]
            index = torch.cat(drawn)
        optimiser.zero_grad()
        logits = torch.einsum("snd,sd->ns", x[:, index], weight)
        loss_fn(logits, target[index, None].expand(-1, len(x)), index).backward()
        optimiser.step()
        schedule.step()
    return weight.detach()


def areas(weight, x, target, max_fpr=None):
    """The area under each seed's ROC curve, or the partial area."""
    return torch.tensor(
        [roc_auc_score(target, scores, max_fpr=max_fpr) for scores in torch.einsum("snd,sd->sn", x, weight)]
    )


def student_t(gains):
    """The mean divided by its standard error."""
    return (gains.mean() / (gains.std() / len(gains) ** 0.5)).item()


def impostors(count, generator):
    """A tenth are positives, of two kinds; a few negatives look like the second kind, only more extreme.

    Over all pairs it is best to use both directions; at low false-positive rates, only the first.
    """
    positives, fakes = count // 10, count // 20
    x = torch.randn(SEEDS, count, 3, generator=generator)
    x[:, : positives // 2, 0] += 2.5
    x[:, positives // 2 : positives, 1] += 2.5
    x[:, positives : positives + fakes, 1] += 4.0
    x[..., 2] = 1
    return x, (torch.arange(count) < positives).float()


def strays(count, generator):
    """A fifth are positives; a few negatives are outliers along the most informative direction.

    Cross-entropy gives up that direction because of them; among all pairs, they are few.
    """
    positives, far = count // 5, count // 20
    x = torch.randn(SEEDS, count, 3, generator=generator)
    x[:, :positives, 0] += 1.5
    x[:, :positives, 1] += 0.5
    x[:, positives : positives + far, 0] += 12.0
    x[..., 2] = 1
    return x, (torch.arange(count) < positives).float()


def two_kinds(count, generator):
    """A fifth are positives: half of them far away along one axis, the others slightly shifted along another."""
    target = (torch.arange(count) % 5 == 0).float()
    x = torch.randn(SEEDS, count, 3, generator=generator)
    easy = torch.rand(SEEDS, count, generator=generator) < 0.5
    x[..., 0] += 6 * target * easy
    x[..., 1] += target * ~easy
    x[..., 2] = 1
    return x, target


def hopeless(count, generator):
    """One in twenty is a positive, and some of them cannot be found: they mislead cross-entropy."""
    positives, near = count // 20, count * 7 // 200
    x = torch.randn(SEEDS, count, 4, generator=generator)
    x[:, :near, 0] += 2.0
    x[:, near:positives, 0] -= 6.0
    x[..., 3] = 1
    return x, (torch.arange(count) < positives).float()


def rare(count, generator):
    """One in twenty is a positive; two features and a constant."""
    positives = count // 20
    x = torch.randn(SEEDS, count, 3, generator=generator)
    x[:, :positives, 0] += 2.0
    x[..., 2] = 1
    return x, (torch.arange(count) < positives).float()


def precision(weight, x, target):
    """Average precision of each seed."""
    return torch.tensor([average_precision_score(target, row) for row in torch.einsum("snd,sd->sn", x, weight)])


def recall(weight, x, target):
    """The share of positives with scores above 0."""
    return (torch.einsum("snd,sd->sn", x, weight)[:, target == 1] > 0).double().mean(1)


def worst_class(weight, x, target):
    """The negative cross-entropy of the worse class."""
    scores = torch.einsum("snd,sd->sn", x, weight)
    losses = (F.softplus(-scores[:, target == 1]).mean(1), F.softplus(scores[:, target == 0]).mean(1))
    return -torch.maximum(*losses)


def two_way_areas(weight, x, target):
    """The share of correctly ordered pairs of the lower half of the positives and the upper half of the negatives."""
    scores = torch.einsum("snd,sd->sn", x, weight)
    positives, negatives = scores[:, target == 1].sort(1).values, scores[:, target == 0].sort(1).values
    lower, upper = positives[:, : positives.shape[1] // 2], negatives[:, negatives.shape[1] // 2 :]
    return (lower[:, :, None] > upper[:, None]).double().mean((1, 2))
