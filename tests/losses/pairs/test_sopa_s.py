import math

import pytest
import torch

from tests.losses import toys
from xgraph.losses import BCELoss, SOPAsLoss

NAN = float("nan")
ELL = {
    "squared_hinge": (lambda s, m: max(m + s, 0.0) ** 2, lambda s, m: 2 * max(m + s, 0.0)),
    "hinge": (lambda s, m: max(m + s, 0.0), lambda s, m: float(m + s > 0)),
    "squared": (lambda s, m: (m + s) ** 2, lambda s, m: 2 * (m + s)),
    "logistic": (lambda s, m: math.log1p(math.exp(s)), lambda s, m: 1 / (1 + math.exp(-s))),
    "sigmoid": (lambda s, m: 1 / (1 + math.exp(-s)), lambda s, m: math.exp(-s) / (1 + math.exp(-s)) ** 2),
}


class Algorithm30:
    """The chapter's algorithm in linear space, one pair at a time in Python floats: u, the weights p and z."""

    def __init__(self, gamma, temperature, surrogate="squared_hinge", margin=1.0):
        self.gamma, self.tau, self.margin, self.u = gamma, temperature, margin, {}
        self.value, self.slope = ELL[surrogate]

    def step(self, scores, labels, index, task=0):
        """The loss and d loss / d scores of one task; None if the batch lacks a class."""
        positives = [i for i, y in enumerate(labels) if y == 1]
        negatives = [j for j, y in enumerate(labels) if y == 0]
        if not positives or not negatives:
            return None

        def exp(i, j):
            return math.exp(self.value(scores[j] - scores[i], self.margin) / self.tau)

        estimates = {}
        for i in positives:
            estimate = sum(exp(i, j) for j in negatives) / len(negatives)
            estimates.setdefault((index[i], task), []).append(estimate)
        for key, found in estimates.items():
            mean = sum(found) / len(found)
            old = self.u.get(key, mean)
            assert old < mean * math.exp(45)  # no state that far above is meant to survive
            self.u[key] = (1 - self.gamma) * old + self.gamma * mean
        z, loss = [0.0] * len(scores), 0.0
        for i in positives:
            u = self.u[(index[i], task)]
            loss += self.tau * math.log(u) / len(positives)
            for j in negatives:
                p = exp(i, j) / u
                slope = p * self.slope(scores[j] - scores[i], self.margin) / len(positives) / len(negatives)
                z[j] += slope
                z[i] -= slope
        return loss, z


def inner(scores, positive, negative, temperature, margin=1.0):
    """log mean_j exp(ℓ_ij / τ) of each positive, with the squared hinge."""
    ell = (margin + scores[negative][None] - scores[positive][:, None]).clamp_min(0) ** 2
    return (ell / temperature).exp().mean(1).log()


@pytest.mark.parametrize("surrogate", sorted(ELL))
def test_autograd_is_algorithm_30_over_100_steps_and_a_restore(surrogate):
    torch.manual_seed(0)
    options = {"surrogate": surrogate, "margin": 0.7, "gamma": 0.1, "temperature": 0.8}
    loss_fn = SOPAsLoss(40, **options).double()
    reference = Algorithm30(0.1, 0.8, surrogate, 0.7)
    for step in range(100):
        if step == 50:
            fresh = SOPAsLoss(40, **options).double()
            fresh.load_state_dict(loss_fn.state_dict())
            loss_fn = fresh
        index = torch.randperm(40)[:12]
        logits = (0.7 * torch.randn(12, dtype=torch.float64)).requires_grad_()
        target = (index < 10).double()
        expected = reference.step(logits.tolist(), target.tolist(), index.tolist())
        loss = loss_fn(logits, target, index)
        loss.backward()
        if expected is None:
            assert loss.item() == 0
            continue
        assert loss.item() == pytest.approx(expected[0], abs=1e-8)
        torch.testing.assert_close(logits.grad, torch.tensor(expected[1], dtype=torch.float64), atol=1e-8, rtol=1e-8)
    assert len(reference.u) == 10
    for (item, _), u in reference.u.items():
        assert loss_fn.track.value[item].exp().item() == pytest.approx(u, rel=1e-8)
    assert loss_fn.track.seen.nonzero().flatten().tolist() == list(range(10))


def test_tasks_with_missing_labels_and_duplicates_are_algorithm_30_per_task():
    """Mean over contributing tasks of each task's mean; a task that lacks a class keeps its state."""
    torch.manual_seed(1)
    tasks, items = 5, 15
    loss_fn = SOPAsLoss(items, tasks, gamma=0.3, temperature=1.5).double()
    reference = Algorithm30(0.3, 1.5)
    duplicates = 0
    for _ in range(100):
        index = torch.randint(items, (10,))
        logits = torch.randn(10, tasks, dtype=torch.float64, requires_grad=True)
        target = (torch.rand(10, tasks) < 0.3).double()
        target[torch.rand(10, tasks) < 0.3] = NAN
        target[:, 3] = 0
        target[:, 4] = 1
        results = {
            t: result
            for t in range(tasks)
            if (result := reference.step(logits[:, t].tolist(), target[:, t].tolist(), index.tolist(), t)) is not None
        }
        positives = index[target[:, 0] == 1]
        duplicates += len(positives) > len(positives.unique())
        loss = loss_fn(logits, target, index)
        loss.backward()
        expected = torch.zeros(10, tasks, dtype=torch.float64)
        for t, (_, z) in results.items():
            expected[:, t] = torch.tensor(z, dtype=torch.float64) / len(results)
        assert loss.item() == pytest.approx(sum(r[0] for r in results.values()) / max(len(results), 1), abs=1e-8)
        torch.testing.assert_close(logits.grad, expected, atol=1e-8, rtol=1e-8)
    assert duplicates > 5
    assert {task for _, task in reference.u} == {0, 1, 2}
    seen = {(int(row) // tasks, int(row) % tasks) for row in loss_fn.track.seen.nonzero()}
    assert seen == set(reference.u)
    for (item, task), u in reference.u.items():
        assert loss_fn.track.value[item * tasks + task].exp().item() == pytest.approx(u, rel=1e-8)


@pytest.mark.parametrize("training", [True, False])
def test_gamma_one_on_the_full_batch_is_the_closed_form(training):
    """(6.28); with γ = 1 in training, and with any γ and any history in evaluation."""
    torch.manual_seed(2)
    target = (torch.arange(30) < 7).double()
    loss_fn = SOPAsLoss(30, gamma=1.0 if training else 0.1, temperature=0.6).double()
    loss_fn(torch.randn(30).double(), target, torch.arange(30))
    loss_fn.train(training)
    logits = torch.randn(30, dtype=torch.float64, requires_grad=True)
    expected = 0.6 * inner(logits, target == 1, target == 0, 0.6).mean()
    loss = loss_fn(logits, target, torch.arange(30))
    assert loss.item() == pytest.approx(expected.item(), abs=1e-12)
    grads = [torch.autograd.grad(value, logits)[0] for value in (loss, expected)]
    torch.testing.assert_close(*grads, atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("surrogate", sorted(ELL))
def test_finite_differences_with_gamma_one(surrogate):
    torch.manual_seed(3)
    loss_fn = SOPAsLoss(10, 2, surrogate=surrogate, gamma=1.0, temperature=0.5).double()
    logits = torch.randn(10, 2, dtype=torch.float64, requires_grad=True)
    target = torch.tensor([[1.0, 0.0]] * 3 + [[0.0, 1.0]] * 6 + [[NAN, 0.0]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda scores: loss_fn(scores, target, torch.arange(10)), (logits,))


def test_evaluation_takes_each_task_by_itself():
    torch.manual_seed(4)
    logits = torch.randn(40, 3, dtype=torch.float64)
    target = (torch.rand(40, 3) < 0.3).double()
    target[torch.rand(40, 3) < 0.2] = NAN
    target[target[:, 2] == 1, 2] = NAN  # a task without positives
    terms = [0.5 * inner(logits[:, t], target[:, t] == 1, target[:, t] == 0, 0.5).mean() for t in (0, 1)]
    loss = SOPAsLoss(40, 3, temperature=0.5).double().eval()(logits, target)
    assert loss.item() == pytest.approx(sum(terms).item() / 2, abs=1e-12)


def test_the_temperature_leads_from_the_mean_to_the_maximum():
    logits = torch.randn(20, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    target = (torch.arange(20) < 5).double()
    ell = (1 + logits[5:][None] - logits[:5, None]).clamp_min(0) ** 2
    mild, sharp = (SOPAsLoss(20, temperature=t).double().eval()(logits, target).item() for t in (1e6, 1e-5))
    assert mild == pytest.approx(ell.mean().item(), rel=1e-4)
    assert sharp == pytest.approx(ell.amax(1).mean().item(), rel=1e-4)


def test_tiny_gamma_converges_to_the_inner_values_of_the_whole_set():
    torch.manual_seed(0)
    scores = 0.5 * torch.randn(50, dtype=torch.float64)
    target = (torch.arange(50) < 10).double()
    expected = inner(scores, target == 1, target == 0, 2.0)
    loss_fn = SOPAsLoss(50, gamma=0.002, temperature=2.0).double()
    for _ in range(10_000):
        index = torch.cat([torch.randperm(10)[:2], 10 + torch.randperm(40)[:8]])
        loss_fn(scores[index], target[index], index)
    error = (loss_fn.track.value[:10] - expected).expm1().abs()
    assert error.mean() < 0.04  # the noise that is left: (γ / 2)^½ of one batch's
    assert error.max() < 0.1


def test_an_item_far_above_its_newest_estimate_starts_anew_and_the_others_do_not():
    """441 above: e^441 / e^v of the gradient would be nothing for thousands of touches. 36 above: as Algorithm 30."""
    target, index = torch.tensor([1.0, 1.0, 0.0, 0.0]).double(), torch.arange(4)
    loss_fn = SOPAsLoss(4, gamma=0.1, temperature=1.0).double()
    loss_fn(torch.tensor([-20.0, -5.0, 0.0, 0.0]).double(), target, index)
    assert loss_fn.track.value[:2].tolist() == [441.0, 36.0]
    logits = torch.tensor([0.0, 0.5, 0.1, 0.2], dtype=torch.float64, requires_grad=True)
    loss_fn(logits, target, index).backward()
    q = inner(logits.detach(), target == 1, target == 0, 1.0).tolist()
    assert loss_fn.track.value[0].item() == pytest.approx(q[0], abs=1e-12)
    assert loss_fn.track.value[1].item() == pytest.approx(math.log(0.9 * math.exp(36) + 0.1 * math.exp(q[1])), abs=1e-9)
    fresh = SOPAsLoss(4).double()(logits, target, index)
    reference = torch.autograd.grad(fresh, logits)[0]
    assert logits.grad[0].item() == pytest.approx(reference[0].item(), abs=1e-12)
    assert abs(logits.grad[1]) < 1e-10


def test_max_lag_bounds_the_state():
    target, index = torch.tensor([1.0, 0.0]).double(), torch.arange(2)
    loss_fn = SOPAsLoss(2, gamma=0.1, max_lag=3.0).double()
    loss_fn(torch.tensor([-5.0, 0.0]).double(), target, index)
    loss_fn(torch.tensor([0.0, 0.0]).double(), target, index)
    assert loss_fn.track.value[0].item() == pytest.approx(1.0 + 3.0, abs=1e-12)


def test_a_temperature_of_a_thousandth_keeps_learning():
    """Every positive gets a push, though the states jump by thousands from batch to batch."""
    torch.manual_seed(6)
    loss_fn = SOPAsLoss(30, temperature=1e-3)
    target = (torch.arange(30) < 6).float()
    norms, references = [], []
    for _ in range(50):
        logits = torch.randn(30, requires_grad=True)
        loss = loss_fn(logits, target, torch.arange(30))
        plain = SOPAsLoss(30, temperature=1e-3).eval()(logits, target)
        assert loss.isfinite()
        norms.append(torch.autograd.grad(loss, logits)[0].norm())
        references.append(torch.autograd.grad(plain, logits)[0].norm())
    assert sum(norms) > 0.5 * sum(references)
    assert sum(norms) < 10 * sum(references)  # a weight is at most 1 / γ


def test_monitor_gives_the_tracked_objective():
    loss_fn = SOPAsLoss(20, gamma=1.0, temperature=0.5)
    assert math.isnan(loss_fn.monitor()["objective"])
    logits, target = torch.randn(20), (torch.arange(20) < 5).float()
    loss = loss_fn(logits, target, torch.arange(20))
    report = loss_fn.monitor()
    assert report["objective"] == pytest.approx(loss.item(), rel=1e-5)
    assert report["seen"] == 0.25
    assert report["stuck"] == 0.0


def test_it_raises_one_way_partial_auc_where_cross_entropy_looks_at_all_pairs():
    generator = torch.Generator().manual_seed(0)
    seen, new = toys.impostors(400, generator), toys.impostors(2000, generator)
    losses = SOPAsLoss(400, toys.SEEDS, gamma=0.5), BCELoss(400, toys.SEEDS)
    ours, theirs = (toys.areas(toys.fitted(loss_fn, *seen, picks=(10, 54)), *new, max_fpr=0.1) for loss_fn in losses)
    assert toys.student_t(ours - theirs) > toys.SIGNIFICANT
