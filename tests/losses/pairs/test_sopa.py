import math

import pytest
import torch

from tests.losses import toys
from xgraph.losses import BCELoss, PairwiseAUCLoss, SOPALoss, STACOLoss

NAN = float("nan")
ELL = {
    "squared_hinge": (lambda s, m: max(m + s, 0.0) ** 2, lambda s, m: 2 * max(m + s, 0.0)),
    "hinge": (lambda s, m: max(m + s, 0.0), lambda s, m: float(m + s > 0)),
    "squared": (lambda s, m: (m + s) ** 2, lambda s, m: 2 * (m + s)),
    "logistic": (lambda s, m: math.log1p(math.exp(s)), lambda s, m: 1 / (1 + math.exp(-s))),
    "sigmoid": (lambda s, m: 1 / (1 + math.exp(-s)), lambda s, m: math.exp(-s) / (1 + math.exp(-s)) ** 2),
}


def quantile(values, level):
    """Linear between the order statistics."""
    ordered = sorted(values)
    place = level * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def mean(values):
    values = list(values)
    return sum(values) / len(values)


class Algorithm29:
    """The chapter's algorithm, one pair at a time in Python floats: ν and the vanilla gradient estimator z."""

    def __init__(self, max_fpr, dual_lr, surrogate="squared_hinge", margin=1.0):
        self.beta, self.dual_lr, self.margin, self.nu = max_fpr, dual_lr, margin, {}
        self.value, self.slope = ELL[surrogate]

    def step(self, scores, labels, index, task=0):
        """The loss and d loss / d scores of one task; None if the batch lacks a class."""
        positives = [i for i, y in enumerate(labels) if y == 1]
        negatives = [j for j, y in enumerate(labels) if y == 0]
        if not positives or not negatives:
            return None
        z, loss, moves = [0.0] * len(scores), 0.0, {}
        for i in positives:
            key = (index[i], task)
            losses = {j: self.value(scores[j] - scores[i], self.margin) for j in negatives}
            nu = self.nu.get(key, quantile(losses.values(), 1 - self.beta))
            above = [j for j in negatives if losses[j] > nu]
            loss += (self.beta * nu + sum(losses[j] - nu for j in above) / len(negatives)) / len(positives)
            for j in above:
                slope = self.slope(scores[j] - scores[i], self.margin) / len(negatives) / len(positives)
                z[j] += slope
                z[i] -= slope
            moves.setdefault(key, []).append(nu - self.dual_lr * (self.beta - len(above) / len(negatives)))
        self.nu.update({key: mean(found) for key, found in moves.items()})
        return loss, z


def cvar(losses, beta):
    """β · CVaR_β: the least β ν + mean (ℓ − ν)₊; it is piecewise linear in ν, so the least is at one of the losses."""
    return min(beta * nu + mean(max(x - nu, 0.0) for x in losses) for nu in losses)


def pair_losses(scores, target, surrogate="squared_hinge", margin=1.0):
    """A list of losses for each positive."""
    value = ELL[surrogate][0]
    rows = list(zip(scores.tolist(), target.tolist(), strict=True))
    return [[value(b - a, margin) for b, y in rows if y == 0] for a, label in rows if label == 1]


def fixed(positives, negatives, seed=0):
    generator = torch.Generator().manual_seed(seed)
    n = positives + negatives
    target = (torch.arange(n) < positives).double()
    return torch.randn(n, dtype=torch.float64, generator=generator), target, torch.arange(n)


def state(loss_fn):
    return {name: value.clone() for name, value in loss_fn.state_dict().items()}


@pytest.mark.parametrize("surrogate", sorted(ELL))
def test_autograd_is_algorithm_29_over_100_steps_and_a_restore(surrogate):
    torch.manual_seed(0)
    options = {"surrogate": surrogate, "margin": 0.7, "max_fpr": 0.37, "dual_lr": 0.15}
    loss_fn = SOPALoss(40, **options).double()
    reference = Algorithm29(0.37, 0.15, surrogate, 0.7)
    for step in range(100):
        if step == 50:
            fresh = SOPALoss(40, **options).double()
            fresh.load_state_dict(loss_fn.state_dict())
            loss_fn = fresh
        index = torch.randperm(40)[:12]
        logits = torch.randn(12, dtype=torch.float64, requires_grad=True)
        target = (index < 10).double()
        expected = reference.step(logits.tolist(), target.tolist(), index.tolist())
        loss = loss_fn(logits, target, index)
        loss.backward()
        if expected is None:
            assert loss.item() == 0
            continue
        assert loss.item() == pytest.approx(expected[0], abs=1e-10)
        torch.testing.assert_close(logits.grad, torch.tensor(expected[1], dtype=torch.float64), atol=1e-8, rtol=1e-8)
        for (item, _), nu in reference.nu.items():
            assert loss_fn.threshold.value[item].item() == pytest.approx(nu, abs=1e-10)
    assert len(reference.nu) == 10


def test_tasks_with_missing_labels_and_duplicates_are_algorithm_29_per_task():
    """Mean over contributing tasks of each task's mean; a task that lacks a class keeps its state."""
    torch.manual_seed(1)
    tasks = 5
    loss_fn = SOPALoss(15, tasks, max_fpr=0.43, dual_lr=0.2).double()
    reference = Algorithm29(0.43, 0.2)
    repeated = 0
    for _ in range(100):
        index = torch.randint(15, (10,))
        logits = torch.randn(10, tasks, dtype=torch.float64, requires_grad=True)
        target = (torch.rand(10, tasks) < 0.4).double()
        target[torch.rand(10, tasks) < 0.3] = NAN
        target[:, 3] = 0
        target[:, 4] = 1
        repeat = {item for item in index.tolist() if (index == item).sum() > 1}
        for row, item in enumerate(index.tolist()):
            for task in range(3):
                if item in repeat and (item, task) not in reference.nu:
                    target[row, task] = NAN  # an item's first touch is single here
        repeated += len(repeat)
        results = {
            t: result
            for t in range(tasks)
            if (result := reference.step(logits[:, t].tolist(), target[:, t].tolist(), index.tolist(), t)) is not None
        }
        assert 3 not in results
        assert 4 not in results
        before = loss_fn.threshold.value.view(15, tasks).clone()
        loss = loss_fn(logits, target, index)
        loss.backward()
        expected = torch.zeros(10, tasks, dtype=torch.float64)
        for t, (_, z) in results.items():
            expected[:, t] = torch.tensor(z, dtype=torch.float64) / len(results)
        assert loss.item() == pytest.approx(sum(r[0] for r in results.values()) / max(len(results), 1), abs=1e-10)
        torch.testing.assert_close(logits.grad, expected, atol=1e-8, rtol=1e-8)
        after = loss_fn.threshold.value.view(15, tasks)
        for t in set(range(tasks)) - set(results):
            assert torch.equal(before[:, t], after[:, t])
        for (item, t), nu in reference.nu.items():
            assert after[item, t].item() == pytest.approx(nu, abs=1e-10)
    assert repeated > 100
    seen = {(int(row) // tasks, int(row) % tasks) for row in loss_fn.threshold.seen.nonzero()}
    assert seen == set(reference.nu)


def test_a_new_item_that_comes_twice_starts_at_the_mean_of_its_starts():
    """Each row is judged by its own start; the table gets their mean, moved once."""
    reference = Algorithm29(0.37, 0.2)
    loss_fn = SOPALoss(9, max_fpr=0.37, dual_lr=0.2).double()
    logits, target, index = fixed(3, 6)
    index[1] = index[0]
    expected = reference.step(logits.tolist(), target.tolist(), index.tolist())
    logits.requires_grad_()
    loss = loss_fn(logits, target, index)
    loss.backward()
    assert loss.item() == pytest.approx(expected[0], abs=1e-10)
    torch.testing.assert_close(logits.grad, torch.tensor(expected[1], dtype=torch.float64))
    assert loss_fn.threshold.value[0].item() == pytest.approx(reference.nu[0, 0], abs=1e-10)


@pytest.mark.parametrize("surrogate", sorted(ELL))
def test_full_batches_end_at_the_sum_of_the_top_k_losses(surrogate):
    logits, target, index = fixed(6, 20)
    losses = pair_losses(logits, target, surrogate)
    expected = mean(sum(sorted(row)[-5:]) / 20 for row in losses)  # k = β n₋ = 5
    step = 0.01 if surrogate == "sigmoid" else 0.1  # in units of ℓ; it must find the gap between two losses
    loss_fn = SOPALoss(26, surrogate=surrogate, max_fpr=0.25, dual_lr=step).double()
    loss_fn(logits.flip(0), target, index)  # starts at other thresholds
    assert loss_fn(logits, target, index).item() > expected + 1e-3
    for _ in range(2000):
        loss = loss_fn(logits, target, index)
    assert loss.item() == pytest.approx(expected, abs=1e-12)
    for nu, row in zip(loss_fn.threshold.value[:6].tolist(), losses, strict=True):
        assert sum(x > nu for x in row) == 5


@pytest.mark.parametrize("max_fpr", [0.05, 0.25, 0.3, 1 / 3, 0.97, 1.0])
@pytest.mark.parametrize("surrogate", ["squared_hinge", "logistic"])
def test_eval_gives_cvar_at_once_also_where_it_splits_a_pair(surrogate, max_fpr):
    loss_fn = SOPALoss(26, surrogate=surrogate, max_fpr=max_fpr).double().eval()
    before = state(loss_fn)
    for seed in range(5):
        logits, target, _ = fixed(6, 20, seed)
        losses = pair_losses(logits, target, surrogate)
        expected = mean(cvar(row, max_fpr) for row in losses)
        assert loss_fn(logits, target).item() == pytest.approx(expected, abs=1e-12)
    logits, target, index = fixed(5, 7, seed=1)
    for values in (logits, torch.cat([logits, logits.flip(0)]).view(2, -1).t()):
        many = SOPALoss(12, 1 if values.dim() == 1 else 2, surrogate=surrogate, max_fpr=max_fpr).double().eval()
        labels = target if values.dim() == 1 else torch.stack([target, target.flip(0)], 1)
        inputs = values.clone().requires_grad_()
        assert torch.autograd.gradcheck(lambda scores, f=many, y=labels: f(scores, y, index), (inputs,))
    assert all(torch.equal(value, loss_fn.state_dict()[name]) for name, value in before.items())


def test_eval_weighs_the_item_on_the_boundary_by_its_share():
    """β n₋ = 1.5 of five: the gradient of the top pair has the weight 1/5, that of the next one 0.5/5."""
    logits = torch.tensor([0.0, 0.5, 0.2, -0.1, -0.3, -0.4], dtype=torch.float64, requires_grad=True)
    target = torch.tensor([1.0, 0, 0, 0, 0, 0], dtype=torch.float64)
    loss = SOPALoss(6, surrogate="hinge", max_fpr=0.3).double().eval()(logits, target)
    loss.backward()
    assert loss.item() == pytest.approx((1.5 + 0.5 * 1.2) / 5, abs=1e-12)
    assert logits.grad.tolist() == pytest.approx([-0.3, 0.2, 0.1, 0, 0, 0], abs=1e-12)


def test_eval_with_missing_labels_is_the_mean_over_tasks():
    torch.manual_seed(0)
    logits, target = torch.randn(30, 4, dtype=torch.float64), (torch.rand(30, 4) < 0.3).double()
    target[torch.rand(30, 4) < 0.2] = NAN
    target[:, 2] = 0
    expected = mean(mean(cvar(row, 0.3) for row in pair_losses(logits[:, t], target[:, t])) for t in (0, 1, 3))
    assert SOPALoss(30, 4, max_fpr=0.3).double().eval()(logits, target).item() == pytest.approx(expected, abs=1e-12)


def test_at_fpr_one_it_is_the_pairwise_loss():
    logits, target, index = fixed(6, 20)
    expected = PairwiseAUCLoss(26).double()(logits, target, index).item()
    loss_fn = SOPALoss(26, max_fpr=1.0).double()
    assert loss_fn(logits, target, index).item() == pytest.approx(expected, abs=1e-12)
    assert loss_fn.eval()(logits, target).item() == pytest.approx(expected, abs=1e-12)


def test_tiny_steps_converge_to_the_quantile_of_the_whole_set():
    """Batches know a quarter of the negatives; the threshold ends where the share β of all negatives is above."""
    torch.manual_seed(0)
    scores, target, _ = fixed(8, 200)
    loss_fn = SOPALoss(208, surrogate="logistic", max_fpr=0.25, dual_lr=0.01).double()
    for _ in range(10_000):
        index = torch.cat([torch.randperm(8)[:2], 8 + torch.randperm(200)[:50]])
        loss_fn(scores[index], target[index], index)
    losses = pair_losses(scores, target, "logistic")
    for nu, row in zip(loss_fn.threshold.value[:8].tolist(), losses, strict=True):
        assert mean(x > nu for x in row) == pytest.approx(0.25, abs=0.02)
        assert 0.25 * nu + mean(max(x - nu, 0) for x in row) == pytest.approx(cvar(row, 0.25), rel=1e-3)


def test_monitor_gives_the_tracked_objective():
    loss_fn = SOPALoss(26, gamma=0.25).double()
    assert math.isnan(loss_fn.monitor()["objective"])
    logits, target, index = fixed(6, 20)
    first, second = loss_fn(logits, target, index).item(), loss_fn(logits.flip(0), target, index).item()
    assert loss_fn.monitor()["objective"] == pytest.approx(0.75 * first + 0.25 * second, rel=1e-6)
    assert loss_fn.monitor()["seen"] == pytest.approx(6 / 26)
    for _ in range(1000):
        loss_fn(logits, target, index)
    expected = mean(cvar(row, 0.3) for row in pair_losses(logits, target))
    assert loss_fn.monitor()["objective"] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("activation", [None, "sigmoid"])
def test_it_raises_one_way_partial_auc_where_cross_entropy_looks_at_all_pairs(activation):
    generator = torch.Generator().manual_seed(0)
    seen, new = toys.impostors(400, generator), toys.impostors(2000, generator)
    losses = SOPALoss(400, toys.SEEDS, max_fpr=0.1, activation=activation), BCELoss(400, toys.SEEDS)
    ours, theirs = (toys.areas(toys.fitted(loss_fn, *seen, picks=(10, 54)), *new, max_fpr=0.1) for loss_fn in losses)
    assert toys.student_t(ours - theirs) > toys.SIGNIFICANT


@pytest.mark.parametrize("make", [SOPALoss, STACOLoss])
def test_a_threshold_that_strayed_starts_anew_from_the_batch(make):
    """Above e⁵ times all losses of the batch (and ℓ(0)); below, a step as ever. In several processes alike."""
    loss_fn = make(8, max_fpr=0.5, dual_lr=0.1).double()
    logits, target, index = fixed(2, 6)
    loss_fn.threshold(torch.zeros(2).double(), index[:2])
    loss_fn.threshold.value[:2] = torch.tensor([1e6, 50.0])
    sent = []
    loss_fn.threshold.exchange = lambda rows, values: sent.append(values) or (rows, values)
    loss_fn(logits, target, index)
    step = 0.5 * 0.1 * (1.0 if make is SOPALoss else loss_fn.weight.value[:2])
    start = torch.tensor([quantile(pair_losses(logits, target)[0], 0.5), 50.0]).double()
    torch.testing.assert_close(loss_fn.threshold.value[:2], start - step)
    torch.testing.assert_close(sent[0], start - step)  # the restart is part of what goes to the others
    assert loss_fn.threshold.seen[:2].all()
