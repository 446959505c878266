import math

import pytest
import torch

from tests.losses import toys
from xgraph.losses import BCELoss, SOAPLoss

NAN = float("nan")
ELL = {
    "squared_hinge": (lambda s, m: max(m + s, 0.0) ** 2, lambda s, m: 2 * max(m + s, 0.0)),
    "hinge": (lambda s, m: max(m + s, 0.0), lambda s, m: float(m + s > 0)),
    "squared": (lambda s, m: (m + s) ** 2, lambda s, m: 2 * (m + s)),
    "logistic": (lambda s, m: math.log1p(math.exp(s)), lambda s, m: 1 / (1 + math.exp(-s))),
    "sigmoid": (lambda s, m: 1 / (1 + math.exp(-s)), lambda s, m: math.exp(-s) / (1 + math.exp(-s)) ** 2),
}


class Algorithm28:
    """The chapter's algorithm, one pair at a time in Python floats: u and the vanilla gradient estimator z."""

    def __init__(self, gamma, surrogate="squared_hinge", margin=1.0):
        self.gamma, self.margin, self.u = gamma, margin, {}
        self.value, self.slope = ELL[surrogate]

    def step(self, scores, labels, index, task=0):
        """The loss and d loss / d scores of one task; None if the batch lacks a class."""
        known = [j for j, y in enumerate(labels) if y == y]
        positives = [j for j in known if labels[j] == 1]
        if not positives or len(positives) == len(known):
            return None
        n, m = len(known), self.margin
        estimates = {}
        for i in positives:
            g1 = sum(self.value(scores[j] - scores[i], m) for j in positives) / n
            g2 = sum(self.value(scores[j] - scores[i], m) for j in known) / n
            estimates.setdefault((index[i], task), []).append((g1, g2))
        for key, found in estimates.items():
            mean = [sum(g[k] for g in found) / len(found) for k in (0, 1)]
            old = self.u.get(key, mean)
            self.u[key] = [(1 - self.gamma) * old[k] + self.gamma * mean[k] for k in (0, 1)]
        z, loss = [0.0] * len(scores), 0.0
        for i in positives:
            u1, u2 = self.u[(index[i], task)]
            loss -= u1 / u2 / len(positives)
            for j in known:
                weight = (u1 - u2 * (labels[j] == 1)) / u2**2 / n / len(positives)
                slope = weight * self.slope(scores[j] - scores[i], m)
                z[j] += slope
                z[i] -= slope
        return loss, z


@pytest.mark.parametrize("surrogate", sorted(ELL))
def test_autograd_is_algorithm_28_over_100_steps_and_a_restore(surrogate):
    torch.manual_seed(0)
    loss_fn = SOAPLoss(40, surrogate=surrogate, margin=0.7, gamma=0.1).double()
    reference = Algorithm28(0.1, surrogate, 0.7)
    for step in range(100):
        if step == 50:
            fresh = SOAPLoss(40, surrogate=surrogate, margin=0.7, gamma=0.1).double()
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
    for (item, _), u in reference.u.items():
        assert loss_fn.track.value[item].tolist() == pytest.approx(u, abs=1e-10)


def test_tasks_with_missing_labels_and_duplicates_are_algorithm_28_per_task():
    """Mean over contributing tasks of each task's mean; a task that lacks a class keeps its state."""
    torch.manual_seed(1)
    tasks = 5
    loss_fn = SOAPLoss(15, tasks, gamma=0.3).double()
    reference = Algorithm28(0.3)
    for _ in range(60):
        index = torch.randint(15, (10,))
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
        assert 3 not in results
        assert 4 not in results
        loss = loss_fn(logits, target, index)
        loss.backward()
        expected = torch.zeros(10, tasks, dtype=torch.float64)
        for t, (_, z) in results.items():
            expected[:, t] = torch.tensor(z, dtype=torch.float64) / len(results)
        assert loss.item() == pytest.approx(sum(r[0] for r in results.values()) / max(len(results), 1), abs=1e-10)
        torch.testing.assert_close(logits.grad, expected, atol=1e-8, rtol=1e-8)
    seen = {(int(row) // tasks, int(row) % tasks) for row in loss_fn.track.seen.nonzero()}
    assert seen == set(reference.u)


def test_gamma_one_on_the_full_batch_is_the_closed_form():
    logits = torch.randn(30, dtype=torch.float64)
    target = (torch.arange(30) < 7).double()
    ell = (1 + logits[None] - logits[:7, None]).clamp_min(0) ** 2
    expected = -(ell[:, :7].sum(1) / ell.sum(1)).mean()
    loss_fn = SOAPLoss(30, gamma=1.0).double()
    loss_fn(torch.randn(30).double(), target, torch.arange(30))
    assert loss_fn(logits, target, torch.arange(30)).item() == pytest.approx(expected.item(), abs=1e-12)


def test_tiny_gamma_converges_to_the_inner_values_of_the_whole_set():
    """Batches that keep the share of positives give unbiased estimates of g1 and g2."""
    torch.manual_seed(0)
    scores = torch.randn(50, dtype=torch.float64)
    target = (torch.arange(50) < 10).double()
    ell = (1 + scores[None] - scores[:10, None]).clamp_min(0) ** 2
    loss_fn = SOAPLoss(50, gamma=0.002).double()
    for _ in range(10_000):
        index = torch.cat([torch.randperm(10)[:2], 10 + torch.randperm(40)[:8]])
        loss_fn(scores[index], target[index], index)
    # item i is always in its own batch, so its own pair has the weight 1/10 and the others of its class share 1/10
    own, rest = ell.diagonal(), (ell[:, :10].sum(1) - ell.diagonal()) / 9
    g1 = (own + rest) / 10
    expected = torch.stack([g1, g1 + ell[:, 10:].sum(1) / 50], 1)
    error = (loss_fn.track.value[:10] / expected - 1).abs()
    assert error.mean() < 0.04  # the noise that is left: (γ / 2)^½ of one batch's
    assert error.max() < 0.2


def test_many_pairs_go_in_blocks_with_the_same_result(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    target = (torch.rand(40, 4, generator=generator) < 0.5).double()
    for tasks in (1, 4):
        results = []
        for chunk in (1 << 18, 200, 1):
            monkeypatch.setattr("xgraph.losses.pairs.blocks.CHUNK", chunk)
            logits = torch.randn(40, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
            logits = logits[:, :tasks].clone().requires_grad_()
            loss = SOAPLoss(40, tasks).double()(logits, target[:, :tasks], torch.arange(40))
            loss.backward()
            results.append((loss.detach(), logits.grad))
        for other in results[1:]:
            torch.testing.assert_close(results[0], other)


def test_memory_does_not_grow_with_the_number_of_pairs():
    """65,536 scores with 1 % positives are 43 million pairs; one float32 for each would be 164 MiB."""
    logits = torch.randn(65536, requires_grad=True)
    target = (torch.arange(65536) < 655).float()
    loss_fn = SOAPLoss(65536)
    with torch.profiler.profile(profile_memory=True, activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        loss_fn(logits, target, torch.arange(65536)).backward()
    largest = max(event.cpu_memory_usage for event in profile.events())
    assert largest < 16 * 2**20


def test_it_is_differentiable_once_and_says_so():
    logits = torch.randn(6, requires_grad=True)
    loss = SOAPLoss(6)(logits, (torch.arange(6) < 2).float(), torch.arange(6))
    with pytest.raises(RuntimeError, match="once only"):
        torch.autograd.grad(loss, logits, create_graph=True)


def test_monitor_gives_the_tracked_objective():
    loss_fn = SOAPLoss(20, gamma=1.0)
    assert math.isnan(loss_fn.monitor()["objective"])
    logits, target = torch.randn(20), (torch.arange(20) < 5).float()
    loss = loss_fn(logits, target, torch.arange(20))
    report = loss_fn.monitor()
    assert report["objective"] == pytest.approx(loss.item(), rel=1e-5)
    assert report["seen"] == 0.25
    assert report["stuck"] == 0.0


def test_it_raises_average_precision_where_cross_entropy_is_misled():
    """A linear model on rare positives, some of them hopeless: they pull cross-entropy's direction around."""
    from sklearn.metrics import average_precision_score

    def draw(count, generator):
        positives, near = count // 20, count * 7 // 200
        x = torch.randn(toys.SEEDS, count, 4, generator=generator)
        x[:, :near, 0] += 2.0
        x[:, near:positives, 0] -= 6.0
        x[..., 3] = 1
        return x, (torch.arange(count) < positives).float()

    generator = torch.Generator().manual_seed(0)
    seen, (x, target) = draw(400, generator), draw(2000, generator)
    found = []
    for loss_fn in (SOAPLoss(400, toys.SEEDS, gamma=0.5), BCELoss(400, toys.SEEDS)):
        scores = torch.einsum("snd,sd->sn", x, toys.fitted(loss_fn, *seen))
        found.append(torch.tensor([average_precision_score(target, row) for row in scores]))
    assert toys.student_t(found[0] - found[1]) > toys.SIGNIFICANT
