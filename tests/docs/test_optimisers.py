"""docs/concepts/optimisers.md: the updates of the chapter are those of torch.optim."""

import pytest
import torch

STEPS, RATE, BETA = 7, 0.1, 0.9


def gradients(shape=(4, 3)):
    """A fixed sequence of gradients, as of stochastic samples."""
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(STEPS)]


def by_torch(make, start):
    """The iterates of an optimiser that is given these gradients."""
    w = start.clone().requires_grad_()
    optimiser, path = make([w]), []
    for gradient in gradients(start.shape):
        w.grad = gradient.clone()
        optimiser.step()
        path.append(w.detach().clone())
    return path


def same(path, other):
    for one, two in zip(path, other, strict=True):
        torch.testing.assert_close(one, two, atol=1e-14, rtol=1e-13)


@pytest.fixture
def start():
    return torch.randn(4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_heavy_ball_and_its_moving_average(start):
    path = by_torch(lambda p: torch.optim.SGD(p, lr=RATE, momentum=BETA), start)
    ball, w, before = [], start, start
    for z in gradients():
        w, before = w - RATE * z + BETA * (w - before), w
        ball.append(w)
    same(ball, path)
    average, w, v = [], start, torch.zeros_like(start)
    for z in gradients():
        v = BETA * v + (1 - BETA) * z
        w = w - RATE / (1 - BETA) * v
        average.append(w)
    same(average, path)


def test_nesterov(start):
    """(6.4) and (6.6), whose gradients are the same sequence; PyTorch holds the point after the momentum step."""
    path = by_torch(lambda p: torch.optim.SGD(p, lr=RATE, momentum=BETA, nesterov=True), start)
    w, u, found = start, start, []
    for z in gradients():
        following = w - RATE * z
        w, u = following + BETA * (following - u), following
        found.append(w)
    same(found, path)


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_adam_and_adamw(start, decay):
    kind = torch.optim.AdamW if decay else torch.optim.Adam
    path = by_torch(lambda p: kind(p, lr=RATE, betas=(0.9, 0.99), eps=1e-8, weight_decay=decay), start)
    w, m, s, found = start, torch.zeros_like(start), torch.zeros_like(start), []
    for t, z in enumerate(gradients(), 1):
        m, s = 0.9 * m + 0.1 * z, 0.99 * s + 0.01 * z * z
        w = w * (1 - RATE * decay) - RATE * (m / (1 - 0.9**t)) / ((s / (1 - 0.99**t)).sqrt() + 1e-8)
        found.append(w)
    same(found, path)


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch before 2.9")
def test_muon_steps_along_the_orthogonal_factor():
    """The direction is UVᵀ of the momentum up to the approximation; vectors are refused."""
    start = torch.zeros(6, 4)
    w = start.clone().requires_grad_()
    optimiser = torch.optim.Muon([w], lr=1.0, momentum=0.9, nesterov=False, weight_decay=0.0)
    momentum = torch.zeros(6, 4)
    for gradient in gradients((6, 4)):
        before = w.detach().clone()
        w.grad = gradient.float()
        optimiser.step()
        momentum = 0.9 * momentum + 0.1 * gradient.float()
        u, _, v = torch.linalg.svd(momentum, full_matrices=False)
        step, expected = before - w.detach(), u @ v
        assert torch.nn.functional.cosine_similarity(step.flatten(), expected.flatten(), dim=0) > 0.97
    with pytest.raises(ValueError, match="2D"):
        torch.optim.Muon([torch.zeros(4, requires_grad=True)])
