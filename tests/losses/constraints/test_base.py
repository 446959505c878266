"""The laws of all constraints."""

import copy
import io
import math
import pickle

import pytest
import torch

from xgraph.estimators import CosineGamma, skip_infinite
from xgraph.losses import KLTrustRegion, Penalty, ROCFairness, ZeroForgetting

OLD = torch.rand(20, generator=torch.Generator().manual_seed(0))


def build(name, **options):
    if name == "penalty":
        return Penalty(5, **options)
    if name == "zero-forgetting":
        return ZeroForgetting(torch.arange(20) % 5, OLD, **options)
    return ROCFairness(num_thresholds=3, **options) if name == "roc-fairness" else KLTrustRegion(0.1, **options)


def data(name, seed=0, dtype=torch.float32):
    """A leaf with gradient, and the other arguments."""
    generator = torch.Generator().manual_seed(seed)
    leaf = torch.randn(8, generator=generator, dtype=dtype).requires_grad_()
    other = torch.randint(5, (8,), generator=generator)
    if name == "roc-fairness":
        return leaf, ((other % 2).float(), torch.randint(2, (8,), generator=generator))
    return leaf, ((torch.randn(8, generator=generator, dtype=dtype),) if name == "trust-region" else (other,))


def call(constraint, name, seed=0, dtype=torch.float32):
    leaf, others = data(name, seed, dtype)
    loss = constraint(leaf, *others)
    return loss, torch.autograd.grad(loss, leaf)[0]


def trained(name, **options):
    constraint = build(name, **options)
    for seed in range(3):
        call(constraint, name, seed)
    return constraint


def state(constraint):
    return {name: value.clone() for name, value in constraint.state_dict().items()}


def equal(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


EACH = pytest.mark.parametrize("name", ["penalty", "zero-forgetting", "roc-fairness", "trust-region"])


@EACH
def test_training_continues_identically_after_a_restore(name):
    constraint, restored = trained(name), build(name)
    buffer = io.BytesIO()
    torch.save(constraint.state_dict(), buffer)
    buffer.seek(0)
    restored.load_state_dict(torch.load(buffer, weights_only=True))
    others = restored, copy.deepcopy(constraint), pickle.loads(pickle.dumps(constraint))
    for seed in range(10, 20):
        expected = call(constraint, name, seed)
        for other in others:
            assert all(torch.equal(a, b) for a, b in zip(call(other, name, seed), expected, strict=True))
    assert equal(state(constraint), state(restored))


@EACH
def test_no_parameters_and_no_state_that_is_shared_with_a_copy(name):
    constraint = trained(name)
    assert not list(constraint.parameters())
    before, other = state(constraint), copy.deepcopy(constraint)
    call(other, name, 9)
    assert equal(before, state(constraint))


@EACH
def test_eval_writes_nothing_and_does_not_depend_on_the_history(name):
    constraint = trained(name).eval()
    before = state(constraint)
    assert torch.equal(call(constraint, name, 9)[0], call(build(name).eval(), name, 9)[0])
    assert equal(before, state(constraint))


@EACH
def test_the_first_batch_is_not_scaled_by_gamma(name):
    for one, other in zip(call(build(name, gamma=0.01), name), call(build(name).eval(), name), strict=True):
        torch.testing.assert_close(one, other)


@EACH
def test_a_batch_that_is_not_finite_is_refused_or_skipped_without_a_trace(name):
    constraint = trained(name)
    before = state(constraint)
    leaf, others = data(name)
    for bad in (math.nan, math.inf, -2e15):
        broken = leaf.detach().clone()
        broken[2] = bad
        with pytest.raises(ValueError, match=r"must (be finite|lie within ±1e\+15), got .* in row 2"):
            constraint(broken, *others)
        broken.requires_grad_()
        loss = skip_infinite(constraint)(broken, *others)
        loss.backward()
        assert loss.item() == math.inf
        assert broken.grad.isinf().all()
        skip_infinite(constraint, False)
    assert equal(before, state(constraint))


@EACH
def test_wrong_shapes_types_and_devices_are_refused_without_a_trace(name):
    constraint = trained(name)
    before = state(constraint)
    leaf, others = data(name)
    for arguments, error, message in (
        ((leaf.detach().long(), *others), TypeError, "floating-point"),
        ((leaf.tolist(), *others), TypeError, "floating-point"),
        ((leaf[:5], *others), ValueError, "must have the shape"),
        ((leaf.expand(1, 1, 8), *others), ValueError, "must have the shape"),
        ((leaf.to("meta"), *others), ValueError, r"one device, got .* on meta"),
        ((leaf, *(other.to("meta") for other in others)), ValueError, r"one device, got .* on meta"),
    ):
        with pytest.raises(error, match=message):
            constraint(*arguments)
    if name in ("penalty", "zero-forgetting"):
        for bad in (-1, 20, 2**40):
            with pytest.raises(IndexError, match=f"got {bad}; "):
                constraint(leaf, others[0].index_fill(0, torch.tensor(1), bad))
        with pytest.raises(TypeError, match="tensor of integers"):
            constraint(leaf, others[0].float())
    assert equal(before, state(constraint))


@EACH
def test_an_empty_batch_gives_zero_and_writes_nothing(name):
    constraint = trained(name)
    before = state(constraint)
    leaf, others = data(name)
    loss = constraint(leaf[:0], *(other[:0] for other in others))
    assert loss.item() == 0
    assert not torch.autograd.grad(loss, leaf)[0].any()
    assert equal(before, state(constraint))


@EACH
def test_order_of_the_batch_does_not_matter(name):
    one, other = build(name).double(), build(name).double()
    for seed in range(4):
        leaf, others = data(name, seed, torch.float64)
        order = torch.randperm(8, generator=torch.Generator().manual_seed(seed))
        torch.testing.assert_close(one(leaf, *others), other(leaf[order], *(part[order] for part in others)))
    for key, value in one.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[key])


@EACH
def test_half_precision_is_computed_in_float32(name):
    constraint = build(name).half()
    loss, gradient = call(constraint, name, dtype=torch.float16)
    assert (loss.dtype, gradient.dtype) == (torch.float32, torch.float16)
    assert {value.dtype for value in constraint.state_dict().values()} == {torch.float32, torch.bool}


@EACH
def test_gamma_schedule_reaches_the_tables_and_is_saved(name):
    scheduled, constant = build(name, gamma=CosineGamma(10, 0.2)), build(name, gamma=0.2)
    scheduled.set_epoch(10)
    for seed in range(3):
        torch.testing.assert_close(call(scheduled, name, seed), call(constant, name, seed))
    restored = build(name, gamma=CosineGamma(10, 0.2))
    restored.load_state_dict(scheduled.state_dict())
    assert torch.equal(call(restored, name, 5)[0], call(scheduled, name, 5)[0])


@EACH
def test_mismatched_state_is_refused_as_a_whole(name):
    constraint = trained(name)
    before = state(constraint)
    with pytest.raises(RuntimeError, match="missing keys"):
        constraint.load_state_dict({key: value for key, value in before.items() if not key.endswith("seen")})
    sizes = {"penalty": Penalty(6), "zero-forgetting": ZeroForgetting(torch.arange(20), OLD)}
    sizes |= {"roc-fairness": ROCFairness(num_thresholds=4), "trust-region": None}
    if sizes[name] is not None:
        with pytest.raises(RuntimeError, match="size mismatch"):
            constraint.load_state_dict(sizes[name].state_dict())
    assert equal(before, state(constraint))


@EACH
def test_monitor_is_nan_before_the_first_batch(name):
    constraint = build(name)
    report = constraint.monitor()
    assert math.isnan(report["penalty"])
    assert report["seen"] == 0
    call(constraint, name)
    assert all(math.isfinite(value) for value in constraint.monitor().values())
    assert "rho=10" in repr(constraint)
