"""Properties shared by all losses."""

import pytest
import torch

from tests.losses.cases import (
    BY_ITEM,
    BY_TASK,
    CONTRASTIVE,
    LISTS,
    NAN,
    NUMBERS,
    PAIRS,
    POINTWISE,
    SLOW,
    STATELESS,
    build,
    call,
    data,
    options_of,
    same_gradients,
    tables,
    trained,
    unchanged,
)
from xgraph.losses import LOSSES

EACH = pytest.mark.parametrize("name", BY_TASK)
ALL = pytest.mark.parametrize("name", [*BY_TASK, *CONTRASTIVE])


def test_names_samplers_and_links():
    names = "auc-margin auc-pairwise bce ce cvar-dro focal group-dro huber kl-dro listwise mae mse ndcg recall scent"
    assert sorted(LOSSES) == [*names.split(), *["soap", "sopa", "sopa-s", "sota-s", "staco"]]
    other = {
        "group-dro": "group",
        "kl-dro": "shuffle",
        "cvar-dro": "shuffle",
        "bce": "shuffle",
        "ce": "shuffle",
        "scent": "shuffle",
        "focal": "shuffle",
    }
    other |= dict.fromkeys(NUMBERS, "shuffle")
    for name, cls in LOSSES.items():
        assert cls.sampler == other.get(name, "dual")
        assert cls.link == ("softmax" if name in ("ce", "scent") else "identity" if name in NUMBERS else "sigmoid")


@ALL
def test_losses_have_no_parameters_and_do_not_use_the_global_generator(name):
    before = torch.get_rng_state()
    assert not list(trained(name, 2).parameters())
    assert torch.equal(torch.get_rng_state(), before)


@EACH
def test_equivalent_shapes_types_and_strides_give_the_same_loss(name):
    logits, target, index = data()
    expected = build(name)(logits, target, index)
    assert expected.dim() == 0
    for scores, labels, rows in (
        (logits.flatten(), target.flatten(), index),
        (logits, target.flatten(), index),
        (logits.flatten(), target, index),
        (logits, target, index.int()),
        *((logits, target.to(kind), index) for kind in (torch.bool, torch.int64, torch.float64)),
    ):
        assert build(name)(scores, labels, rows).item() == expected.item()
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
def test_batch_without_contribution_gives_zero_loss_and_gradients(name):
    """Without rows or labels, or with one class for losses of pairs; nothing is written."""
    loss_fn = trained(name, 2)
    before = tables(loss_fn)
    cases = [(rows, NAN) for rows in (0, 1, 4)]
    if name in PAIRS:
        cases += [(rows, label) for rows in (1, 12) for label in (1.0, 0.0)]
    if name in LISTS:
        cases += [(1, 1.0), (1, 0.0), (12, 0.0)]
    for rows, label in cases:
        logits = torch.randn(rows, 2, requires_grad=True)
        target = torch.full((rows, 2), label)
        target[:1, 1] = NAN
        loss = loss_fn(logits, target, torch.arange(rows))
        loss.backward()
        assert loss.item() == 0
        assert torch.equal(logits.grad, torch.zeros(rows, 2))
    assert unchanged(before, loss_fn)


@pytest.mark.parametrize("name", sorted(POINTWISE - {"cvar-dro"}))  # its threshold starts at the only loss
def test_pointwise_losses_train_on_a_single_item(name):
    for label in (1.0, 0.0):
        logits = torch.tensor([0.3], requires_grad=True)
        loss = build(name)(logits, torch.tensor([label]), torch.tensor([7]))
        loss.backward()
        assert loss.item() > 0
        assert logits.grad.item() * (1 if label == 0 else -1) > 0


@EACH
def test_missing_labels_are_ignored(name):
    logits, target, index = data(20)
    target[5:9] = NAN
    keep = ~target.isnan().flatten()
    expected = build(name)(logits[keep], target[keep], index[keep])
    assert build(name)(logits, target, index).item() == pytest.approx(expected.item(), rel=1e-6)
    logits, target, index = data(20, 3, missing=0.4)
    build(name, num_tasks=3)(logits, target, index).backward()
    assert (logits.grad[target.isnan()] == 0).all()
    assert logits.grad[~target.isnan()].abs().sum() > 0


@EACH
@pytest.mark.parametrize(("tasks", "duplicates"), [(1, True), (3, False), (3, True)])
def test_order_of_the_batch_does_not_matter(name, tasks, duplicates):
    one, other = build(name, num_tasks=tasks).double(), build(name, num_tasks=tasks).double()
    for seed in range(4):
        logits, target, index = data(16, tasks, seed, 0.2, torch.float64, duplicates)
        order = torch.randperm(16, generator=torch.Generator().manual_seed(seed))
        losses = one(logits, target, index), other(logits[order], target[order], index[order])
        torch.testing.assert_close(*losses)
        same_gradients(losses, logits)
    for key, value in one.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[key])


@EACH
def test_several_tasks_give_the_mean_of_separate_losses(name):
    """Tasks share nothing; a task without labels, or without both classes (pairs), contributes nothing."""
    together, alone = build(name, num_tasks=5).double(), [build(name).double() for _ in range(5)]
    for seed in range(8):
        # the baselines average over all labels, which gives the same result if none is missing
        missing = 0.0 if name in STATELESS else 0.3
        logits, target, index = data(14, 5, seed, missing, torch.float64)
        target[:, 3] = 1
        if missing:
            target[:, 4] = NAN
        counts = []
        for task in range(5):
            classes = set(target[:, task].tolist()) & {0.0, 1.0}
            counts.append(len(classes) == 2 if name in PAIRS else 1 in classes if name in LISTS else len(classes) > 0)
        losses = [fn(logits[:, t], target[:, t], index) for t, fn in enumerate(alone)]
        assert all(loss.item() == 0 for loss, counted in zip(losses, counts, strict=True) if not counted)
        expected = sum(losses) / sum(counts)
        loss = together(logits, target, index)
        torch.testing.assert_close(loss, expected)
        same_gradients((loss, expected), logits)


@ALL
def test_eval_mode_writes_nothing_and_does_not_depend_on_the_history(name):
    fixed = {"temperature_lr": 1e-12} if name in ("isogclr", "two-tower") else {}  # what was learned is used
    loss_fn = trained(name, 2, **fixed).eval()
    before = tables(loss_fn)
    logits, target, index = data(tasks=2, seed=9)
    fresh = call(build(name, num_tasks=2).eval(), logits, target, index)
    assert call(loss_fn, logits, target, index).item() == pytest.approx(fresh.item(), rel=1e-6)
    if name != "group-dro":  # it always needs an index, for the groups
        assert call(loss_fn, logits, target).item() == pytest.approx(fresh.item(), rel=1e-6)
    assert unchanged(before, loss_fn)


@pytest.mark.parametrize("name", [*sorted(set(BY_TASK) - SLOW), *CONTRASTIVE])
def test_first_batch_is_not_scaled_by_gamma(name):
    """For any γ, an item's first value is used unchanged, as in evaluation. (Duals are not yet at their optimum.)"""
    options = {} if name in STATELESS else {"gamma": 0.01}
    logits, target, index = data(tasks=2, seed=9)
    training, evaluation = (build(name, num_tasks=2, **options) for _ in range(2))
    losses = [call(loss_fn, logits, target, index) for loss_fn in (training, evaluation.eval())]
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-6)
    same_gradients(losses, logits)


@ALL
def test_index_is_required_only_for_losses_with_per_item_state(name):
    with_index, without = build(name, num_tasks=2), build(name, num_tasks=2)
    if name in BY_ITEM:
        logits, target, _ = data(tasks=2)
        with pytest.raises(ValueError, match="index is required"):
            call(without, logits, target)
        assert unchanged(tables(build(name, num_tasks=2)), without)
        return
    for seed in range(3):
        logits, target, index = data(tasks=2, seed=seed)
        assert without(logits, target).item() == with_index(logits, target, index).item()


@pytest.mark.parametrize("name", [name for name in BY_TASK if "activation" in options_of(name)])
def test_activation_applies_the_surrogate_to_probabilities(name):
    """Per-item losses use 2σ(h) − 1 instead of σ(h), so that a score of 0 is equally far from both classes."""
    active, plain = build(name, activation="sigmoid").double(), build(name).double()
    for seed in range(4):
        logits, target, index = data(seed=seed, dtype=torch.float64)
        probability = logits.sigmoid()
        losses = (
            active(logits, target, index),
            plain(2 * probability - 1 if name in POINTWISE else probability, target, index),
        )
        assert losses[0].item() == pytest.approx(losses[1].item(), abs=1e-12)
        same_gradients(losses, logits)


@EACH
def test_a_gradient_step_lowers_the_loss(name):
    loss_fn = build(name).eval()
    logits, target, index = data(30)
    loss = loss_fn(logits, target, index)
    loss.backward()
    with torch.no_grad():
        assert loss_fn(logits - 0.1 * logits.grad / logits.grad.norm(), target, index) < loss
