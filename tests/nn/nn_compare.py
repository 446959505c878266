"""Comparison of what we compute with an independent reference, gradients included."""

import torch


def assert_same_with_gradients(ours, theirs, inputs, value=1e-12, gradient=1e-9):
    """Values and gradients agree to these tolerances, relative and absolute."""
    torch.testing.assert_close(ours, theirs, rtol=value, atol=value)
    upstream = torch.linspace(-1, 1, ours.numel(), dtype=ours.dtype).view_as(ours)
    pairs = (torch.autograd.grad(out, inputs, upstream, retain_graph=True) for out in (ours, theirs))
    for number, (a, b) in enumerate(zip(*pairs, strict=True)):
        torch.testing.assert_close(a, b, rtol=gradient, atol=gradient, msg=lambda text, n=number: f"input {n}: {text}")
