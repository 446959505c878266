import math

import pytest
import torch
from torch.nn import functional as F

from tests.losses import toys
from tests.losses.cases import tables, unchanged
from tests.losses.references import EACH_SURROGATE, ELL, NAN, batches, follow, ragged
from xgraph.losses import BCELoss, GroupDROLoss


def smoothed(g, epsilon):
    """f_ε and its derivative, piecewise."""
    if g >= epsilon:
        return g - epsilon / 2, 1.0
    return (g * g / (2 * epsilon), g / epsilon) if g > 0 else (0.0, 0.0)


class Algorithm25:
    """Algorithm 25, one sample at a time in Python floats."""

    def __init__(self, groups, gamma, alpha, epsilon, dual_lr, surrogate="logistic", margin=1.0):
        self.groups, self.gamma, self.alpha, self.epsilon, self.dual_lr = groups, gamma, alpha, epsilon, dual_lr
        self.margin, self.u, self.nu, self.pieces = margin, {}, {}, set()
        self.value, self.slope = ELL[surrogate]

    def step(self, scores, labels, index, task=0):
        """The loss and d loss / d scores of one task; None if the batch has no labels for it."""
        members = {}
        for i, y in enumerate(labels):
            if y == y:
                members.setdefault(self.groups[index[i]], []).append(i)
        if not members:
            return None
        signs = [-1 if y == 1 else 1 for y in labels]  # a positive should score high
        nu = self.nu.get(task, 0.0)
        z, loss, pressure = [0.0] * len(scores), self.alpha * nu, 0.0
        for group, rows in members.items():
            mean = sum(self.value(signs[i] * scores[i], self.margin) for i in rows) / len(rows)
            old = self.u.get((group, task), mean)
            u = self.u[(group, task)] = (1 - self.gamma) * old + self.gamma * mean
            f, slope = smoothed(u - nu, self.epsilon)
            self.pieces.add(slope if slope in (0.0, 1.0) else 0.5)
            loss += f / len(members)
            pressure += slope / len(members)
            for i in rows:
                own = signs[i] * self.slope(signs[i] * scores[i], self.margin) / len(rows)
                z[i] += slope * own / len(members)
        self.nu[task] = nu - self.dual_lr * (self.alpha - pressure)
        return loss, z

    def tables(self):
        thresholds = {(0, task): nu for task, nu in self.nu.items()}
        return [("track", self.u, lambda value: value), ("threshold", thresholds, lambda value: value)]


def closed(values, alpha, epsilon):
    """(6.19) at its optimum in ν, found by bisection of the derivative."""
    low, high = min(values) - epsilon - 1, max(values) + 1
    for _ in range(200):
        nu = (low + high) / 2
        if sum(smoothed(v - nu, epsilon)[1] for v in values) / len(values) > alpha:
            low = nu
        else:
            high = nu
    return sum(smoothed(v - nu, epsilon)[0] for v in values) / len(values) + alpha * nu, nu


def cross_entropy(logits, target):
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none")


@EACH_SURROGATE
def test_autograd_matches_algorithm_25_over_100_steps_and_a_restore(surrogate):
    groups = torch.arange(40) % 7
    options = {"surrogate": surrogate, "margin": 0.7, "gamma": 0.2, "alpha": 0.4, "epsilon": 0.3, "dual_lr": 0.2}
    reference = Algorithm25(groups.tolist(), 0.2, 0.4, 0.3, 0.2, surrogate, 0.7)
    follow(lambda: GroupDROLoss(40, groups=groups, **options).double(), reference, batches(size=9))
    assert reference.pieces == {0.0, 0.5, 1.0}  # every piece of f_ε was used


def test_each_task_matches_algorithm_25_with_missing_labels_and_duplicates():
    """A label of either class is enough; groups without labels are left out; a task without labels keeps u and ν."""
    groups = torch.arange(15) * 7 % 5
    options = {"gamma": 0.3, "alpha": 0.3, "epsilon": 0.2, "dual_lr": 0.15}
    reference = Algorithm25(groups.tolist(), **options)
    options["groups"] = groups
    follow(lambda: GroupDROLoss(15, 5, **options).double(), reference, ragged(100, size=5, missing=0.5, empty=True))
    assert set(reference.nu) == {0, 1, 2, 3}


@pytest.mark.parametrize("alpha", [0.25, 0.6, 1.0])
def test_gamma_one_on_the_full_batch_converges_to_6_19(alpha):
    torch.manual_seed(2)
    groups = torch.arange(40) % 8
    logits = (3 * torch.randn(40, dtype=torch.float64)).requires_grad_()
    target = (torch.rand(40) < 0.5).double()
    values = [cross_entropy(logits, target)[groups == k].mean().item() for k in range(8)]
    expected, nu = closed(values, alpha, 0.1)
    loss_fn = GroupDROLoss(40, groups=groups, gamma=1.0, alpha=alpha, epsilon=0.1, dual_lr=0.05).double()
    for _ in range(1000):
        loss = loss_fn(logits, target, torch.arange(40))
    assert loss.item() == pytest.approx(expected, abs=1e-6)
    if alpha < 1:  # at α = 1 every ν below all L_k − ε is optimal
        assert loss_fn.threshold.value[0].item() == pytest.approx(nu, abs=1e-4)
    # (6.17): α times the mean loss of the worst share α of the groups, up to the smoothing
    count = round(8 * alpha)
    if count == 8 * alpha:
        worst = sum(sorted(values)[-count:]) / count
        assert loss.item() == pytest.approx(alpha * worst, abs=0.1 / 2 + 1e-6)
    loss.backward()
    shares = torch.stack([logits.grad[groups == k].abs().sum() for k in range(8)])
    idle = [v + 1e-9 < nu for v in values]
    assert [(s == 0).item() for s in shares] == idle
    assert any(idle) == (alpha < 1)


def test_eval_depends_on_the_batch_only():
    """(6.19) with the batch's own group means; the tracked values are not used."""
    torch.manual_seed(3)
    groups = torch.arange(40) % 8
    options = {"groups": groups, "alpha": 0.25, "epsilon": 0.1}
    loss_fn = GroupDROLoss(40, 2, **options).double()
    for _ in range(5):
        index = torch.randperm(40)[:20]
        loss_fn(torch.randn(20, 2).double(), (torch.rand(20, 2) < 0.5).double(), index)
    before = tables(loss_fn)
    loss_fn.eval()
    index = torch.randperm(40)[:20]
    logits = torch.randn(20, 2, dtype=torch.float64)
    target = (torch.rand(20, 2) < 0.5).double()
    target[:4, 1] = NAN
    expected = 0.0
    for task in (0, 1):
        known = ~target[:, task].isnan()
        losses, own = cross_entropy(logits[known, task], target[known, task]), groups[index[known]]
        values = [losses[own == k].mean().item() for k in own.unique()]
        expected += closed(values, 0.25, 0.1)[0] / 2
    assert loss_fn(logits, target, index).item() == pytest.approx(expected, abs=1e-6)
    assert unchanged(before, loss_fn)


def test_alpha_one_is_the_mean_over_groups_of_any_size():
    torch.manual_seed(5)
    groups = torch.tensor([0] * 27 + [1] * 2 + [2])
    logits, target = torch.randn(30, dtype=torch.float64), (torch.rand(30) < 0.5).double()
    losses = cross_entropy(logits, target)
    expected = sum(losses[groups == k].mean() for k in range(3)) / 3
    loss_fn = GroupDROLoss(30, groups=groups, gamma=1.0, alpha=1.0, epsilon=1e-4).double()
    assert loss_fn(logits, target, torch.arange(30)).item() == pytest.approx(expected.item(), abs=1e-4)


def test_small_gamma_converges_to_the_losses_of_the_groups():
    """With small steps, ν converges to the optimum of (6.19) if all groups are drawn equally often."""
    torch.manual_seed(0)
    groups = torch.arange(200) % 10
    logits = torch.randn(200, dtype=torch.float64) * (1 + groups)
    target = (torch.rand(200) < 0.5).double()
    values = torch.stack([cross_entropy(logits, target)[groups == k].mean() for k in range(10)])
    options = {"gamma": 0.008, "alpha": 0.3, "epsilon": 0.5, "dual_lr": 0.03}
    loss_fn = GroupDROLoss(200, groups=groups, **options).double()
    for _ in range(2_000):
        picked = torch.randperm(10)[:4]
        index = (picked[:, None] + 10 * torch.randint(20, (4, 3))).flatten()
        loss_fn(logits[index], target[index], index)
    error = (loss_fn.track.value / values - 1).abs()
    assert error.mean() < 0.08
    assert error.max() < 0.25
    _, nu = closed(loss_fn.track.value.tolist(), 0.3, 0.5)
    assert loss_fn.threshold.value[0].item() == pytest.approx(nu, abs=0.25)
    assert nu > 0.5


def test_only_groups_far_above_their_newest_loss_restart():
    """Above e⁵ times (its newest loss + ℓ(0)) it restarts; below, Algorithm 25 applies."""
    loss_fn = GroupDROLoss(4, groups=torch.tensor([0, 0, 1, 1]), gamma=0.1).double()
    index, target = torch.arange(4), torch.ones(4)
    loss_fn(torch.tensor([-1e4, -1e4, -100.0, -100.0]).double(), target, index)
    assert loss_fn.track.value.tolist() == pytest.approx([1e4, 100.0], abs=1e-9)
    loss_fn(torch.zeros(4).double(), target, index)
    assert loss_fn.track.value.tolist() == pytest.approx([math.log(2), 90 + 0.1 * math.log(2)], abs=1e-9)


def test_monitor_reports_the_tracked_objective():
    torch.manual_seed(7)
    groups = torch.arange(20) % 4
    loss_fn = GroupDROLoss(20, groups=groups, gamma=1.0, alpha=0.5)
    assert math.isnan(loss_fn.monitor()["objective"])
    logits, target = torch.randn(20), (torch.arange(20) < 9).float()
    index = torch.arange(20)[groups != 3]
    for _ in range(800):
        loss = loss_fn(logits[index], target[index], index)
    report = loss_fn.monitor()
    assert report["objective"] == pytest.approx(loss.item(), rel=1e-4)
    assert report["seen"] == 0.75


def test_index_is_required_in_eval_mode_too():
    loss_fn = GroupDROLoss(6, groups=torch.arange(6) % 2)
    for mode in (True, False):
        with pytest.raises(ValueError, match="index is required"):
            loss_fn.train(mode)(torch.randn(6), (torch.arange(6) < 2).float())


def test_groups_can_be_of_any_integer_type():
    index, logits, target = torch.arange(5), torch.randn(5), torch.tensor([1.0, 0, 0, 1, 0])
    values = [
        GroupDROLoss(5, groups=torch.tensor([0, 1, 2, 1, 0], dtype=kind))(logits, target, index).item()
        for kind in (torch.int64, torch.int32, torch.uint8)
    ]
    assert values[0] == values[1] == values[2]


@pytest.mark.parametrize(
    ("groups", "error", "message"),
    [
        (torch.zeros(5), TypeError, "groups must be a tensor of integers.*got torch.float32"),
        (torch.zeros(5, dtype=torch.bool), TypeError, "groups must be a tensor of integers.*got torch.bool"),
        ([0, 1, 0, 1, 0], TypeError, "groups must be a tensor of integers.*got list"),
        (torch.arange(4), ValueError, r"groups must have the shape \[5\].*got \[4\]"),
        (torch.zeros(5, 1, dtype=torch.long), ValueError, r"groups must have the shape \[5\].*got \[5, 1\]"),
        (torch.tensor([0, 1, -2, 1, 0]), ValueError, "groups must be integers from 0, or -1 .*, got -2"),
        (torch.full((5,), -1), ValueError, "groups must assign at least one item"),
    ],
)
def test_invalid_groups_are_rejected(groups, error, message):
    with pytest.raises(error, match=message):
        GroupDROLoss(5, groups=groups)


def test_group_numbers_can_be_arbitrary():
    """Only the partition of the items matters, and memory depends on the number of groups."""
    small, large = torch.tensor([0, 2, 1, 2, 0, 1]), torch.tensor([3, 10**13, 7, 10**13, 3, 7])
    one, other = GroupDROLoss(6, groups=small), GroupDROLoss(6, groups=large)
    assert one.num_groups == other.num_groups == 3
    for seed in range(5):
        logits = torch.randn(6, generator=torch.Generator().manual_seed(seed))
        target = (torch.arange(6) < 3).float()
        assert torch.equal(one(logits, target, torch.arange(6)), other(logits, target, torch.arange(6)))


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_items_without_a_group_are_ignored(mode):
    groups = torch.tensor([4, -1, 9, 4, -1, 9, -1])
    kept = groups >= 0
    whole, part = GroupDROLoss(7, 2, groups=groups), GroupDROLoss(4, 2, groups=groups[kept])
    for loss_fn in (whole, part):
        loss_fn.train(mode == "train")
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        logits = torch.randn(7, 2, generator=generator, requires_grad=True)
        target = (torch.rand(7, 2, generator=generator) < 0.5).float()
        loss = whole(logits, target, torch.arange(7))
        torch.testing.assert_close(loss, part(logits[kept], target[kept], torch.arange(4)))
        (grad,) = torch.autograd.grad(loss, logits)
        assert not grad[~kept].any()
        assert grad[kept].any()
        torch.testing.assert_close(whole.reduce(logits, torch.arange(7)), part.reduce(logits[kept], torch.arange(4)))
    alone = whole(logits[~kept], target[~kept], torch.arange(7)[~kept])
    assert alone.item() == 0


def test_negative_losses_are_averaged_like_others():
    loss_fn = GroupDROLoss(2, groups=torch.tensor([0, 1]), gamma=0.1).double()
    for values in ([-2.0, 3.0], [-4.0, 5.0]):
        loss_fn.reduce(torch.tensor(values).double(), torch.arange(2))
    assert loss_fn.track.value.tolist() == pytest.approx([-2.2, 3.2])


def test_processes_agree_on_restarting_a_group():
    groups, index, target = torch.tensor([0, 0, 1, 1]), torch.arange(4), torch.ones(4)
    first, second = (GroupDROLoss(4, groups=groups, gamma=0.1) for _ in range(2))
    wild, calm = torch.tensor([-1e4, -1e4, -1.0, -1.0]), torch.zeros(4)
    for loss_fn in (first, second):
        loss_fn(wild, target, index)
    sent = []
    second.track.exchange = lambda *rows: sent.append(rows) or rows
    second(0.9 * wild, target, index)  # this process still sees extreme losses
    first.track.exchange = lambda *rows: tuple(torch.cat(pair) for pair in zip(rows, sent[0], strict=True))
    first(calm, target, index)  # the other does not: the mean of both is not far below
    assert first.track.value[0].item() == pytest.approx(0.9 * 1e4 + 0.1 * 4500, rel=1e-3)
    assert first.track.seen.all()


def test_best_threshold_of_many_groups_uses_little_memory():
    """Memory quadratic in the number of groups would be 300 MiB here."""
    from xgraph.losses.robust.group_dro import best_threshold

    level = torch.randn(2, 6000, generator=torch.Generator().manual_seed(0))
    level[1, ::3] = -torch.inf
    with torch.profiler.profile(profile_memory=True, activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        result = best_threshold(level, 0.2, 0.1)
    assert max(event.cpu_memory_usage for event in profile.events()) < 2**20
    for row, nu in zip(level, result, strict=True):
        slope = ((row[row > -torch.inf] - nu).clamp(0, 0.1) / 0.1).double().mean()
        assert slope.item() == pytest.approx(0.2, abs=1e-4)


@pytest.mark.parametrize(("alpha", "epsilon"), [(0.2, 0.1), (0.05, 1e-3), (0.5, 5.0), (0.99, 0.1), (1.0, 0.1)])
def test_best_threshold_matches_bisection(alpha, epsilon):
    from xgraph.losses.robust.group_dro import best_threshold

    generator = torch.Generator().manual_seed(0)
    for count in (1, 2, 7, 30):
        level = torch.randn(4, count, generator=generator).double() * 3
        level[1, count // 2 :][1:] = -torch.inf
        level[2] = 1.0
        for row, nu in zip(level, best_threshold(level, alpha, epsilon).tolist(), strict=True):
            values = row[row > -torch.inf].tolist()
            value = sum(smoothed(v - nu, epsilon)[0] for v in values) / len(values) + alpha * nu
            assert value == pytest.approx(closed(values, alpha, epsilon)[0], abs=1e-5)


def conflicting(count, generator):
    """Three groups need one direction, the fourth another; a linear model cannot fit all of them."""
    groups = torch.arange(count) % 4
    x = torch.randn(toys.SEEDS, count, 3, generator=generator)
    x[..., 2] = 1
    truth = torch.tensor([[2.0, 0.0, 0.0]] * 3 + [[-1.0, 2.0, 0.0]])
    noise = 0.3 * torch.randn(toys.SEEDS, count, generator=generator)
    return x, ((x * truth[groups]).sum(2) + noise > 0).float().t(), groups


def fitted(loss_fn, x, target, groups):
    """Linear models after 300 batches of 4 groups × 12 items."""
    generator = torch.Generator().manual_seed(0)
    weight = torch.zeros(toys.SEEDS, 3, requires_grad=True)
    optimiser = torch.optim.Adam([weight], lr=0.05)
    members = [(groups == k).nonzero().flatten() for k in range(4)]
    for _ in range(300):
        index = torch.cat([m[torch.randint(len(m), (12,), generator=generator)] for m in members])
        optimiser.zero_grad()
        loss_fn(torch.einsum("snd,sd->ns", x[:, index], weight), target[index], index).backward()
        optimiser.step()
    return weight.detach()


def test_worst_group_improves_over_cross_entropy():
    """Same model, batches and steps for both losses; all groups are drawn equally often."""
    generator = torch.Generator().manual_seed(0)
    x, target, groups = conflicting(400, generator)
    others, truth, kinds = conflicting(2000, generator)
    worst = []
    for loss_fn in (GroupDROLoss(400, toys.SEEDS, groups=groups, alpha=0.3), BCELoss(400, toys.SEEDS)):
        losses = cross_entropy(torch.einsum("snd,sd->ns", others, fitted(loss_fn, x, target, groups)), truth)
        worst.append(torch.stack([losses[kinds == k].mean(0) for k in range(4)]).amax(0))
    assert toys.student_t(worst[1] - worst[0]) > toys.SIGNIFICANT
