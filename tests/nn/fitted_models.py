"""Tables for the tests of models that are fitted in a single step, and a round trip through a checkpoint's file."""

import io
from types import SimpleNamespace

import torch

from xgraph.nn import MODELS


def table(n=80, channels=6, tasks=3, seed=0, missing=0.3):
    """Features and labels: each task depends on two features; some labels are missing."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, channels, generator=g)
    noise = 0.3 * torch.randn(n, tasks, generator=g)
    scores = torch.stack([x[:, t % channels] - x[:, (t + 1) % channels] for t in range(tasks)], dim=1) + noise
    y = (scores > 0.5).float()
    y[torch.rand(n, tasks, generator=g) < missing] = float("nan")
    return x, y


def batch(features):
    return SimpleNamespace(features=features)


def through_a_file(state):
    """A state as `torch.load` gives it back without running any code."""
    content = io.BytesIO()
    torch.save(state, content)
    content.seek(0)
    return torch.load(content, weights_only=True)


def reloaded(model, name, **options):
    other = MODELS[name](model.num_tasks, model.num_features, **options)
    other.load_state_dict(through_a_file(model.state_dict()))
    return other
