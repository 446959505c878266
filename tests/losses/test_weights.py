"""Weights of items: a weight multiplies an item's part of the loss, and losses without weights refuse them."""

import pytest
import torch

from tests.losses.cases import BY_TASK, VARIANTS, build, data
from xgraph.losses import LOSSES

WITH = sorted(name for name, cls in LOSSES.items() if cls.takes_weights)
WITHOUT = sorted(set(LOSSES) - set(WITH))


def batch(name, tasks=2, seed=0):
    logits, target, index = data(tasks=tasks, seed=seed)
    if name in ("ce", "scent"):
        target = torch.eye(tasks)[torch.randint(tasks, (len(logits),), generator=torch.Generator().manual_seed(seed))]
    return logits, target, index


def gradient(loss, logits):
    return torch.autograd.grad(loss, logits)[0]


def test_which_losses_take_weights():
    assert WITHOUT == ["listwise", "ndcg", "recall", "scent", "sota-s", "staco"]


@pytest.mark.parametrize("name", sorted(set(WITHOUT) - {"scent"}))  # its fourth argument is the last layer
def test_other_losses_refuse_weights(name):
    logits, target, index = batch(name)
    with pytest.raises(ValueError, match="weight: .*Loss cannot weight items"):
        build(name, num_tasks=2)(logits, target, index, torch.ones(len(logits)))


@pytest.mark.parametrize("tasks", [1, 3])
@pytest.mark.parametrize("name", WITH)
def test_equal_weights_change_nothing(name, tasks):
    tasks = max(tasks, 2) if name == "ce" else tasks
    plain, weighted = build(name, num_tasks=tasks), build(name, num_tasks=tasks)
    for seed in range(3):
        logits, target, index = batch(name, tasks, seed)
        expected, found = plain(logits, target, index), weighted(logits, target, index, torch.ones(len(logits)))
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(gradient(found, logits), gradient(expected, logits))


@pytest.mark.parametrize("name", ["bce", "focal", "sopa", "sopa-s", "auc-pairwise"])
def test_the_loss_is_linear_in_the_weights_of_positives(name):
    logits, target, index = batch(name, 1)
    one, other = (torch.rand(len(logits), generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))
    both, negative = one + other, target[:, 0] == 0
    if name not in ("bce", "focal"):  # weights of negatives are those of a mean
        one[negative] = other[negative] = both[negative] = 1.0
    values = [build(name).eval()(logits, target, index, weight) for weight in (one, other, both)]
    torch.testing.assert_close(values[0] + values[1], values[2])


def test_a_weight_of_a_positive_multiplies_its_part_of_soap():
    logits, target, index = torch.tensor([1.0, 0.0, 0.5]), torch.tensor([1.0, 1.0, 0.0]), torch.arange(3)
    squares = {d: max(1 + d, 0) ** 2 for d in (0.0, -1.0, -0.5, 1.0, 0.5)}  # squared hinge of the differences
    weight = torch.tensor([3.0, 1.0, 2.0])
    first = (3 * squares[0.0] + squares[-1.0]) / (3 * squares[0.0] + squares[-1.0] + 2 * squares[-0.5])
    second = (3 * squares[1.0] + squares[0.0]) / (3 * squares[1.0] + squares[0.0] + 2 * squares[0.5])
    assert build("soap").eval()(logits, target, index, weight).item() == pytest.approx(-(3 * first + second) / 2)


@pytest.mark.parametrize("tasks", [1, 2])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", WITH)
def test_an_item_without_weight_has_no_gradient(name, training, tasks):
    tasks = 2 if name == "ce" else tasks
    logits, target, index = batch(name, tasks)
    weight = torch.rand(len(logits), generator=torch.Generator().manual_seed(3)) + 0.5
    weight[2::3] = 0
    loss_fn = build(name, num_tasks=tasks).train(training)
    for _ in range(3):
        slope = gradient(loss_fn(logits, target, index, weight), logits)
    assert (slope[2::3] == 0).all()
    assert slope.isfinite().all()
    changed = logits.detach().clone()
    changed[2::3] += 5.0
    fresh = [build(name, num_tasks=tasks).eval()(scores, target, index, weight) for scores in (logits, changed)]
    torch.testing.assert_close(fresh[0], fresh[1])


@pytest.mark.parametrize("name", ["sopa", "sopa-s", "auc-pairwise", "auc-margin", "kl-dro", "group-dro", "cvar-dro"])
def test_a_whole_weight_of_a_negative_is_as_good_as_repeating_it(name):
    logits, target, index = batch(name, 1)
    negatives = (target[:, 0] == 0).nonzero().flatten()
    weight = torch.ones(len(logits))
    weight[negatives[:2]] = 3.0
    order = torch.cat([torch.arange(len(logits)), negatives[:2].repeat(2)])
    loss_fn = build(name).eval()
    found = loss_fn(logits, target, index, weight)
    torch.testing.assert_close(found, build(name).eval()(logits[order], target[order], index[order]))


def test_no_negative_with_weight_means_no_loss():
    logits, target, index = batch("soap", 1)
    weight = (target[:, 0] == 1).float()
    for name in ("soap", "sopa", "sopa-s", "auc-pairwise", "auc-margin"):
        loss = build(name)(logits, target, index, weight)
        assert loss.item() == 0
        assert (gradient(loss, logits) == 0).all()


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (torch.ones(3), r"weight must have the shape \[12\]"),
        (torch.full((12,), -1.0), "finite numbers of 0 or more, got -1 in row 0"),
        (torch.full((12,), float("nan")), "finite numbers of 0 or more, got nan in row 0"),
    ],
)
@pytest.mark.parametrize("name", ["bce", "soap"])
def test_wrong_weights(name, weight, message):
    logits, target, index = batch(name)
    loss_fn = build(name, num_tasks=2)
    with pytest.raises(ValueError, match=message):
        loss_fn(logits, target, index, weight)
    with pytest.raises(TypeError, match="weight must be a tensor"):
        loss_fn(logits, target, index, [1.0] * 12)


def test_every_loss_of_this_package_is_covered():
    assert set(BY_TASK) - set(VARIANTS) <= set(WITH) | set(WITHOUT)
