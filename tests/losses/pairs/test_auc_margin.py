import math

import pytest
import torch

from tests.losses import toys
from xgraph.losses import AUCMarginLoss, BCELoss, PairwiseAUCLoss

NAN = float("nan")
ELL = {
    "squared_hinge": (lambda s, m: max(m + s, 0.0) ** 2, lambda s, m: 2 * max(m + s, 0.0)),
    "hinge": (lambda s, m: max(m + s, 0.0), lambda s, m: float(m + s > 0)),
    "squared": (lambda s, m: (m + s) ** 2, lambda s, m: 2 * (m + s)),
    "logistic": (lambda s, m: math.log1p(math.exp(s)), lambda s, m: 1 / (1 + math.exp(-s))),
    "sigmoid": (lambda s, m: 1 / (1 + math.exp(-s)), lambda s, m: math.exp(-s) / (1 + math.exp(-s)) ** 2),
}


def mean(values):
    values = list(values)
    return sum(values) / len(values)


class Algorithm27:
    """The chapter's algorithm for the squared hinge in Python floats: a, b, α and the vanilla gradient estimator z."""

    def __init__(self, gamma, dual_lr, margin=1.0):
        self.gamma, self.tau, self.margin = gamma, dual_lr, margin
        self.a, self.b, self.alpha = {}, {}, {}

    def step(self, scores, labels, task=0):
        """The loss and d loss / d scores of one task; None if the batch lacks a class."""
        positives = [i for i, y in enumerate(labels) if y == 1]
        negatives = [j for j, y in enumerate(labels) if y == 0]
        if not positives or not negatives:
            return None
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
        """The third term of (6.21) at the previous α, and that α; then α moves."""
        alpha = self.alpha.get(task, 0.0)
        self.alpha[task] = max((1 - self.tau / 2) * alpha + self.tau * (self.margin + s), 0.0)
        return alpha * (self.margin + s) - alpha**2 / 4, alpha


class AnySurrogate(Algorithm27):
    """The same for any f, by the point u where the tangent lies: α = f'(u), the term is f(u) + f'(u) (s − u)."""

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
        return self.f(u, self.margin) + alpha * (s - u), alpha


def closed_form(scores, target, surrogate="squared_hinge", margin=1.0):
    """(6.20) at the optimal a and b."""
    high, low = scores[target == 1], scores[target == 0]
    squares = high.var(correction=0) + low.var(correction=0)
    return squares.item() + ELL[surrogate][0]((low.mean() - high.mean()).item(), margin)


def agree(loss_fn, reference):
    for task in reference.a:
        expected = [reference.a[task], reference.b[task]]
        assert loss_fn.means.value[task].tolist() == pytest.approx(expected, abs=1e-10)
        assert loss_fn.alpha[task].item() == pytest.approx(reference.alpha[task], abs=1e-10)


def batches(steps, separation=0.0, seed=0, size=12):
    """Scores that wander apart and together, so that α meets its bound and leaves it."""
    generator = torch.Generator().manual_seed(seed)
    for step in range(steps):
        target = (torch.rand(size, generator=generator) < 0.4).double()
        shift = separation * math.sin(step / 8)
        yield (shift * target + torch.randn(size, generator=generator, dtype=torch.float64)).requires_grad_(), target


def follow(loss_fn, make, reference, margin, steps=100):
    """Run both, with a restore in the middle; returns the α of all steps."""
    alphas = []
    for step, (logits, target) in enumerate(batches(steps, separation=3 * margin)):
        if step == steps // 2:
            fresh = make()
            fresh.load_state_dict(loss_fn.state_dict())
            loss_fn = fresh
        expected = reference.step(logits.tolist(), target.tolist())
        loss = loss_fn(logits, target)
        loss.backward()
        if expected is None:
            assert loss.item() == 0
            continue
        assert loss.item() == pytest.approx(expected[0], abs=1e-10)
        torch.testing.assert_close(logits.grad, torch.tensor(expected[1], dtype=torch.float64), atol=1e-8, rtol=1e-8)
        agree(loss_fn, reference)
        alphas.append(reference.alpha[0])
    return alphas


@pytest.mark.parametrize("dual_lr", [0.05, 0.5, 1.0, 2.0])
def test_autograd_is_algorithm_27_over_100_steps_and_a_restore(dual_lr):
    def make():
        return AUCMarginLoss(40, margin=0.7, gamma=0.2, dual_lr=dual_lr).double()

    alphas = follow(make(), make, Algorithm27(0.2, dual_lr, 0.7), 0.7)
    if dual_lr >= 0.5:
        assert min(alphas) == 0 < max(alphas)
        assert alphas.index(0) < alphas.index(max(alphas))  # it left its bound again


@pytest.mark.parametrize("surrogate", sorted(ELL))
def test_autograd_is_the_tangent_form_for_any_surrogate(surrogate):
    def make():
        return AUCMarginLoss(40, surrogate=surrogate, margin=0.7, gamma=0.2, dual_lr=0.5).double()

    alphas = follow(make(), make, AnySurrogate(0.2, 0.5, surrogate, 0.7), 0.7)
    assert len(set(alphas)) > 1


def test_the_tangent_form_of_the_squared_hinge_is_algorithm_27():
    """A check of the references: α = 2 (m + u)."""
    one, other = Algorithm27(0.2, 0.5, 0.7), AnySurrogate(0.2, 0.5, "squared_hinge", 0.7)
    for logits, target in batches(100, separation=2.0):
        a, b = one.step(logits.tolist(), target.tolist()), other.step(logits.tolist(), target.tolist())
        if a is not None:
            assert a[0] == pytest.approx(b[0], abs=1e-12)
            assert a[1] == pytest.approx(b[1], abs=1e-12)
            assert one.alpha[0] == pytest.approx(other.alpha[0], abs=1e-12)


@pytest.mark.parametrize("surrogate", ["squared_hinge", "logistic"])
def test_tasks_with_missing_labels_and_duplicates_each_have_their_own_state(surrogate):
    """Mean over contributing tasks; a task that lacks a class keeps its state; rows count, not items."""
    torch.manual_seed(1)
    tasks = 5
    loss_fn = AUCMarginLoss(15, tasks, surrogate=surrogate, gamma=0.3, dual_lr=0.4).double()
    reference = AnySurrogate(0.3, 0.4, surrogate)
    for step in range(100):
        index = torch.randint(15, (8,))
        logits = torch.randn(8, tasks, dtype=torch.float64, requires_grad=True)
        target = (torch.rand(8, tasks) < 0.3).double()
        target[torch.rand(8, tasks) < 0.4] = NAN
        target[:, 3] = 0
        target[:, 4] = 1
        results = {
            t: result
            for t in range(tasks)
            if (result := reference.step(logits[:, t].tolist(), target[:, t].tolist(), t)) is not None
        }
        before = loss_fn.means.value.clone(), loss_fn.alpha.clone()
        loss = loss_fn(logits, target, index if step % 2 else None)
        loss.backward()
        expected = torch.zeros(8, tasks, dtype=torch.float64)
        for t, (_, z) in results.items():
            expected[:, t] = torch.tensor(z, dtype=torch.float64) / len(results)
        assert loss.item() == pytest.approx(sum(r[0] for r in results.values()) / max(len(results), 1), abs=1e-10)
        torch.testing.assert_close(logits.grad, expected, atol=1e-8, rtol=1e-8)
        agree(loss_fn, reference)
        for t in set(range(tasks)) - set(results):
            assert torch.equal(loss_fn.means.value[t], before[0][t])
            assert torch.equal(loss_fn.alpha[t], before[1][t])
    assert loss_fn.means.seen.tolist() == [True, True, True, False, False]


def test_the_first_step_has_no_dual_force():
    """a and b are the batch's means and α = 0: the loss is the two variances."""
    logits, target = next(batches(1))
    loss = AUCMarginLoss(12).double()(logits, target)
    expected = logits[target == 1].var(correction=0) + logits[target == 0].var(correction=0)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-12)


@pytest.mark.parametrize("apart", [0.0, 3.0])
@pytest.mark.parametrize("surrogate", sorted(ELL))
def test_full_batches_end_at_the_closed_form(surrogate, apart):
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


def test_with_the_squared_surrogate_the_optimum_is_the_pairwise_loss():
    """What 6.4.1 says of the AUC square loss; so α may be negative here."""
    torch.manual_seed(0)
    target = (torch.arange(30) < 8).double()
    for apart in (0.0, 3.0):
        logits = torch.randn(30, dtype=torch.float64) + apart * target
        loss_fn = AUCMarginLoss(30, surrogate="squared", dual_lr=0.2).double()
        for _ in range(400):
            loss = loss_fn(logits, target)
        expected = PairwiseAUCLoss(30, surrogate="squared").double()(logits, target)
        assert loss.item() == pytest.approx(expected.item(), abs=1e-10)


@pytest.mark.parametrize("surrogate", sorted(ELL))
def test_eval_gives_the_closed_form_at_once(surrogate):
    loss_fn = AUCMarginLoss(12, surrogate=surrogate, margin=0.7).double()
    for logits, target in batches(5):
        loss_fn(logits, target)
    before = {name: value.clone() for name, value in loss_fn.state_dict().items()}
    loss_fn.eval()
    for apart in (0.0, 3.0):
        for logits, target in batches(5, seed=1):
            scores = (logits + apart * target).detach().requires_grad_()
            expected = closed_form(scores.detach(), target, surrogate, 0.7)
            assert loss_fn(scores, target).item() == pytest.approx(expected, abs=1e-12)
            assert torch.autograd.gradcheck(lambda values, y=target: loss_fn(values, y), (scores,))
    assert all(torch.equal(value, loss_fn.state_dict()[name]) for name, value in before.items())


def test_eval_with_missing_labels_is_the_mean_over_tasks():
    torch.manual_seed(0)
    logits, target = torch.randn(30, 4, dtype=torch.float64), (torch.rand(30, 4) < 0.3).double()
    target[torch.rand(30, 4) < 0.2] = NAN
    target[:, 2] = 0
    expected = mean(closed_form(logits[:, t], target[:, t]) for t in (0, 1, 3))
    loss_fn = AUCMarginLoss(30, 4).double().eval()
    assert loss_fn(logits, target).item() == pytest.approx(expected, abs=1e-12)
    assert torch.autograd.gradcheck(lambda scores: loss_fn(scores, target), (logits.requires_grad_(),))


@pytest.mark.parametrize("apart", [0.0, 3.0])
def test_tiny_steps_converge_to_the_moments_of_the_whole_set(apart):
    torch.manual_seed(0)
    target = (torch.arange(60) < 12).double()
    scores = torch.randn(60, dtype=torch.float64) + apart * target
    loss_fn = AUCMarginLoss(60, gamma=0.002, dual_lr=0.004).double()
    values = []
    for _ in range(10_000):
        index = torch.cat([torch.randperm(12)[:3], 12 + torch.randperm(48)[:8]])
        values.append(loss_fn(scores[index], target[index], index).item())
    a, b = loss_fn.means.value[0].tolist()
    assert a == pytest.approx(scores[:12].mean().item(), abs=0.05)
    assert b == pytest.approx(scores[12:].mean().item(), abs=0.05)
    alpha = max(0.0, 2 * (1 + scores[12:].mean() - scores[:12].mean()).item())
    assert (alpha == 0) == (apart == 3)
    assert loss_fn.alpha.item() == pytest.approx(alpha, abs=0.1)
    assert mean(values[-3000:]) == pytest.approx(closed_form(scores, target), rel=0.03)


def test_a_shift_of_all_scores_changes_nothing_from_the_start():
    one, other = AUCMarginLoss(12).double(), AUCMarginLoss(12).double()
    for logits, target in batches(20):
        torch.testing.assert_close(one(logits, target), other(logits + 5, target))


def test_monitor_gives_the_tracked_objective():
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


def test_a_step_of_the_dual_beyond_2_is_refused():
    """α would swing to the other side at each step."""
    with pytest.raises(ValueError, match=r"dual_lr must lie in \(0, 2\], got 2\.5"):
        AUCMarginLoss(5, dual_lr=2.5)


@pytest.mark.parametrize("surrogate", ["logistic", "sigmoid"])
def test_without_a_margin_the_dual_starts_at_the_first_batch(surrogate):
    """α = ℓ'(s): the first step is that of ℓ(s) itself, and not 0 as with a margin."""
    logits, target = next(batches(1))
    loss_fn = AUCMarginLoss(12, surrogate=surrogate).double()
    loss = loss_fn(logits, target)
    assert loss.item() == pytest.approx(closed_form(logits.detach(), target, surrogate), abs=1e-12)
    s = (logits[target == 0].mean() - logits[target == 1].mean()).item()
    assert loss_fn.alpha.item() == pytest.approx(ELL[surrogate][1](s, 1.0), abs=1e-12)


def test_it_raises_the_area_where_cross_entropy_gives_way_to_a_few_strays():
    generator = torch.Generator().manual_seed(0)
    seen, new = toys.strays(400, generator), toys.strays(1000, generator)
    losses = AUCMarginLoss(400, toys.SEEDS, activation="sigmoid"), BCELoss(400, toys.SEEDS)
    ours, theirs = (toys.areas(toys.fitted(loss_fn, *seen), *new) for loss_fn in losses)
    assert toys.student_t(ours - theirs) > toys.SIGNIFICANT
