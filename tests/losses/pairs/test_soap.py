import pytest
import torch

from tests.losses.references import EACH_SURROGATE, ELL, batches, follow, ragged
from xgraph.losses import SOAPLoss


class Algorithm28:
    """Algorithm 28, one pair at a time in Python floats: u and the vanilla gradient estimator z."""

    def __init__(self, gamma, surrogate="squared_hinge", margin=1.0):
        self.gamma, self.margin, self.u = gamma, margin, {}
        self.value, self.slope = ELL[surrogate]

    def step(self, scores, labels, index, task=0):
        """The loss and d loss / d scores of one task; None if the batch does not hold both classes."""
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
        for key, result in estimates.items():
            mean = [sum(g[k] for g in result) / len(result) for k in (0, 1)]
            old = self.u.get(key, mean)
            self.u[key] = [(1 - self.gamma) * old[k] + self.gamma * mean[k] for k in (0, 1)]
        z, loss = [0.0] * len(scores), 0.0
        for i in positives:
            u1, u2 = self.u[index[i], task]
            loss -= u1 / u2 / len(positives)
            for j in known:
                weight = (u1 - u2 * (labels[j] == 1)) / u2**2 / n / len(positives)
                slope = weight * self.slope(scores[j] - scores[i], m)
                z[j] += slope
                z[i] -= slope
        return loss, z

    def tables(self):
        return [("track", self.u, lambda value: value)]


@EACH_SURROGATE
def test_autograd_matches_algorithm_28_over_100_steps_and_a_restore(surrogate):
    options = {"surrogate": surrogate, "margin": 0.7, "gamma": 0.1}
    follow(lambda: SOAPLoss(40, **options).double(), Algorithm28(0.1, surrogate, 0.7), batches())


def test_each_task_matches_algorithm_28_with_missing_labels_and_duplicates():
    follow(lambda: SOAPLoss(15, 5, gamma=0.3).double(), Algorithm28(0.3), ragged())


def test_gamma_one_on_the_full_batch_equals_the_closed_form():
    logits = torch.randn(30, dtype=torch.float64)
    target = (torch.arange(30) < 7).double()
    ell = (1 + logits[None] - logits[:7, None]).clamp_min(0) ** 2
    expected = -(ell[:, :7].sum(1) / ell.sum(1)).mean()
    loss_fn = SOAPLoss(30, gamma=1.0).double()
    loss_fn(torch.randn(30).double(), target, torch.arange(30))
    assert loss_fn(logits, target, torch.arange(30)).item() == pytest.approx(expected.item(), abs=1e-12)


def test_small_gamma_converges_to_the_inner_values_of_the_whole_data_set():
    """Batches that keep the share of positives give unbiased estimates of g1 and g2."""
    torch.manual_seed(0)
    scores = torch.randn(50, dtype=torch.float64)
    target = (torch.arange(50) < 10).double()
    ell = (1 + scores[None] - scores[:10, None]).clamp_min(0) ** 2
    loss_fn = SOAPLoss(50, gamma=0.01).double()
    for _ in range(2_000):
        index = torch.cat([torch.randperm(10)[:2], 10 + torch.randperm(40)[:8]])
        loss_fn(scores[index], target[index], index)
    # item i is always in its own batch: its own pair has weight 1/10, and the others of its class share 1/10
    own, rest = ell.diagonal(), (ell[:, :10].sum(1) - ell.diagonal()) / 9
    g1 = (own + rest) / 10
    expected = torch.stack([g1, g1 + ell[:, 10:].sum(1) / 50], 1)
    error = (loss_fn.track.value[:10] / expected - 1).abs()
    assert error.mean() < 0.09  # remaining noise: (γ / 2)^½ times that of one batch
    assert error.max() < 0.3


def test_processing_pairs_in_blocks_gives_the_same_result(monkeypatch):
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


@pytest.mark.parametrize("surrogate", ["squared_hinge", "logistic"])
def test_memory_does_not_grow_with_the_number_of_pairs(surrogate):
    """32,768 scores with 1 % positives give 11 million pairs; one float32 per pair would take 41 MiB."""
    logits = torch.randn(32768, requires_grad=True)
    target = (torch.arange(32768) < 327).float()
    loss_fn = SOAPLoss(32768, surrogate=surrogate)
    with torch.profiler.profile(profile_memory=True, activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        loss_fn(logits, target, torch.arange(32768)).backward()
    largest = max(event.cpu_memory_usage for event in profile.events())
    assert largest < 12 * 2**20
