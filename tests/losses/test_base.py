"""What holds for every loss."""

import copy
import gc
import inspect
import io
import math
import re
import weakref

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.estimators import CosineGamma
from xgraph.losses import LOSSES

MULTICLASS = {"ce"}  # its columns are no tasks by themselves: test_cross_entropy.py
BY_TASK = sorted(set(LOSSES) - MULTICLASS)
ALL = pytest.mark.parametrize("name", sorted(LOSSES))
EACH = pytest.mark.parametrize("name", BY_TASK)
NAN = float("nan")
STATELESS = {"bce", "focal"}
POINTWISE = STATELESS | {"kl-dro", "group-dro"}
PAIRS = sorted(set(BY_TASK) - POINTWISE)
BY_ITEM = {"soap", "sopa", "sopa-s", "sota-s", "staco", "group-dro"}
SLOW = {"sopa", "staco", "auc-margin", "group-dro"}  # their duals move by a step each time
COLD = {"min_temperature": 1e-3, "temperature": 1e-3}


def options_of(name):
    return inspect.signature(LOSSES[name].__init__).parameters


def build(name, num_items=50, num_tasks=1, **options):
    """The loss, with what it cannot do without."""
    if "groups" in options_of(name):
        options = {"groups": torch.arange(max(num_items, 0)) % 5} | options
    return LOSSES[name](num_items, num_tasks, **options)


def data(batch=12, tasks=1, seed=0, missing=0.0, dtype=torch.float32, duplicates=False):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(batch, tasks, generator=generator, dtype=dtype)
    target = (torch.rand(batch, tasks, generator=generator) < 0.4).to(dtype)
    target[0], target[1] = 1, 0
    target[torch.rand(batch, tasks, generator=generator) < missing] = NAN
    index = torch.randperm(50, generator=generator)[:batch]
    if duplicates:
        index = index[torch.randint(batch // 2, (batch,), generator=generator)]
    return logits.requires_grad_(), target, index


def tables(loss_fn):
    return {name: value.clone() for name, value in loss_fn.state_dict().items()}


def unchanged(before, loss_fn):
    after = tables(loss_fn)
    return before.keys() == after.keys() and all(torch.equal(before[k], after[k]) for k in before)


def trained(name, tasks=1, **options):
    """A loss with a history, so that a stray write shows."""
    loss_fn = build(name, num_tasks=tasks, **options)
    for seed in range(3):
        loss_fn(*data(tasks=tasks, seed=seed + len(options)))
    return loss_fn


@EACH
def test_column_and_flat_shapes_mean_the_same(name):
    logits, target, index = data()
    flat = build(name)(logits.flatten(), target.flatten(), index)
    for a, b in ((logits, target), (logits, target.flatten()), (logits.flatten(), target)):
        assert build(name)(a, b, index).item() == flat.item()
    assert flat.dim() == 0


@EACH
@pytest.mark.parametrize("kind", [torch.bool, torch.int64, torch.float64])
def test_labels_of_any_type(name, kind):
    logits, target, index = data()
    expected = build(name)(logits, target, index)
    assert build(name)(logits, target.to(kind), index).item() == expected.item()


@EACH
def test_an_index_of_narrow_integers(name):
    logits, target, index = data()
    expected = build(name)(logits, target, index)
    assert build(name)(logits, target, index.int()).item() == expected.item()


@EACH
@pytest.mark.parametrize("value", [-1.0, 0.5, 2.0, float("inf")])
def test_other_labels_are_refused_with_their_row(name, value):
    loss_fn = trained(name, 2)
    before = tables(loss_fn)
    logits, target, index = data(tasks=2)
    target[3, 1] = value
    target[5, 0] = NAN
    with pytest.raises(ValueError, match=rf"target must be 0, 1 or NaN \(missing\), got {value:g} in row 3"):
        loss_fn(logits, target, index)
    assert unchanged(before, loss_fn)


@EACH
@pytest.mark.parametrize("value", [NAN, float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("rows", [12, 400])
def test_logits_that_are_not_finite_are_refused_with_their_row(name, value, dtype, rows):
    loss_fn = trained(name)
    before = tables(loss_fn)
    logits, target, index = torch.randn(rows).to(dtype), (torch.arange(rows) < 4).float(), torch.arange(rows) % 50
    logits[4], logits[7] = value, value
    with pytest.raises(ValueError, match=f"logits must be finite, got {value} in row 4"):
        loss_fn(logits, target, index)
    assert unchanged(before, loss_fn)


@EACH
def test_wrong_shapes_and_types_are_named(name):
    loss_fn = trained(name)
    before = tables(loss_fn)
    logits, target, index = data()
    with pytest.raises(ValueError, match=r"logits must have the shape \[B\] or \[B, 1\], got \[12, 2\]"):
        loss_fn(logits.expand(12, 2), target, index)
    with pytest.raises(ValueError, match=r"target must have the shape of logits \[12, 1\], got \[11, 1\]"):
        loss_fn(logits, target[:11], index)
    with pytest.raises(TypeError, match="logits must be floating-point numbers, got torch.int64"):
        loss_fn(logits.long(), target, index)
    with pytest.raises(ValueError, match=r"index must have the shape \[12\], one for each row of logits, got \[11\]"):
        loss_fn(logits, target, index[:11])
    with pytest.raises(TypeError, match="index must be a tensor of integers, got torch.float32"):
        loss_fn(logits, target, index.float())
    with pytest.raises(TypeError, match="index must be a tensor of integers, got list"):
        loss_fn(logits, target, index.tolist())
    with pytest.raises(TypeError, match="target must be a tensor, got list"):
        loss_fn(logits, ["active"] * 12, index)
    with pytest.raises(ValueError, match=r"logits must have the shape \[B, 3\], got \[12, 1\]"):
        build(name, num_tasks=3)(logits, target, index)
    assert unchanged(before, loss_fn)


@EACH
@pytest.mark.parametrize("bad", [50, -1, 2**40])
def test_an_index_beyond_the_data_set_is_refused(name, bad):
    loss_fn = trained(name)
    before = tables(loss_fn)
    logits, target, index = data()
    index[1] = bad  # a negative item: every row of the index is checked, not only those with a state
    with pytest.raises(IndexError, match=rf"0\.\.49 \(num_items=50\), got {bad}; it is the item's position"):
        loss_fn(logits, target, index)
    assert unchanged(before, loss_fn)


@EACH
def test_sizes_must_be_positive(name):
    with pytest.raises(ValueError, match="num_items must be at least 1, got 0"):
        build(name, 0)
    with pytest.raises(ValueError, match="num_tasks must be at least 1, got -2"):
        build(name, 5, -2)


@EACH
def test_an_empty_batch_and_one_without_labels_give_zero_and_zero_gradients(name):
    loss_fn = trained(name, 2)
    before = tables(loss_fn)
    for rows in (0, 1, 4):
        logits = torch.randn(rows, 2, requires_grad=True)
        loss = loss_fn(logits, torch.full((rows, 2), NAN), torch.arange(rows))
        loss.backward()
        assert loss.item() == 0
        assert torch.equal(logits.grad, torch.zeros(rows, 2))
    assert unchanged(before, loss_fn)


@EACH
def test_missing_labels_have_no_gradient(name):
    logits, target, index = data(20, 3, missing=0.4)
    build(name, num_tasks=3)(logits, target, index).backward()
    assert (logits.grad[target.isnan()] == 0).all()
    assert logits.grad[~target.isnan()].abs().sum() > 0


@EACH
def test_a_missing_label_is_as_if_the_item_were_not_there(name):
    logits, target, index = data(20)
    target[5:9] = NAN
    keep = ~target.isnan().flatten()
    expected = build(name)(logits[keep], target[keep], index[keep])
    assert build(name)(logits, target, index).item() == pytest.approx(expected.item(), rel=1e-6)


@EACH
@pytest.mark.parametrize("tasks", [1, 3])
@pytest.mark.parametrize("duplicates", [False, True])
def test_order_in_the_batch_does_not_matter(name, tasks, duplicates):
    one, other = build(name, num_tasks=tasks).double(), build(name, num_tasks=tasks).double()
    for seed in range(4):
        logits, target, index = data(16, tasks, seed, 0.2, torch.float64, duplicates)
        order = torch.randperm(16, generator=torch.Generator().manual_seed(seed))
        a = one(logits, target, index)
        b = other(logits[order], target[order], index[order])
        torch.testing.assert_close(a, b)
        torch.testing.assert_close(*(torch.autograd.grad(loss, logits)[0] for loss in (a, b)))
    for key, value in one.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[key])


@EACH
def test_several_tasks_are_the_mean_of_each_by_itself(name):
    """Nothing is shared between tasks; one without both classes (pairs) or without labels contributes nothing."""
    together, alone = build(name, num_tasks=5).double(), [build(name).double() for _ in range(5)]
    for seed in range(8):
        # the baselines take the mean over all labels, which is the same if none is missing
        missing = 0.0 if name in STATELESS else 0.3
        logits, target, index = data(14, 5, seed, missing, torch.float64)
        target[:, 3] = 1
        if missing:
            target[:, 4] = NAN
        counts = []
        for task in range(5):
            classes = set(target[:, task].tolist()) & {0.0, 1.0}
            counts.append(len(classes) == 2 if name in PAIRS else len(classes) > 0)
        losses = [fn(logits[:, t], target[:, t], index) for t, fn in enumerate(alone)]
        assert all(loss.item() == 0 for loss, counted in zip(losses, counts, strict=True) if not counted)
        expected = sum(losses) / sum(counts)
        loss = together(logits, target, index)
        torch.testing.assert_close(loss, expected)
        torch.testing.assert_close(*(torch.autograd.grad(value, logits)[0] for value in (loss, expected)))


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize(("rows", "label"), [(1, 1.0), (1, 0.0), (12, 1.0), (12, 0.0)])
def test_a_batch_of_one_class_gives_zero_and_zero_gradients(name, rows, label):
    loss_fn = trained(name, 2)
    before = tables(loss_fn)
    logits = torch.randn(rows, 2, requires_grad=True)
    target = torch.full((rows, 2), label)
    target[0, 1] = NAN
    loss = loss_fn(logits, target, torch.arange(rows))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros(rows, 2))
    assert unchanged(before, loss_fn)


@pytest.mark.parametrize("name", sorted(POINTWISE))
@pytest.mark.parametrize("label", [1.0, 0.0])
def test_a_batch_of_one_item_trains_losses_of_single_items(name, label):
    logits = torch.tensor([0.3], requires_grad=True)
    loss = build(name)(logits, torch.tensor([label]), torch.tensor([7]))
    loss.backward()
    assert loss.item() > 0
    assert logits.grad.item() * (1 if label == 0 else -1) > 0


@EACH
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_narrow_logits_and_autocast_compute_in_float32(name, dtype):
    logits, target, index = data(16)
    narrow = logits.detach().to(dtype)
    expected = build(name)(narrow.float(), target, index)
    assert build(name)(narrow, target, index).item() == expected.item()
    weight = narrow.clone().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = build(name)(weight, target, index)
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == expected.item()
    assert weight.grad.isfinite().all()
    assert weight.grad.dtype == dtype


@EACH
def test_half_keeps_the_tables_wide_and_double_widens_them(name):
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


BURSTS = [(name, {}) for name in BY_TASK] + [
    ("sopa-s", {"temperature": 1e-3}),
    ("sota-s", {"pos_temperature": 1e-3, "neg_temperature": 1e-3}),
    ("kl-dro", {"temperature": 1e-3}),
    ("kl-dro", {"learnable": True}),
    ("kl-dro", {"learnable": True, **COLD}),
]


@pytest.mark.parametrize(
    ("name", "options"), BURSTS, ids=lambda value: value if isinstance(value, str) else ",".join(value)
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16], ids=["float32", "float16"])
@pytest.mark.parametrize("history", [0, 5])
def test_extreme_logits_are_finite_and_the_loss_recovers(name, options, dtype, history):
    """A burst of wild scores, then ordinary batches: the gradient comes back to what it would have been.

    Exactly where the state forgets; in its direction, and alive, where duals walk back by a step each time.
    """
    hit, spared = build(name, 30, **options), build(name, 30, **options)
    plain = build(name, 30, **options).eval()
    generator = torch.Generator().manual_seed(0)
    target = (torch.arange(30) < 6).float()
    index = torch.arange(30)

    def grad(loss_fn, scores):
        logits = scores.to(dtype, copy=True).requires_grad_()
        loss = loss_fn(logits, target, index)
        loss.backward()
        assert loss.isfinite()
        assert logits.grad.isfinite().all()
        assert all(value.isfinite().all() for value in loss_fn.state_dict().values())
        return logits.grad.float()

    for _ in range(history):
        scores = torch.randn(30, generator=generator)
        grad(hit, scores)
        grad(spared, scores)
    # gradients in float16 end at 65,504; the slope of a squared hinge is 4 × size, a weight up to 1 / γ² for SOTA-s
    size = 500.0 if dtype == torch.float16 else 1e4
    burst = torch.where(target == 1, -size, size)
    for scores in (burst, -burst, burst):
        grad(hit, scores)
    after, reference, ideal = [], [], []
    slow = name in SLOW or options.get("learnable")
    for _ in range(300 if slow else 150):
        scores = torch.randn(30, generator=generator)
        after.append(grad(hit, scores))
        reference.append(grad(spared, scores))
        ideal.append(grad(plain, scores))
    after, reference, ideal = (torch.stack(g[-20:]) for g in (after, reference, ideal))
    # alive: as a whole the push is of the size of the mini-batch's own, times a weight of up to 1 / γ or 1 / γ²
    assert 0.1 < after.norm() / ideal.norm() < 100
    assert torch.nn.functional.cosine_similarity(after.flatten(), reference.flatten(), dim=0) > 0.9
    if not slow:
        torch.testing.assert_close(after, reference, rtol=0.05, atol=1e-3)


@EACH
def test_the_rest_of_a_run_is_the_same_after_a_restore(name):
    loss_fn = trained(name, 2)
    restored = build(name, num_tasks=2)
    restored.load_state_dict(loss_fn.state_dict())
    copied = copy.deepcopy(loss_fn)
    for seed in range(100):
        logits, target, index = data(tasks=2, seed=1000 + seed, missing=0.1)
        expected = loss_fn(logits, target, index)
        (grad,) = torch.autograd.grad(expected, logits)
        for other in (restored, copied):
            loss = other(logits, target, index)
            assert torch.equal(loss, expected)
            assert torch.equal(torch.autograd.grad(loss, logits)[0], grad)
    assert unchanged(tables(loss_fn), restored)


@pytest.mark.parametrize("name", sorted(set(BY_TASK) - STATELESS - {"auc-pairwise"}))
@pytest.mark.parametrize(("num_items", "num_tasks"), [(50, 3), (60, 2)])
def test_a_state_of_another_size_is_refused_and_nothing_is_taken_from_it(name, num_items, num_tasks):
    loss_fn, other = trained(name, 2), build(name, num_items, num_tasks)
    if all(v.shape == other.state_dict()[k].shape for k, v in loss_fn.state_dict().items()):
        assert name in {"auc-margin", "kl-dro", "group-dro"}  # nothing depends on the number of items
        loss_fn.load_state_dict(trained(name, 2, num_items=num_items).state_dict())
        assert unchanged(tables(trained(name, 2, num_items=num_items)), loss_fn)
        return
    before = tables(loss_fn)
    with pytest.raises(RuntimeError, match="size mismatch"):
        loss_fn.load_state_dict(other.state_dict())
    assert unchanged(before, loss_fn)


@EACH
def test_eval_mode_writes_nothing_and_does_not_depend_on_the_history(name):
    loss_fn = trained(name).eval()
    before = tables(loss_fn)
    logits, target, index = data(seed=9)
    fresh = build(name).eval()(logits, target, index)
    assert loss_fn(logits, target, index).item() == pytest.approx(fresh.item(), rel=1e-6)
    if name != "group-dro":  # it has to know the groups
        assert loss_fn(logits, target).item() == pytest.approx(fresh.item(), rel=1e-6)
    assert unchanged(before, loss_fn)


@pytest.mark.parametrize("name", sorted(set(BY_TASK) - SLOW))
def test_a_first_batch_is_not_scaled(name):
    """Whatever γ: what is seen for the first time counts as in evaluation. (Duals have yet to find their optimum.)"""
    options = {"gamma": 0.01} if "gamma" in options_of(name) else {}
    logits, target, index = data(seed=9)
    training, evaluation = build(name, **options), build(name, **options).eval()
    losses = [loss_fn(logits, target, index) for loss_fn in (training, evaluation)]
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-6)
    torch.testing.assert_close(*(torch.autograd.grad(loss, logits)[0] for loss in losses))


@EACH
def test_training_needs_an_index_only_where_items_have_states(name):
    with_index, without = build(name), build(name)
    logits, target, index = data()
    if name in BY_ITEM:
        with pytest.raises(ValueError, match="index is missing"):
            without(logits, target)
        assert unchanged(tables(build(name)), without)
        return
    for seed in range(3):
        logits, target, index = data(seed=seed)
        assert without(logits, target).item() == with_index(logits, target, index).item()


@EACH
def test_finite_differences(name):
    """In eval mode, where the loss is a plain function of the logits."""
    loss_fn = build(name, num_tasks=2).double().eval()
    logits, target, index = data(10, 2, missing=0.2, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda scores: loss_fn(scores, target, index), (logits,))


@EACH
def test_a_gradient_step_lowers_the_loss(name):
    loss_fn = build(name).eval()
    logits, target, index = data(30)
    loss = loss_fn(logits, target, index)
    loss.backward()
    with torch.no_grad():
        assert loss_fn(logits - 0.1 * logits.grad / logits.grad.norm(), target, index) < loss


@EACH
@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(
        st.tuples(st.floats(-1e4, 1e4, width=32), st.sampled_from([0.0, 1.0, NAN]), st.integers(0, 9)), max_size=12
    )
)
def test_any_batch_of_ordinary_numbers_is_finite(name, values):
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


@EACH
@pytest.mark.parametrize("tasks", [1, 3])
def test_traces_with_graph_breaks_under_compile(name, tasks):
    torch._dynamo.reset()
    eager, compiled = build(name, num_tasks=tasks), build(name, num_tasks=tasks)
    step = torch.compile(compiled, backend="aot_eager")
    for seed in range(2):
        logits, target, index = data(tasks=tasks, seed=seed, missing=0.1 if seed else 0.0)
        losses = step(logits, target, index), eager(logits, target, index)
        torch.testing.assert_close(*losses)
        grads = [torch.autograd.grad(loss, logits)[0] for loss in losses]
        torch.testing.assert_close(*grads, rtol=1e-4, atol=1e-5)
    for key, value in eager.state_dict().items():
        torch.testing.assert_close(compiled.state_dict()[key], value)


@EACH
def test_strided_logits_are_as_good(name):
    one, other = build(name, num_tasks=3), build(name, num_tasks=3)
    for seed in range(3):
        logits, target, index = data(tasks=3, seed=seed)
        strided = torch.zeros(3, 24)[:, ::2].t().copy_(logits.detach()).requires_grad_()
        assert not strided.is_contiguous()
        losses = one(logits, target, index), other(strided, target.t().contiguous().t(), index)
        torch.testing.assert_close(*losses)
        for loss in losses:
            loss.backward()
        torch.testing.assert_close(logits.grad, strided.grad)


@EACH
@pytest.mark.parametrize("tasks", [1, 3])
@pytest.mark.parametrize(
    ("table", "scores"),
    [(torch.float64, torch.float32), (torch.float32, torch.float64), (torch.float64, torch.bfloat16)],
)
def test_tables_of_one_precision_and_scores_of_another(name, tasks, table, scores):
    """The result has the precision of the scores, float32 at least."""
    loss_fn = build(name, num_tasks=tasks).to(table)
    for seed in range(3):
        logits, target, index = data(tasks=tasks, seed=seed)
        narrow = logits.detach().to(scores).requires_grad_()
        loss = loss_fn(narrow, target, index)
        loss.backward()
        assert loss.dtype == torch.promote_types(scores, torch.float32)
        assert narrow.grad.abs().sum() > 0 or name in SLOW
    assert loss_fn.eval()(narrow, target, index).dtype == loss.dtype


@EACH
def test_logits_beyond_all_reason_are_refused(name):
    """1e20 squared is infinite, and would stay in the tables."""
    loss_fn = trained(name)
    before = tables(loss_fn)
    for rows in (12, 400):
        logits, target, index = torch.randn(rows), (torch.arange(rows) < 4).float(), torch.arange(rows) % 50
        logits[7] = -1e20
        with pytest.raises(
            ValueError, match=r"logits must lie within ±1e\+15, got -1e\+20|got -1.0000.*e\+20 in row 7"
        ):
            loss_fn(logits, target, index)
    assert unchanged(before, loss_fn)


def test_the_names_are_those_of_the_command_line():
    names = "auc-margin auc-pairwise bce ce focal group-dro kl-dro soap sopa sopa-s sota-s staco"
    assert sorted(LOSSES) == names.split()


@ALL
def test_only_the_models_parameters_go_to_the_optimiser(name):
    assert not list(build(name, num_tasks=2).parameters())


@EACH
def test_nothing_is_drawn_from_the_global_generator(name):
    before = torch.get_rng_state()
    trained(name, 2)
    assert torch.equal(torch.get_rng_state(), before)


@ALL
def test_the_batches_it_asks_for(name):
    groups = {"group-dro": "group", "kl-dro": "shuffle", "bce": "shuffle", "ce": "shuffle", "focal": "shuffle"}
    assert LOSSES[name].sampler == groups.get(name, "dual")


@pytest.mark.parametrize("name", sorted(set(BY_TASK) - STATELESS))
def test_the_schedule_of_gamma_reaches_everything_it_weights(name):
    scheduled, constant, other = (build(name, gamma=g) for g in (CosineGamma(10, 0.2), 0.2, 0.9))
    scheduled.set_epoch(10)
    for seed in range(3):
        values = [fn(*data(30, seed=seed)).item() for fn in (scheduled, constant, other)]
    objectives = [fn.monitor()["objective"] for fn in (scheduled, constant, other)]
    assert (values[0], objectives[0]) == pytest.approx((values[1], objectives[1]), rel=1e-6)
    assert (values[0], objectives[0]) != pytest.approx((values[2], objectives[2]), rel=1e-6)


@pytest.mark.parametrize("name", sorted(set(BY_TASK) - STATELESS))
def test_monitor_is_not_a_number_before_the_first_batch_and_plain_numbers_after(name):
    loss_fn = build(name, num_tasks=2)
    assert math.isnan(loss_fn.monitor()["objective"])
    loss_fn.eval()(*data(tasks=2))
    assert math.isnan(loss_fn.monitor()["objective"])
    report = trained(name, 2).monitor()
    assert all(type(value) is float and math.isfinite(value) for value in report.values())


@pytest.mark.parametrize("name", PAIRS)
def test_activation_works_on_probabilities(name):
    active, plain = build(name, activation="sigmoid").double(), build(name).double()
    for seed in range(4):
        logits, target, index = data(seed=seed, dtype=torch.float64)
        losses = active(logits, target, index), plain(logits.sigmoid(), target, index)
        assert losses[0].item() == pytest.approx(losses[1].item(), abs=1e-12)
        torch.testing.assert_close(*(torch.autograd.grad(loss, logits)[0] for loss in losses))


@pytest.mark.parametrize("name", ["group-dro", "kl-dro"])
def test_activation_of_losses_of_single_items_keeps_the_sign_of_the_score(name):
    """2σ(h) − 1 instead of σ(h): a score of 0 is as far from one class as from the other."""
    active, plain = build(name, activation="sigmoid").double(), build(name).double()
    for seed in range(4):
        logits, target, index = data(seed=seed, dtype=torch.float64)
        losses = active(logits, target, index), plain(2 * logits.sigmoid() - 1, target, index)
        assert losses[0].item() == pytest.approx(losses[1].item(), abs=1e-12)
        torch.testing.assert_close(*(torch.autograd.grad(loss, logits)[0] for loss in losses))


HUGE = [float("inf"), 1e30, NAN, 0.0, -1.0, 1e-40]
WRONG = (
    [("activation", "tanh"), ("surrogate", "cubic"), ("gamma", 0.0), ("gamma", 1.5), ("task_gamma", 0.0)]
    + [(name, value) for name in ("margin", "epsilon") for value in HUGE]
    + [(f"{which}temperature", value) for which in ("", "pos_", "neg_", "min_") for value in HUGE]
    + [(name, value) for name in ("dual_lr", "temperature_lr", "pos_weight") for value in [*HUGE[:3], 0.0, -1.0]]
    + [(name, value) for name in ("rho", "focusing") for value in (-1.0, NAN, float("inf"))]
    + [(name, value) for name in ("max_fpr", "alpha") for value in (0.0, 1.5, NAN)]
    + [("max_lag", value) for value in (-1.0, 0.0, NAN)]
)


@pytest.mark.parametrize(("option", "value"), WRONG)
def test_options_out_of_range_are_named(option, value):
    names = [name for name in BY_TASK if option in options_of(name)]
    assert names
    for name in names:
        options = {"surrogate": "squared_hinge"} if option == "margin" else {}
        with pytest.raises(ValueError, match=rf"^{option} .*, got {re.escape(repr(value))}"):
            build(name, **options, **{option: value})


NUMBERS = "margin gamma max_lag dual_lr max_fpr min_tpr alpha epsilon rho pos_weight focusing temperature_lr"


@pytest.mark.parametrize(
    "option", [*NUMBERS.split(), "temperature", "pos_temperature", "neg_temperature", "min_temperature", "task_gamma"]
)
@pytest.mark.parametrize("value", [None, "0.3", [1.0]], ids=["none", "text", "list"])
def test_options_of_another_type_are_named(option, value):
    if value is None and option in ("task_gamma", "max_lag"):
        return  # means something
    for name in BY_TASK:
        if option in options_of(name):
            options = {"surrogate": "squared_hinge"} if option == "margin" else {}
            with pytest.raises(TypeError, match=f"^{option} .*must be a number, got "):
                build(name, **options, **{option: value})


@EACH
@pytest.mark.parametrize("value", [None, "a", 10.0])
def test_sizes_of_another_type_are_named(name, value):
    groups = {"groups": torch.zeros(5, dtype=torch.long)} if "groups" in options_of(name) else {}
    with pytest.raises(TypeError, match=f"num_items must be an integer, got {value!r}"):
        LOSSES[name](value, **groups)
    with pytest.raises(TypeError, match=f"num_tasks must be an integer, got {value!r}"):
        LOSSES[name](5, value, **groups)


@EACH
def test_a_schedule_of_gamma_out_of_range_is_named(name):
    if "gamma" in options_of(name):
        with pytest.raises(ValueError, match=r"gamma .*\(0, 1\], got 0.0"):
            build(name, gamma=lambda epoch: 0.0)
        loss_fn = build(name, gamma=lambda epoch: 1.0 - epoch)
        with pytest.raises(ValueError, match=r"gamma .*\(0, 1\], got 0.0"):
            loss_fn.set_epoch(1)


EXTREMES = [
    {"margin": 1e6},
    {"margin": 1e-6},
    {"temperature": 1e-6, "min_temperature": 1e-6},
    {"temperature": 1e6},
    {"pos_temperature": 1e-6, "neg_temperature": 1e-6},
    {"pos_temperature": 1e-6, "neg_temperature": 1e6},
    {"epsilon": 1e-6},
    {"epsilon": 1e6},
    {"pos_weight": 1e6},
    {"focusing": 1e6},
    {"max_lag": 100.0},
    {"max_lag": 800.0},
]


@pytest.mark.parametrize("options", EXTREMES, ids=lambda options: ",".join(f"{k}={v:g}" for k, v in options.items()))
def test_the_ends_of_the_ranges_are_finite(options):
    """What is not refused works, with the largest logits too."""
    for name in BY_TASK:
        if set(options) <= set(options_of(name)):
            more = {"surrogate": "squared_hinge"} if "margin" in options else {}
            loss_fn = build(name, **options, **more)
            for seed in range(4):
                logits, target, index = data(seed=seed)
                wild = (logits.detach() * (1e15 / 4 if seed == 2 else 1.0)).clamp(-1e15, 1e15).requires_grad_()
                loss = loss_fn(wild, target, index)
                loss.backward()
                assert loss.isfinite()
                assert wild.grad.isfinite().all()
            assert all(value.isfinite().all() for value in loss_fn.state_dict().values())


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("tasks", [1, 3])
@pytest.mark.parametrize("backward", [True, False])
def test_a_graph_goes_with_its_loss_and_does_not_wait_for_the_garbage_collector(name, tasks, backward):
    class Keep(torch.autograd.Function):
        @staticmethod
        def forward(ctx, scores, kept):
            ctx.save_for_backward(kept)
            return scores.clone()

        @staticmethod
        def backward(ctx, grad):
            return grad, None

    loss_fn = build(name, num_tasks=tasks)
    gc.collect()
    gc.disable()
    try:
        logits, target, index = data(tasks=tasks)
        kept = torch.randn(10)
        activation = weakref.ref(kept)
        loss = loss_fn(Keep.apply(logits, kept), target, index)
        if backward:
            loss.backward(retain_graph=True)
        del kept, loss, logits
        assert activation() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("name", sorted(set(PAIRS) - {"auc-margin"}))
@pytest.mark.parametrize("chunk", [1 << 18, 5])
def test_logits_changed_in_place_before_backward_are_noticed(name, chunk, monkeypatch):
    monkeypatch.setattr("xgraph.losses.pairs.blocks.CHUNK", chunk)
    logits, target, index = data()
    scores = logits * 1
    loss = build(name)(scores, target, index)
    with torch.no_grad():
        scores.mul_(3)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("name", sorted(set(BY_TASK) - STATELESS))
def test_everything_must_be_on_one_device(name):
    loss_fn = build(name)
    given = dict(zip(("logits", "target", "index"), data(), strict=True))
    for argument in given:
        moved = given | {argument: given[argument].to("meta")}
        with pytest.raises(ValueError, match=rf"one device, got .*{argument} on meta.*; a loss moves by \.to"):
            loss_fn(**moved)
    with pytest.raises(ValueError, match="the loss on meta"):
        build(name).to("meta")(**given)
    assert unchanged(tables(build(name)), loss_fn)


@pytest.mark.parametrize("name", sorted(STATELESS))
def test_losses_without_states_are_anywhere(name):
    logits, target, index = data()
    assert build(name).to("meta")(logits, target, index).isfinite()
    with pytest.raises(ValueError, match="one device, got logits on cpu, target on meta"):
        build(name)(logits, target.to("meta"))


@pytest.mark.parametrize("name", ["kl-dro", "group-dro"])
def test_given_losses_must_be_on_one_device_and_ordinary(name):
    loss_fn, index = build(name), torch.arange(12)
    rest = (index,) if name == "group-dro" else ()
    with pytest.raises(ValueError, match="one device, got losses on meta"):
        loss_fn.reduce(torch.rand(12, device="meta"), *rest)
    with pytest.raises(ValueError, match="one device, got losses on cpu, known on meta"):
        loss_fn.reduce(torch.rand(12), *rest, known=torch.ones(12, dtype=torch.bool, device="meta"))
    for value in (1e38, -1e38, float("inf"), NAN):
        expected = "lie within" if math.isfinite(value) else "be finite"
        losses = torch.rand(12)
        losses[3] = value
        with pytest.raises(ValueError, match=f"losses must {expected}.* in row 3"):
            loss_fn.reduce(losses, *rest)
    assert unchanged(tables(build(name)), loss_fn)


@pytest.mark.parametrize("name", sorted(set(BY_TASK) - STATELESS))
def test_a_state_that_does_not_fit_is_refused_as_a_whole(name):
    loss_fn = trained(name, 2)
    before = tables(loss_fn)
    for other in sorted(set(BY_TASK) - STATELESS):
        state = trained(other, 2).state_dict()
        if state.keys() != before.keys():
            with pytest.raises(RuntimeError, match=f"the state is not that of this {type(loss_fn).__name__}"):
                loss_fn.load_state_dict(state)
    for value in (None, [1.0], 3):
        for key in before:
            with pytest.raises(RuntimeError, match=f"must hold tensors, got {type(value).__name__} for {key}"):
                loss_fn.load_state_dict({**before, key: value})
    for key in (key for key in before if not key.endswith("stuck")):
        with pytest.raises(RuntimeError, match=rf"it lacks \['{key}'\]"):
            loss_fn.load_state_dict({k: v for k, v in before.items() if k != key})
    with pytest.raises(RuntimeError, match="has .'strange'. instead"):
        torch.nn.ModuleDict({"loss": loss_fn}).load_state_dict(
            {f"loss.{key}": value for key, value in (before | {"strange": torch.zeros(1)}).items()}
        )
    assert unchanged(before, loss_fn)
    loss_fn.load_state_dict({}, strict=False)  # a model's weights without a loss's state
    torch.nn.ModuleDict({"loss": loss_fn}).load_state_dict({f"loss.{key}": value for key, value in before.items()})
    assert unchanged(before, loss_fn)


@pytest.mark.parametrize("name", sorted(set(BY_TASK) - STATELESS))
def test_a_schedule_goes_on_after_a_restore_without_being_told_the_epoch(name):
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
    older = {key: value for key, value in loss_fn.state_dict().items() if not key.endswith("epoch")}
    make().load_state_dict(older)
