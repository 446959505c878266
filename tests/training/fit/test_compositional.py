import copy
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from xgraph.losses import SOAPLoss
from xgraph.training.fit.compositional import Compositional

TAU, GAMMA, RATE = 0.3, 0.4, 0.05
bce = nn.functional.binary_cross_entropy_with_logits


def problem(dtype: torch.dtype = torch.float64) -> tuple[nn.Module, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1), nn.Flatten(0)).to(dtype)
    for weight in model.parameters():
        weight.data = torch.randn(weight.shape, generator=generator).to(dtype)
    x = torch.randn(5, 8, 3, generator=generator).to(dtype)
    y = torch.tensor([1.0, 0, 0, 1, 0, 0, 0, 1]).to(dtype)
    return model, x, y


def flat(model: nn.Module) -> Tensor:
    return torch.cat([w.detach().reshape(-1) for w in model.parameters()])


def at(model: nn.Module, parameters: Tensor, x: Tensor) -> Tensor:
    """Scores of the model with other parameters, computed independently of the tested code."""
    other = copy.deepcopy(model)
    start = 0
    for weight in other.parameters():
        weight.data = parameters[start : start + weight.numel()].view(weight.shape)
        start += weight.numel()
    return other(x)


def by_hand(loss: Callable[[Tensor], Tensor], parameters: Tensor, step: float = 1e-5) -> Tensor:
    """Gradient of a function of the parameters by central differences."""
    out = []
    for i in range(len(parameters)):
        nudge = torch.zeros_like(parameters)
        nudge[i] = step
        out.append((loss(parameters + nudge) - loss(parameters - nudge)) / (2 * step))
    return torch.stack(out).detach()


def test_the_gradient_is_that_of_the_x_risk_at_u() -> None:
    """Compare several steps of gradient descent with (6.4.1), evaluated by central differences."""
    model, x, y = problem()
    after_step = Compositional(model, lr=TAU, gamma=GAMMA)
    w, u = flat(model), None
    for batch in x:
        moved = w - TAU * by_hand(lambda p, batch=batch: bce(at(model, p, batch), y), w)
        u = moved if u is None else (1 - GAMMA) * u + GAMMA * moved
        expected = by_hand(lambda p, batch=batch: risk(at(model, p, batch), y), u)

        scores = after_step(model, batch, lambda scores: bce(scores, y))
        model.zero_grad()
        risk(scores, y).backward()
        result = torch.cat([weight.grad.reshape(-1) for weight in model.parameters()])
        assert torch.allclose(scores, at(model, u, batch), atol=1e-9)
        assert torch.allclose(result, expected, atol=1e-8)
        plain = by_hand(lambda p, batch=batch: risk(at(model, p, batch), y), w)
        assert not torch.allclose(result, plain, atol=1e-2), "the gradient at w would not do"
        with torch.no_grad():
            for weight in model.parameters():
                weight -= RATE * weight.grad
        w = w - RATE * expected
    assert torch.allclose(flat(model), w, atol=1e-8)


def risk(scores: Tensor, y: Tensor) -> Tensor:
    return ((1 + scores[y == 0] - scores[y == 1][:, None]).clamp_min(0) ** 2).mean()


def test_gamma_1_looks_one_gradient_step_ahead() -> None:
    model, x, y = problem()
    after_step = Compositional(model, lr=TAU, gamma=1.0)
    for batch in x[:2]:
        ahead = copy.deepcopy(model)
        bce(ahead(batch), y).backward()
        torch.optim.SGD(ahead.parameters(), lr=TAU).step()
        assert torch.allclose(after_step(model, batch, lambda scores: bce(scores, y)), ahead(batch))


def test_resuming_is_exact() -> None:
    def steps(model: nn.Module, after_step: Compositional, loss_fn: SOAPLoss, x: Tensor) -> None:
        for batch in x:
            scores = after_step(model, batch, lambda scores: bce(scores, y))
            model.zero_grad()
            loss_fn(scores, y, torch.arange(8)).backward()
            with torch.no_grad():
                for weight in model.parameters():
                    weight -= RATE * weight.grad

    model, x, y = problem(torch.float32)
    parts = (model, Compositional(model, lr=TAU, gamma=GAMMA), SOAPLoss(8))
    steps(*parts, x[:3])
    saved = copy.deepcopy([part.state_dict() for part in parts])
    steps(*parts, x[3:])
    again = problem(torch.float32)[0]
    others = (again, Compositional(again, lr=TAU, gamma=GAMMA), SOAPLoss(8))
    for part, state in zip(others, saved, strict=True):
        part.load_state_dict(state)
    steps(*others, x[3:])
    for one, other in zip(parts, others, strict=True):
        for name, value in one.state_dict().items():
            assert torch.equal(value, other.state_dict()[name]), name
    assert list(saved[1]) == ["track.value", "track.seen"]


class Normalised(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3)
        self.out = nn.Linear(3, 1)
        self.unused = nn.Parameter(torch.ones(2))
        self.fixed = nn.Parameter(torch.ones(1), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.norm(x) * self.fixed).squeeze(1)


def test_statistics_are_updated_once_per_step_and_unused_parameters_are_ignored() -> None:
    _, x, y = problem(torch.float32)
    model = Normalised()
    after_step = Compositional(model, lr=TAU)
    risk(after_step(model, x[0], lambda scores: bce(scores, y)), y).backward()
    assert int(model.norm.num_batches_tracked) == 1
    assert torch.allclose(model.norm.running_mean, 0.1 * x[0].mean(0))
    assert after_step.num_parameters == 3 + 3 + 3 + 1 + 2
    assert torch.equal(after_step.track.value[0, :2], torch.ones(2)), "what gets no gradient stays where it is"
    assert model.fixed.grad is None


def test_evaluation_mode_does_not_update_the_average() -> None:
    model, x, y = problem()
    after_step = Compositional(model, lr=TAU, gamma=GAMMA)
    after_step(model, x[0], lambda scores: bce(scores, y))
    before = copy.deepcopy(after_step.state_dict())
    w = {name: weight.detach().clone().requires_grad_() for name, weight in model.named_parameters()}
    grads = torch.autograd.grad(bce(functional_call(model, w, (x[1],)), y), list(w.values()))
    moved = {name: weight - TAU * g for (name, weight), g in zip(w.items(), grads, strict=True)}
    scores = after_step.eval()(model, x[1], lambda scores: bce(scores, y))
    assert torch.allclose(scores, functional_call(model, moved, (x[1],)))
    assert all(torch.equal(value, before[name]) for name, value in after_step.state_dict().items())


def test_half_precision_models_keep_a_float32_table() -> None:
    model, x, y = problem(torch.bfloat16)
    after_step = Compositional(model, lr=TAU)
    scores = after_step(model, x[0], lambda scores: bce(scores.float(), y.float()))
    risk(scores.float(), y).backward()
    assert scores.dtype == torch.bfloat16
    assert after_step.track.value.dtype == torch.float32
    assert all(weight.grad.dtype == torch.bfloat16 for weight in model.parameters())


def test_invalid_arguments_are_refused() -> None:
    model, x, y = problem()
    for rate in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="lr must be positive and finite"):
            Compositional(model, lr=rate)
    with pytest.raises(ValueError, match="gamma"):
        Compositional(model, gamma=0.0)
    with pytest.raises(ValueError, match="no parameter that requires a gradient"):
        Compositional(nn.Flatten())
    after_step = Compositional(model)
    with pytest.raises(ValueError, match="gradient is not finite"):
        after_step(model, x[0], lambda scores: bce(scores, y) * math.inf)
    assert not after_step.track.seen.any()
    with pytest.raises(ValueError, match="model has 4 parameters that require a gradient, but 21 are tracked"):
        after_step(nn.Linear(3, 1, dtype=torch.float64), x[0], lambda scores: bce(scores.squeeze(1), y))
