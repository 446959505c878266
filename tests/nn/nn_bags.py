"""Bags for tests: their pooled values by the definitions, bag by bag."""

import torch


def ragged(sizes, channels=3, seed=0, dtype=torch.float64, shuffled=True):
    """Instances of bags in any order, and the bag of each."""
    g = torch.Generator().manual_seed(seed)
    bag = torch.repeat_interleave(torch.tensor(sizes))
    if shuffled:
        bag = bag[torch.randperm(len(bag), generator=g)]
    return torch.randn(len(bag), channels, generator=g, dtype=dtype), bag


def by_bag(function, x, bag, size, *others):
    """Apply a function of one bag's instances to each bag."""
    return torch.stack([function(x[bag == b], *[other[bag == b] for other in others]) for b in range(size)])


def smoothed_max(x, tau):
    return tau * ((x / tau).exp().mean(0)).log()


def attention(x, logits):
    """One head."""
    return (logits.softmax(0)[:, None] * x).sum(0)
