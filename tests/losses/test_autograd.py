"""Losses under autograd: finite differences, compilation, memory, in-place changes."""

import gc
import weakref

import pytest
import torch

from tests.losses.cases import BY_TASK, NAN, PAIRS, VARIANTS, build, call, data, same_gradients
from tests.losses.references import EACH_SURROGATE

EACH = pytest.mark.parametrize("name", BY_TASK)


@EACH
def test_gradients_match_finite_differences(name):
    """In eval mode the loss is a plain function of the logits."""
    if name == "ndcg-practical":
        pytest.skip("its factor for the first K items is a constant")
    loss_fn = build(name, num_tasks=2).double().eval()
    logits, target, index = data(10, 2, missing=0.2, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda scores: loss_fn(scores, target, index), (logits,))


PARTS = {"listwise", "recall", "auc-pairwise", "sopa", "sopa-s", "sota-s", "staco"}
"""Losses that are slow to trace; SOAP, KL-DRO, group DRO and NDCG cover their building blocks."""


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("soap", {}),
        ("sopa-s", {"temperature": 0.5}),
        ("sota-s", {"pos_temperature": 0.5, "neg_temperature": 0.8}),
        ("auc-pairwise", {}),
        ("kl-dro", {"temperature": 0.5}),
        ("group-dro", {"epsilon": 5.0}),
        ("ndcg", {}),
        ("recall", {"k": 3}),
    ],
)
@EACH_SURROGATE
def test_gradients_of_a_first_step_match_finite_differences(name, options, surrogate):
    """In training the duals are constants; tested with every surrogate."""
    torch.manual_seed(3)
    logits = torch.randn(10, 2, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([[1.0, 0.0]] * 3 + [[0.0, 1.0]] * 6 + [[NAN, 0.0]], dtype=torch.float64)

    def fresh(scores):
        return build(name, 10, 2, surrogate=surrogate, gamma=1.0, **options).double()(scores, target, torch.arange(10))

    assert torch.autograd.gradcheck(fresh, (logits,))


def traces(name, tasks):
    torch._dynamo.reset()
    eager, compiled = build(name, num_tasks=tasks), build(name, num_tasks=tasks)
    step = torch.compile(lambda *batch: call(compiled, *batch), backend="aot_eager")
    for seed in range(2):
        logits, target, index = data(tasks=tasks, seed=seed, missing=0.1 if seed else 0.0)
        losses = step(logits, target, index), call(eager, logits, target, index)
        torch.testing.assert_close(*losses)
        same_gradients(losses, logits, rtol=1e-4, atol=1e-5)
    for key, value in eager.state_dict().items():
        torch.testing.assert_close(compiled.state_dict()[key], value)


@pytest.mark.parametrize("name", sorted({*BY_TASK, "isogclr", "two-tower"} - PARTS - set(VARIANTS)))
def test_compiles_with_graph_breaks(name):
    traces(name, 3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "tasks"), [(name, 1) for name in BY_TASK if name not in VARIANTS] + [(name, 3) for name in sorted(PARTS)]
)
def test_compiles_with_several_tasks(name, tasks):
    traces(name, tasks)


class Keep(torch.autograd.Function):
    @staticmethod
    def forward(ctx, scores, kept):
        ctx.save_for_backward(kept)
        return scores.clone()

    @staticmethod
    def backward(ctx, grad):
        return grad, None


def test_graph_is_freed_with_its_loss_without_garbage_collection():
    gc.collect()
    gc.disable()
    try:
        for name in [*PAIRS, "ndcg"]:
            for tasks, backward in ((1, True), (1, False), (3, True), (3, False)):
                loss_fn = build(name, num_tasks=tasks)
                logits, target, index = data(tasks=tasks)
                kept = torch.randn(10)
                activation = weakref.ref(kept)
                loss = loss_fn(Keep.apply(logits, kept), target, index)
                if backward:
                    loss.backward(retain_graph=True)
                del kept, loss, logits
                assert activation() is None, (name, tasks, backward)
    finally:
        gc.enable()


@pytest.mark.parametrize("name", [*sorted(set(PAIRS) - {"auc-margin"}), "ndcg"])
@pytest.mark.parametrize("chunk", [1 << 18, 5])
def test_in_place_changes_of_logits_before_backward_are_detected(name, chunk, monkeypatch):
    monkeypatch.setattr("xgraph.losses.pairs.blocks.CHUNK", chunk)
    logits, target, index = data()
    scores = logits * 1
    loss = build(name)(scores, target, index)
    with torch.no_grad():
        scores.mul_(3)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


class HalfSquare:
    """s²/2: its slope is the argument itself, not a copy."""

    def __call__(self, difference):
        return difference.square() / 2

    def slope(self, difference):
        return difference


@pytest.mark.parametrize("name", sorted(set(PAIRS) - {"auc-margin"}))
def test_results_of_a_surrogate_are_not_modified(name):
    torch.manual_seed(0)
    logits, target = torch.randn(12, dtype=torch.float64, requires_grad=True), (torch.arange(12) < 4).double()
    loss = build(name, 12, surrogate=HalfSquare()).double()(logits, target, torch.arange(12))
    first, second = (torch.autograd.grad(loss, logits, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)
    plain = build(name, 12, surrogate=HalfSquare()).double().eval()
    assert torch.autograd.gradcheck(lambda scores: plain(scores, target), (logits,))


def test_second_derivative_of_pair_losses_raises():
    logits = torch.randn(6, requires_grad=True)
    loss = build("soap", 6)(logits, (torch.arange(6) < 2).float(), torch.arange(6))
    with pytest.raises(RuntimeError, match="only be differentiated once"):
        torch.autograd.grad(loss, logits, create_graph=True)
