"""Errors of the base class, and saving, loading and reporting of a state."""

import copy
import io
import math
import pickle

import pytest
import torch

from tests.losses.cases import (
    BY_TASK,
    CONTRASTIVE,
    LISTS,
    NAN,
    STATEFUL,
    STATELESS,
    build,
    call,
    data,
    tables,
    trained,
    unchanged,
)
from xgraph.estimators import CosineGamma
from xgraph.losses import LOSSES

ROWS, LABELS, INDEX = (part.detach() for part in data())
INVALID = [
    ((ROWS.expand(12, 2), LABELS, INDEX), ValueError, r"logits must have the shape \[B\] or \[B, 1\], got \[12, 2\]"),
    ((ROWS, LABELS[:11], INDEX), ValueError, r"target must have the shape of logits \[12, 1\], got \[11, 1\]"),
    ((ROWS.long(), LABELS, INDEX), TypeError, "logits must be floating-point numbers, got torch.int64"),
    (
        (ROWS, LABELS, INDEX[:11]),
        ValueError,
        r"index must have the shape \[12\], one position per row of logits, got \[11\]",
    ),
    ((ROWS, LABELS, INDEX.float()), TypeError, "index must be a tensor of integers, got torch.float32"),
    ((ROWS, LABELS, INDEX.tolist()), TypeError, "index must be a tensor of integers, got list"),
    ((ROWS, ["active"] * 12, INDEX), TypeError, "target must be a tensor, got list"),
    ((ROWS.to("meta"), LABELS, INDEX), ValueError, r"one device, got .*logits on meta.*"),
    ((ROWS, LABELS.to("meta"), INDEX), ValueError, r"one device, got .*target on meta.*"),
    *(  # row 1 is a negative: every row of the index is checked, not only those with a state
        (
            (ROWS, LABELS, INDEX.index_fill(0, torch.tensor(1), bad)),
            IndexError,
            rf"0\.\.49 .*=50\), got {bad}; index is",
        )
        for bad in (50, -1, 2**40)
    ),
]


@pytest.fixture(scope="module")
def histories():
    """Every loss with a history, which a rejected call must not change."""
    return {name: trained(name) for name in BY_TASK}


@pytest.mark.parametrize(("arguments", "error", "message"), INVALID)
def test_invalid_arguments_are_rejected_before_writing(arguments, error, message, histories):
    for loss_fn in histories.values():
        before = tables(loss_fn)
        with pytest.raises(error, match=message):
            loss_fn(*arguments)
        assert unchanged(before, loss_fn)


def test_error_names_the_shape_for_several_tasks():
    with pytest.raises(ValueError, match=r"logits must have the shape \[B, 3\], got \[12, 1\]"):
        build("soap", num_tasks=3)(ROWS, LABELS, INDEX)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_sizes_must_be_positive_integers(name):
    others = {"groups": torch.zeros(5, dtype=torch.long)} if name == "group-dro" else {}
    others |= {"relevance": torch.zeros(5, 2)} if name in LISTS else {}
    with pytest.raises(ValueError, match="num_items must be at least 1, got 0"):
        LOSSES[name](0, 2, **others)
    with pytest.raises(ValueError, match="num_tasks must be at least 1, got -2"):
        LOSSES[name](5, -2, **others)
    for value in (None, "a", 10.0):
        with pytest.raises(TypeError, match=f"num_items must be an integer, got {value!r}"):
            LOSSES[name](value, 2, **others)
        with pytest.raises(TypeError, match=f"num_tasks must be an integer, got {value!r}"):
            LOSSES[name](5, value, **others)


@pytest.mark.parametrize("name", STATEFUL)
def test_tensors_must_be_on_the_device_of_the_state(name):
    with pytest.raises(ValueError, match=r"the loss on meta; move the loss with \.to"):
        build(name).to("meta")(ROWS, LABELS, INDEX)
    with pytest.raises(ValueError, match=r"one device, got .*index on meta.*"):
        build(name)(ROWS, LABELS, INDEX.to("meta"))


def test_losses_without_state_work_on_any_device():
    for name in STATELESS:
        assert build(name).to("meta")(ROWS, LABELS, INDEX).isfinite()


@pytest.mark.parametrize("name", [*BY_TASK, *CONTRASTIVE])
def test_training_continues_identically_after_a_restore(name):
    loss_fn = trained(name, 2)
    restored = build(name, num_tasks=2)
    restored.load_state_dict(loss_fn.state_dict())
    others = restored, copy.deepcopy(loss_fn), pickle.loads(pickle.dumps(loss_fn))
    for seed in range(20):
        logits, target, index = data(tasks=2, seed=1000 + seed, missing=0.1)
        expected = call(loss_fn, logits, target, index)
        (grad,) = torch.autograd.grad(expected, logits)
        for other in others:
            loss = call(other, logits, target, index)
            assert torch.equal(loss, expected)
            assert torch.equal(torch.autograd.grad(loss, logits)[0], grad)
    assert unchanged(tables(loss_fn), restored)


@pytest.mark.parametrize("name", sorted({*STATEFUL, *CONTRASTIVE} - {"auc-pairwise"}))
@pytest.mark.parametrize(("num_items", "num_tasks"), [(50, 3), (60, 2)])
def test_state_of_another_size_is_rejected_and_loss_unchanged(name, num_items, num_tasks):
    loss_fn, other = trained(name, 2), build(name, num_items, num_tasks)
    if all(v.shape == other.state_dict()[k].shape for k, v in loss_fn.state_dict().items()):
        # no state depends on the number of items (or, for contrastive losses, of tasks)
        shared = {"auc-margin", "kl-dro", "group-dro", "cvar-dro", "listwise", "recall-threshold"}
        assert name in (CONTRASTIVE if num_items == 50 else shared)
        source = trained(name, 2) if name in CONTRASTIVE else trained(name, 2, num_items=num_items)
        loss_fn.load_state_dict(source.state_dict())
        assert unchanged(tables(source), loss_fn)
        return
    before = tables(loss_fn)
    with pytest.raises(RuntimeError, match="size mismatch"):
        loss_fn.load_state_dict(other.state_dict())
    assert unchanged(before, loss_fn)


@pytest.mark.parametrize("name", STATEFUL)
def test_mismatched_state_is_rejected_as_a_whole(name):
    loss_fn = trained(name, 2)
    before = tables(loss_fn)
    for other in STATEFUL:
        state = build(other, num_tasks=2).state_dict()
        if state.keys() != before.keys():
            with pytest.raises(RuntimeError, match=f"state_dict does not match this {type(loss_fn).__name__}"):
                loss_fn.load_state_dict(state)
    for key in before:
        with pytest.raises(RuntimeError, match=f"must hold tensors, got list for {key}"):
            loss_fn.load_state_dict({**before, key: [1.0]})
    for key in (key for key in before if not key.endswith("stuck")):
        with pytest.raises(RuntimeError, match=rf"missing keys \['{key}'\]"):
            loss_fn.load_state_dict({k: v for k, v in before.items() if k != key})
    with pytest.raises(RuntimeError, match="unexpected keys .'strange'."):
        torch.nn.ModuleDict({"loss": loss_fn}).load_state_dict(
            {f"loss.{key}": value for key, value in (before | {"strange": torch.zeros(1)}).items()}
        )
    assert unchanged(before, loss_fn)
    loss_fn.load_state_dict({}, strict=False)  # a model's weights without the state of its loss
    torch.nn.ModuleDict({"loss": loss_fn}).load_state_dict({f"loss.{key}": value for key, value in before.items()})
    assert unchanged(before, loss_fn)


@pytest.mark.parametrize("name", STATEFUL)
def test_schedule_resumes_at_the_saved_epoch(name):
    def make():
        return build(name, gamma=CosineGamma(10))

    loss_fn, restored = make(), make()
    loss_fn.set_epoch(6)
    for seed in range(3):
        loss_fn(*data(30, seed=seed))
    buffer = io.BytesIO()
    torch.save(loss_fn.state_dict(), buffer)
    buffer.seek(0)
    restored.load_state_dict(torch.load(buffer, weights_only=True))
    for seed in range(3, 6):
        assert torch.equal(loss_fn(*data(30, seed=seed)), restored(*data(30, seed=seed)))
    assert unchanged(tables(loss_fn), restored)
    assert loss_fn.monitor()["objective"] == restored.monitor()["objective"]
    older = {key: value for key, value in loss_fn.state_dict().items() if not key.endswith(("epoch", "stuck"))}
    make().load_state_dict(older)  # earlier versions saved neither


@pytest.mark.parametrize("name", STATEFUL)
def test_gamma_schedule_reaches_all_tables(name):
    scheduled, constant, other = (build(name, gamma=g) for g in (CosineGamma(10, 0.2), 0.2, 0.9))
    scheduled.set_epoch(10)
    for seed in range(3):
        values = [fn(*data(30, seed=seed)).item() for fn in (scheduled, constant, other)]
    objectives = [fn.monitor()["objective"] for fn in (scheduled, constant, other)]
    assert (values[0], objectives[0]) == pytest.approx((values[1], objectives[1]), rel=1e-6)
    assert (values[0], objectives[0]) != pytest.approx((values[2], objectives[2]), rel=1e-6)


@pytest.mark.parametrize("name", STATEFUL)
def test_monitor_is_nan_before_the_first_batch(name):
    loss_fn = build(name, num_tasks=2)
    assert math.isnan(loss_fn.monitor()["objective"])
    loss_fn.eval()(*data(tasks=2))
    assert math.isnan(loss_fn.monitor()["objective"])
    report = trained(name, 2).monitor()
    assert all(type(value) is float and math.isfinite(value) for value in report.values())


@pytest.mark.parametrize("name", ["soap", "sopa-s", "sota-s", "kl-dro", "auc-pairwise"])
def test_monitor_reports_the_objective_of_contributing_tasks(name):
    """With γ = 1, the tracked objective is the value of the newest batch."""
    loss_fn = build(name, 20, 3, gamma=1.0)
    generator = torch.Generator().manual_seed(0)
    target = (torch.arange(20) < 5).float()[:, None].repeat(1, 3)
    target[:, 2] = NAN  # never contributes
    loss = loss_fn(torch.randn(20, 3, generator=generator), target, torch.arange(20))
    report = loss_fn.monitor()
    assert report["objective"] == pytest.approx(loss.item(), rel=1e-5)
    if name != "auc-pairwise":
        assert report["seen"] == pytest.approx(2 / 3 if name == "kl-dro" else 10 / 60)
        assert report["stuck"] == 0.0
