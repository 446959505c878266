import math

import pytest
import torch

from tests.losses.references import EACH_SURROGATE, ELL, NAN, batches, follow, ragged, sides
from xgraph.losses import SOTAsLoss


class Algorithm32:
    """Algorithm 32 in linear space, one pair at a time in Python floats: u, v, the weights p and z."""

    def __init__(self, gamma, task_gamma, outer, inner, surrogate="squared_hinge", margin=1.0):
        self.gamma, self.task_gamma, self.outer, self.inner = gamma, task_gamma, outer, inner
        self.margin, self.u, self.v = margin, {}, {}
        self.value, self.slope = ELL[surrogate]

    def step(self, scores, labels, index, task=0):
        """The loss and d loss / d scores of one task; None if the batch does not hold both classes."""
        if (classes := sides(labels)) is None:
            return None
        positives, negatives = classes

        def exp(i, j):
            return math.exp(self.value(scores[j] - scores[i], self.margin) / self.inner)

        estimates = {}
        for i in positives:
            estimate = sum(exp(i, j) for j in negatives) / len(negatives)
            estimates.setdefault((index[i], task), []).append(estimate)
        for key, result in estimates.items():
            mean = sum(result) / len(result)
            old = self.u.get(key, mean)
            assert old < mean * math.exp(45)  # states this far above would have been restarted
            self.u[key] = (1 - self.gamma) * old + self.gamma * mean
        power = self.inner / self.outer
        mean = sum(self.u[(index[i], task)] ** power for i in positives) / len(positives)
        old = self.v.get(task, mean)
        assert old < mean * math.exp(45)
        v = self.v[task] = (1 - self.task_gamma) * old + self.task_gamma * mean
        z = [0.0] * len(scores)
        for i in positives:
            for j in negatives:
                p = exp(i, j) * self.u[(index[i], task)] ** (power - 1) / v
                slope = p * self.slope(scores[j] - scores[i], self.margin) / len(positives) / len(negatives)
                z[j] += slope
                z[i] -= slope
        return self.outer * math.log(v), z

    def tables(self):
        tasks = {(0, task): value for task, value in self.v.items()}
        return [("track", self.u, torch.exp), ("track_tasks", tasks, torch.exp)]


def closed(scores, positive, negative, outer, inner):
    """(6.33) with the squared hinge: the log of each positive's inner mean, and the objective."""
    ell = (1 + scores[negative][None] - scores[positive][:, None]).clamp_min(0) ** 2
    u = (ell / inner).exp().mean(1)
    return u.log(), outer * (u ** (inner / outer)).mean().log()


@EACH_SURROGATE
@pytest.mark.parametrize(("outer", "inner"), [(0.8, 1.3), (1.5, 0.9)])
def test_autograd_matches_algorithm_32_over_100_steps_and_a_restore(surrogate, outer, inner):
    options = {"surrogate": surrogate, "margin": 0.7, "gamma": 0.1, "task_gamma": 0.25}
    options |= {"pos_temperature": outer, "neg_temperature": inner}
    reference = Algorithm32(0.1, 0.25, outer, inner, surrogate, 0.7)
    follow(lambda: SOTAsLoss(40, **options).double(), reference, batches(spread=0.7))


def test_each_task_matches_algorithm_32_with_missing_labels_and_duplicates():
    options = {"gamma": 0.3, "task_gamma": 0.15, "pos_temperature": 1.2, "neg_temperature": 1.7}
    follow(lambda: SOTAsLoss(15, 5, **options).double(), Algorithm32(0.3, 0.15, 1.2, 1.7), ragged(spread=1.2))


def test_task_gamma_defaults_to_gamma():
    torch.manual_seed(2)
    target = (torch.arange(12) < 4).double()
    losses = [SOTAsLoss(12, gamma=0.3, task_gamma=g).double() for g in (None, 0.3, 0.9)]
    for _ in range(3):
        logits = torch.randn(12, dtype=torch.float64)
        values = [loss_fn(logits, target, torch.arange(12)).item() for loss_fn in losses]
    assert values[0] == values[1]
    assert values[0] != pytest.approx(values[2], rel=1e-3)


@pytest.mark.parametrize("training", [True, False])
def test_gamma_one_on_the_full_batch_equals_the_closed_form(training):
    """(6.33) holds with γ = 1 in training, and with any γ and any history in evaluation."""
    torch.manual_seed(2)
    target = (torch.arange(30) < 7).double()
    gamma = 1.0 if training else 0.1
    loss_fn = SOTAsLoss(30, gamma=gamma, pos_temperature=0.6, neg_temperature=0.9).double()
    loss_fn(torch.randn(30).double(), target, torch.arange(30))
    loss_fn.train(training)
    logits = torch.randn(30, dtype=torch.float64, requires_grad=True)
    _, expected = closed(logits, target == 1, target == 0, 0.6, 0.9)
    loss = loss_fn(logits, target, torch.arange(30))
    assert loss.item() == pytest.approx(expected.item(), abs=1e-12)
    grads = [torch.autograd.grad(value, logits)[0] for value in (loss, expected)]
    torch.testing.assert_close(*grads, atol=1e-12, rtol=1e-12)


def test_eval_treats_tasks_separately():
    torch.manual_seed(4)
    logits = torch.randn(40, 3, dtype=torch.float64)
    target = (torch.rand(40, 3) < 0.3).double()
    target[torch.rand(40, 3) < 0.2] = NAN
    target[target[:, 2] == 1, 2] = NAN  # a task without positives
    terms = [closed(logits[:, t], target[:, t] == 1, target[:, t] == 0, 0.5, 0.7)[1] for t in (0, 1)]
    loss = SOTAsLoss(40, 3, pos_temperature=0.5, neg_temperature=0.7).double().eval()(logits, target)
    assert loss.item() == pytest.approx(sum(terms).item() / 2, abs=1e-12)


def test_each_temperature_acts_on_its_own_class():
    """The outer one interpolates between the mean and the worst of the positives, the inner one over the negatives."""
    logits = torch.randn(20, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    target = (torch.arange(20) < 5).double()
    ell = (1 + logits[5:][None] - logits[:5, None]).clamp_min(0) ** 2

    def value(outer, inner):
        loss_fn = SOTAsLoss(20, pos_temperature=outer, neg_temperature=inner).double().eval()
        return loss_fn(logits, target).item()

    mild, sharp = 1e5, 1e-3
    assert value(mild, mild) == pytest.approx(ell.mean().item(), rel=1e-3)
    assert value(mild, sharp) == pytest.approx(ell.amax(1).mean().item(), rel=1e-2)
    assert value(sharp, mild) == pytest.approx(ell.mean(1).max().item(), rel=1e-2)
    assert value(sharp, sharp) == pytest.approx(ell.max().item(), rel=1e-2)


def test_small_gamma_converges_to_the_inner_values_of_the_whole_data_set():
    torch.manual_seed(0)
    scores = 0.5 * torch.randn(50, dtype=torch.float64)
    target = (torch.arange(50) < 10).double()
    inner, objective = closed(scores, target == 1, target == 0, 1.5, 2.0)
    loss_fn = SOTAsLoss(50, gamma=0.01, task_gamma=0.01, pos_temperature=1.5, neg_temperature=2.0).double()
    for _ in range(2_000):
        index = torch.cat([torch.randperm(10)[:2], 10 + torch.randperm(40)[:8]])
        loss_fn(scores[index], target[index], index)
    error = (loss_fn.track.value[:10] - inner).expm1().abs()
    assert error.mean() < 0.09  # remaining noise: (γ / 2)^½ times that of one batch
    assert error.max() < 0.22
    assert (loss_fn.track_tasks.value[0] - objective / 1.5).expm1().abs() < 0.18


def test_states_far_above_their_newest_estimates_restart():
    target, index = torch.tensor([1.0, 1.0, 0.0, 0.0]).double(), torch.arange(4)
    loss_fn = SOTAsLoss(4, gamma=0.1).double()
    loss_fn(torch.tensor([-20.0, 0.0, 0.0, 0.0]).double(), target, index)
    assert loss_fn.track.value[:2].tolist() == [441.0, 1.0]
    assert loss_fn.track_tasks.value[0].item() == pytest.approx(441 - math.log(2), abs=1e-9)
    logits = torch.tensor([0.0, 0.5, 0.1, 0.2], dtype=torch.float64, requires_grad=True)
    loss_fn(logits, target, index).backward()
    q = closed(logits.detach(), target == 1, target == 0, 1.0, 1.0)[0].exp().tolist()
    u = [q[0], 0.9 * math.e + 0.1 * q[1]]  # the first restarts, the second is blended
    assert loss_fn.track.value[:2].exp().tolist() == pytest.approx(u, abs=1e-12)
    assert loss_fn.track_tasks.value[0].exp().item() == pytest.approx(sum(u) / 2, abs=1e-12)
    assert logits.grad.norm() > 0.1


def test_task_scalar_restarts_independently():
    """The extreme item is only in the first batch: the other items' states are right, only the scalar is far above."""
    target = torch.tensor([1.0, 0.0]).double()
    loss_fn = SOTAsLoss(3, gamma=0.1).double()
    loss_fn(torch.tensor([-20.0, 0.0]).double(), target, torch.tensor([0, 2]))
    logits = torch.tensor([0.0, 0.0], dtype=torch.float64, requires_grad=True)
    loss = loss_fn(logits, target, torch.tensor([1, 2]))
    loss.backward()
    assert loss.item() == pytest.approx(1.0, abs=1e-12)
    assert logits.grad.tolist() == pytest.approx([-2.0, 2.0], abs=1e-12)
    assert loss_fn.track.value[0] == 441


def test_monitor_reports_stuck_tasks():
    """The task's scalar stems from an earlier batch, while its items' states are up to date."""
    loss_fn = SOTAsLoss(3, gamma=0.1)
    target = torch.tensor([1.0, 0.0])
    loss_fn(torch.tensor([-3.5, 0.0]), target, torch.tensor([0, 2]))
    assert loss_fn.monitor()["task_stuck"] == 0.0
    loss_fn(torch.tensor([0.0, 0.0]), target, torch.tensor([1, 2]))
    assert loss_fn.monitor()["stuck"] == 0.0
    assert loss_fn.monitor()["task_stuck"] == 1.0


@pytest.mark.parametrize(
    ("scale", "options"),
    [
        (5.0, {}),
        (20.0, {}),
        (10.0, {"activation": "sigmoid", "pos_temperature": 0.05, "neg_temperature": 0.05}),
        (1e4, {"activation": "sigmoid", "pos_temperature": 0.05, "neg_temperature": 0.05}),
    ],
)
def test_recovers_within_a_few_steps_from_an_extreme_batch(scale, options):
    target, index = (torch.arange(20) % 3 == 0).float(), torch.arange(20)
    features = torch.randn(20, 3, generator=torch.Generator().manual_seed(3))
    loss_fn, noise = SOTAsLoss(20, **options), torch.Generator().manual_seed(0)
    weight = torch.tensor([0.3, -0.2, 0.1], requires_grad=True)

    def slope(scale):
        logits = (features + 0.1 * torch.randn(20, 3, generator=noise)) @ weight * scale
        return torch.autograd.grad(loss_fn(logits, target, index), weight)[0].norm()

    ordinary = [slope(1.0) for _ in range(50)][-1]
    slope(scale)
    after = [slope(1.0) for _ in range(250)]
    assert all(slope > 0.05 * ordinary for slope in after[-20:])
