import itertools
import math

import pytest
import torch

from tests.losses.cases import tables, unchanged
from tests.losses.references import EACH_SURROGATE, ELL, follow, holes, mean, ragged, sides
from xgraph.losses import AUCMarginLoss, PairwiseAUCLoss


class Algorithm27:
    """Algorithm 27 for the squared hinge in Python floats: a, b, α and the vanilla gradient estimator z."""

    def __init__(self, gamma, dual_lr, margin=1.0):
        self.gamma, self.tau, self.margin = gamma, dual_lr, margin
        self.a, self.b, self.alpha, self.alphas = {}, {}, {}, []

    def step(self, scores, labels, index=None, task=0):
        """The loss and d loss / d scores of one task; None if the batch does not hold both classes."""
        if (classes := sides(labels)) is None:
            return None
        positives, negatives = classes
        high, low = mean(scores[i] for i in positives), mean(scores[j] for j in negatives)
        a, b = self.a.get(task, high), self.b.get(task, low)
        value, alpha = self.term(task, low - high)
        z = [0.0] * len(scores)
        for i in positives:
            value += (scores[i] - a) ** 2 / len(positives)
            z[i] = (2 * (scores[i] - a) - alpha) / len(positives)
        for j in negatives:
            value += (scores[j] - b) ** 2 / len(negatives)
            z[j] = (2 * (scores[j] - b) + alpha) / len(negatives)
        self.a[task] = (1 - self.gamma) * a + self.gamma * high
        self.b[task] = (1 - self.gamma) * b + self.gamma * low
        return value, z

    def term(self, task, s):
        """The third term of (6.21) at the previous α, and that α; then update α."""
        alpha = self.alpha.get(task, 0.0)
        self.alphas.append(alpha)
        self.alpha[task] = max((1 - self.tau / 2) * alpha + self.tau * (self.margin + s), 0.0)
        return alpha * (self.margin + s) - alpha**2 / 4, alpha

    def tables(self):
        return [("means", {(0, task): [self.a[task], self.b[task]] for task in self.a}, lambda value: value)]


class AnySurrogate(Algorithm27):
    """The same for any f, by the tangent at u: α = f'(u), and the term is f(u) + f'(u) (s − u)."""

    def __init__(self, gamma, dual_lr, surrogate, margin=1.0):
        super().__init__(gamma, dual_lr, margin)
        self.f, self.slope = ELL[surrogate]
        self.start = -margin if surrogate in ("squared_hinge", "hinge", "squared") else None
        self.least = -margin if surrogate in ("squared_hinge", "hinge") else -math.inf
        self.u = {}

    def term(self, task, s):
        u = self.u.get(task, s if self.start is None else self.start)
        self.u[task] = max(u + self.tau / 2 * (s - u), self.least)
        self.alpha[task] = self.slope(self.u[task], self.margin)
        alpha = self.slope(u, self.margin)
        self.alphas.append(alpha)
        return self.f(u, self.margin) + alpha * (s - u), alpha


def closed_form(scores, target, surrogate="squared_hinge", margin=1.0):
    """(6.20) at the optimal a and b."""
    high, low = scores[target == 1], scores[target == 0]
    squares = high.var(correction=0) + low.var(correction=0)
    return squares.item() + ELL[surrogate][0]((low.mean() - high.mean()).item(), margin)


def wandering(steps, separation=0.0, seed=0, size=12):
    """Scores that drift apart and together, so that α reaches its bound and leaves it again."""
    generator = torch.Generator().manual_seed(seed)
    for step in range(steps):
        target = (torch.rand(size, 1, generator=generator) < 0.4).double()
        shift = separation * math.sin(step / 8)
        logits = shift * target + torch.randn(size, 1, generator=generator, dtype=torch.float64)
        yield logits, target, torch.randperm(40, generator=generator)[:size]


def agree(loss_fn, reference):
    expected = [reference.alpha.get(task, 0.0) for task in range(loss_fn.num_tasks)]
    assert loss_fn.alpha.tolist() == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("dual_lr", [0.05, 0.5, 2.0])
def test_autograd_matches_algorithm_27_over_100_steps_and_a_restore(dual_lr):
    options, reference = {"margin": 0.7, "gamma": 0.2, "dual_lr": dual_lr}, Algorithm27(0.2, dual_lr, 0.7)
    agree(follow(lambda: AUCMarginLoss(40, **options).double(), reference, wandering(100, 2.1)), reference)
    if dual_lr >= 0.5:
        alphas = reference.alphas[1:]  # the first one is the start, 0
        assert min(alphas) == 0 < max(alphas)
        assert any(b > a == 0 for a, b in itertools.pairwise(alphas))  # α leaves its bound again


@EACH_SURROGATE
def test_autograd_matches_the_tangent_form_for_any_surrogate(surrogate):
    options = {"surrogate": surrogate, "margin": 0.7, "gamma": 0.2, "dual_lr": 0.5}
    reference = AnySurrogate(0.2, 0.5, surrogate, 0.7)
    agree(follow(lambda: AUCMarginLoss(40, **options).double(), reference, wandering(100, 2.1)), reference)
    assert len(set(reference.alphas)) > 1


def test_tangent_form_of_the_squared_hinge_equals_algorithm_27():
    """Checks the references against each other: α = 2 (m + u)."""
    one, other = Algorithm27(0.2, 0.5, 0.7), AnySurrogate(0.2, 0.5, "squared_hinge", 0.7)
    for logits, target, _ in wandering(100, separation=2.0):
        a, b = (reference.step(logits[:, 0].tolist(), target[:, 0].tolist()) for reference in (one, other))
        if a is not None:
            assert a[0] == pytest.approx(b[0], abs=1e-12)
            assert a[1] == pytest.approx(b[1], abs=1e-12)
            assert one.alpha[0] == pytest.approx(other.alpha[0], abs=1e-12)


@pytest.mark.parametrize("surrogate", ["squared_hinge", "logistic"])
def test_each_task_has_its_own_state_with_missing_labels_and_duplicates(surrogate):
    """The class means count rows, not items."""
    options, reference = {"surrogate": surrogate, "gamma": 0.3, "dual_lr": 0.4}, AnySurrogate(0.3, 0.4, surrogate)
    agree(follow(lambda: AUCMarginLoss(15, 5, **options).double(), reference, ragged(missing=0.4)), reference)


def test_first_step_minimises_the_variances_only():
    """a and b are the batch's means and α = 0: the loss is the two variances."""
    logits, target, _ = next(wandering(1))
    loss = AUCMarginLoss(12).double()(logits, target)
    expected = logits[target == 1].var(correction=0) + logits[target == 0].var(correction=0)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-12)


@pytest.mark.parametrize("apart", [0.0, 3.0])
@EACH_SURROGATE
def test_full_batches_converge_to_the_closed_form(surrogate, apart):
    torch.manual_seed(0)
    target = (torch.arange(30) < 8).double()
    logits = torch.randn(30, dtype=torch.float64) + apart * target
    loss_fn = AUCMarginLoss(30, surrogate=surrogate, gamma=0.2, dual_lr=0.2).double()
    loss_fn(torch.randn(30, dtype=torch.float64), target)
    for _ in range(400):
        loss = loss_fn(logits, target)
    assert loss.item() == pytest.approx(closed_form(logits, target, surrogate), abs=1e-10)
    s = (logits[8:].mean() - logits[:8].mean()).item()
    assert loss_fn.alpha.item() == pytest.approx(ELL[surrogate][1](s, 1.0), abs=1e-10)


def test_squared_surrogate_gives_the_pairwise_loss_at_the_optimum():
    """As section 6.4.1 says of the AUC square loss; α can be negative here."""
    torch.manual_seed(0)
    target = (torch.arange(30) < 8).double()
    for apart in (0.0, 3.0):
        logits = torch.randn(30, dtype=torch.float64) + apart * target
        loss_fn = AUCMarginLoss(30, surrogate="squared", dual_lr=0.2).double()
        for _ in range(400):
            loss = loss_fn(logits, target)
        expected = PairwiseAUCLoss(30, surrogate="squared").double()(logits, target)
        assert loss.item() == pytest.approx(expected.item(), abs=1e-10)


@EACH_SURROGATE
def test_eval_gives_the_closed_form(surrogate):
    loss_fn = AUCMarginLoss(12, surrogate=surrogate, margin=0.7).double()
    for logits, target, _ in wandering(5):
        loss_fn(logits, target)
    before = tables(loss_fn)
    loss_fn.eval()
    for apart in (0.0, 3.0):
        for logits, target, _ in wandering(5, seed=1):
            scores = (logits + apart * target).detach().requires_grad_()
            expected = closed_form(scores.detach(), target, surrogate, 0.7)
            assert loss_fn(scores, target).item() == pytest.approx(expected, abs=1e-12)
            assert torch.autograd.gradcheck(lambda values, y=target: loss_fn(values, y), (scores,))
    assert unchanged(before, loss_fn)


def test_eval_with_missing_labels_is_the_mean_over_tasks():
    logits, target = holes(4)
    expected = mean(closed_form(logits[:, t], target[:, t]) for t in (0, 1, 3))
    loss_fn = AUCMarginLoss(30, 4).double().eval()
    assert loss_fn(logits, target).item() == pytest.approx(expected, abs=1e-12)
    assert torch.autograd.gradcheck(lambda scores: loss_fn(scores, target), (logits.requires_grad_(),))


@pytest.mark.parametrize("apart", [0.0, 3.0])
def test_small_steps_converge_to_the_moments_of_the_whole_data_set(apart):
    torch.manual_seed(0)
    target = (torch.arange(60) < 12).double()
    scores = torch.randn(60, dtype=torch.float64) + apart * target
    loss_fn = AUCMarginLoss(60, gamma=0.008, dual_lr=0.016).double()
    values = []
    for _ in range(2_500):
        index = torch.cat([torch.randperm(12)[:3], 12 + torch.randperm(48)[:8]])
        values.append(loss_fn(scores[index], target[index], index).item())
    a, b = loss_fn.means.value[0].tolist()
    assert a == pytest.approx(scores[:12].mean().item(), abs=0.1)
    assert b == pytest.approx(scores[12:].mean().item(), abs=0.1)
    alpha = max(0.0, 2 * (1 + scores[12:].mean() - scores[:12].mean()).item())
    assert (alpha == 0) == (apart == 3)
    assert loss_fn.alpha.item() == pytest.approx(alpha, abs=0.2)
    assert mean(values[-1000:]) == pytest.approx(closed_form(scores, target), rel=0.06)


def test_loss_is_invariant_to_a_shift_of_all_scores():
    one, other = AUCMarginLoss(12).double(), AUCMarginLoss(12).double()
    for logits, target, _ in wandering(20):
        torch.testing.assert_close(one(logits, target), other(logits + 5, target))


def test_monitor_reports_the_tracked_objective():
    torch.manual_seed(0)
    loss_fn = AUCMarginLoss(30, gamma=0.2, dual_lr=0.2).double()
    assert math.isnan(loss_fn.monitor()["objective"])
    logits, target = torch.randn(30, dtype=torch.float64), (torch.arange(30) < 8).double()
    loss_fn(logits, target)
    assert math.isfinite(loss_fn.monitor()["objective"])
    for _ in range(400):
        loss_fn(logits, target)
    assert loss_fn.monitor()["objective"] == pytest.approx(closed_form(logits, target), rel=1e-6)
    loss_fn.eval()(10 * logits, target)
    assert loss_fn.monitor()["objective"] == pytest.approx(closed_form(logits, target), rel=1e-6)


@pytest.mark.parametrize("surrogate", ["logistic", "sigmoid"])
def test_dual_starts_at_the_first_batch_for_surrogates_without_margin(surrogate):
    """α = ℓ'(s): the first gradient is that of ℓ(s) itself, not 0 as with a margin."""
    logits, target, _ = next(wandering(1))
    loss_fn = AUCMarginLoss(12, surrogate=surrogate).double()
    loss = loss_fn(logits, target)
    assert loss.item() == pytest.approx(closed_form(logits.detach(), target, surrogate), abs=1e-12)
    s = (logits[target == 0].mean() - logits[target == 1].mean()).item()
    assert loss_fn.alpha.item() == pytest.approx(ELL[surrogate][1](s, 1.0), abs=1e-12)
