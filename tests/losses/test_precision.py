"""Number types and scores of any size: results are finite, and losses recover from a bad batch."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.losses.cases import BY_TASK, CONTRASTIVE, NAN, SLOW, STATELESS, build, call, data, options_of

EACH = pytest.mark.parametrize("name", BY_TASK)


@pytest.mark.parametrize("name", [*BY_TASK, *CONTRASTIVE])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_16_bit_logits_and_autocast_compute_in_float32(name, dtype):
    logits, target, index = data(16, 2)
    narrow = logits.detach().to(dtype)
    expected = call(build(name, num_tasks=2), narrow.float(), target, index)
    assert call(build(name, num_tasks=2), narrow, target, index).item() == expected.item()
    weight = narrow.clone().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = call(build(name, num_tasks=2), weight, target, index)
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == expected.item()
    assert weight.grad.isfinite().all()
    assert weight.grad.dtype == dtype


@EACH
def test_half_keeps_tables_in_float32_and_double_converts_them(name):
    plain, half, double = build(name), build(name).half(), build(name).double()
    for seed in range(3):
        logits, target, index = data(seed=seed)
        expected = plain(logits, target, index)
        assert half(logits, target, index).item() == expected.item()
        wide = double(logits.double(), target, index)
        assert wide.dtype == torch.float64
        assert wide.item() == pytest.approx(expected.item(), rel=1e-5)
    for loss_fn, dtype in ((half, torch.float32), (double, torch.float64)):
        assert {v.dtype for v in loss_fn.state_dict().values() if v.is_floating_point()} <= {dtype}


@EACH
@pytest.mark.parametrize(
    ("tasks", "table", "scores"),
    [
        (1, torch.float64, torch.float32),
        (3, torch.float64, torch.float32),
        (1, torch.float32, torch.float64),
        (3, torch.float64, torch.bfloat16),
    ],
)
def test_tables_and_scores_can_have_different_precision(name, tasks, table, scores):
    """The result has the precision of the scores, at least float32."""
    loss_fn = build(name, num_tasks=tasks).to(table)
    for seed in range(3):
        logits, target, index = data(tasks=tasks, seed=seed)
        narrow = logits.detach().to(scores).requires_grad_()
        loss = loss_fn(narrow, target, index)
        loss.backward()
        assert loss.dtype == torch.promote_types(scores, torch.float32)
        assert narrow.grad.abs().sum() > 0 or name in SLOW
    assert loss_fn.eval()(narrow, target, index).dtype == loss.dtype


COLD = {"min_temperature": 1e-3, "temperature": 1e-3}
BURSTS = [(name, {}) for name in BY_TASK] + [
    ("sopa-s", {"temperature": 1e-3}),
    ("sota-s", {"pos_temperature": 1e-3, "neg_temperature": 1e-3}),
    ("sota-s", {"pos_temperature": 1e-3}),
    ("sota-s", {"neg_temperature": 1e-3}),
    ("kl-dro", {"temperature": 1e-3}),
    ("kl-dro", {"learnable": True}),
    ("kl-dro", {"learnable": True, **COLD}),
]
GRID = [
    pytest.param(
        name, options, dtype, history, marks=[] if (dtype is torch.float32) == bool(history) else pytest.mark.slow
    )
    for name, options in BURSTS
    for dtype in (torch.float32, torch.float16)
    for history in (0, 5)
    if name not in STATELESS or not history
]


@pytest.mark.parametrize(("name", "options", "dtype", "history"), GRID)
def test_extreme_logits_give_finite_losses_that_recover(name, options, dtype, history):
    """After a burst of extreme scores, ordinary batches bring the gradient back to what it would have been.

    It does so exactly if the state is forgotten; with duals, which return step by step, the direction is right and the
    gradient does not vanish.
    """
    slow = name in SLOW or options.get("learnable")
    # large steps, so that a few batches are enough
    quick = {"gamma": 0.3, "dual_lr": 0.3}
    options = {key: value for key, value in quick.items() if key in options_of(name)} | options
    hit, spared, plain = (build(name, 30, **options) for _ in range(3))
    plain.eval()
    generator = torch.Generator().manual_seed(0)
    target = (torch.arange(30) < 6).float()
    index = torch.arange(30)

    def grad(loss_fn, scores):
        logits = scores.to(dtype, copy=True).requires_grad_()
        loss = loss_fn(logits, target, index)
        loss.backward()
        assert loss.isfinite()
        assert logits.grad.isfinite().all()
        return logits.grad.float()

    for _ in range(history):
        scores = torch.randn(30, generator=generator)
        grad(hit, scores)
        grad(spared, scores)
    # float16 gradients end at 65,504; the slope of a squared hinge is 4 × size, its weight up to 1 / γ² for SOTA-s
    size = 500.0 if dtype == torch.float16 else 1e4
    burst = torch.where(target == 1, -size, size)
    for scores in (burst, -burst, burst):
        grad(hit, scores)
        assert all(value.isfinite().all() for value in hit.state_dict().values())
    after, reference, ideal = [], [], []
    steps = 300 if options.get("learnable") else 120 if slow else 60
    for step in range(steps):
        scores = torch.randn(30, generator=generator)
        pushes = grad(hit, scores), grad(spared, scores)
        if step >= steps - 20:
            after.append(pushes[0])
            reference.append(pushes[1])
            ideal.append(grad(plain, scores))
    after, reference, ideal = (torch.stack(g) for g in (after, reference, ideal))
    # not stuck: the total gradient is as large as that of the mini-batch, times a weight of up to 1 / γ or 1 / γ²
    assert 0.1 < after.norm() / ideal.norm() < 100
    assert torch.nn.functional.cosine_similarity(after.flatten(), reference.flatten(), dim=0) > 0.9
    if not slow:
        torch.testing.assert_close(after, reference, rtol=0.05, atol=1e-3)


@settings(max_examples=200, deadline=None)
@given(
    name=st.sampled_from(BY_TASK),
    values=st.lists(
        st.tuples(st.floats(-1e4, 1e4, width=32), st.sampled_from([0.0, 1.0, NAN]), st.integers(0, 9)), max_size=12
    ),
)
def test_loss_and_gradient_are_finite_for_ordinary_batches(name, values):
    loss_fn = build(name, 10)
    logits = torch.tensor([v[0] for v in values], requires_grad=True)
    target = torch.tensor([v[1] for v in values])
    index = torch.tensor([v[2] for v in values], dtype=torch.long)
    for _ in range(2):
        logits.grad = None
        loss = loss_fn(logits, target, index)
        loss.backward()
        assert math.isfinite(loss.item())
        assert logits.grad.isfinite().all()
    assert all(value.isfinite().all() for value in loss_fn.state_dict().values())
