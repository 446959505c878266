"""Sums over sorted prefixes, compared with all pairs in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.losses import LOSSES
from xgraph.losses.batch import Batch
from xgraph.losses.pairs import choice
from xgraph.losses.pairs.anchors import Anchors
from xgraph.losses.pairs.prefixes import Prefixes
from xgraph.losses.pairs.ranks import descending
from xgraph.losses.pairs.reduce import Pairs
from xgraph.losses.pairs.surrogates import Logistic, SquaredHinge

NAN = float("nan")
KINDS = {  # of m + s; the slope of relu at 0 is 0
    "squared_hinge": lambda x: x.relu().square(),
    "hinge": torch.relu,
    "squared": torch.square,
}


@st.composite
def batches(draw):
    """Scores of any spread, tied or not, labels with holes, and weights of which some are 0."""
    size, tasks = draw(st.integers(1, 30)), draw(st.integers(1, 4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10**6)))
    spread = draw(st.sampled_from([1e-3, 1.0, 5.0, 300.0]))
    scores = torch.randn(size, tasks, generator=generator, dtype=torch.float64) * spread
    scores = scores.to(draw(st.sampled_from([torch.float64, torch.float32, torch.bfloat16]))).double()
    if draw(st.booleans()):
        scores = (scores * 2 / spread).round() / 2 * spread
    target = (torch.rand(size, tasks, generator=generator) < draw(st.sampled_from([0.1, 0.5]))).double()
    target[torch.rand(size, tasks, generator=generator) < draw(st.sampled_from([0.0, 0.3]))] = NAN
    weight = torch.rand(size, generator=generator, dtype=torch.float64).clamp_min(0.2) - 0.2
    return scores, target, weight if draw(st.booleans()) else None


def reference(loss, scores, target, weight, surrogate, top):
    """Each task's loss from its matrix of all pairs, averaged over the tasks with both classes."""
    weight = torch.ones(len(scores), dtype=torch.float64) if weight is None else weight
    results = []
    for h, y in zip(scores.t(), target.t(), strict=True):
        anchors, negatives = (y == 1) & (weight > 0), (y == 0) & (weight > 0)
        if not (y == 1).any() or not negatives.any():
            continue  # a task without positives of any weight contributes 0
        own, count = weight[anchors], (y == 1).sum()
        losses = surrogate(h[negatives] - h[anchors].unsqueeze(1))
        share = weight[negatives] / weight[negatives].sum()
        if loss == "auc-pairwise":
            values = losses @ share
        elif loss == "soap":
            among = surrogate(h[anchors] - h[anchors].unsqueeze(1)) @ own
            values = -among / (among + losses @ weight[negatives])
        else:  # the largest losses, up to a total share of `top`
            order = losses.detach().sort(dim=1, descending=True, stable=True)[1]
            ranked = share.expand_as(losses).gather(1, order)
            kept = (top - (ranked.cumsum(1) - ranked)).clamp_min(0).minimum(ranked)
            values = (losses.gather(1, order) * kept).sum(1)
        results.append((own * values).sum() / count)
    return sum(results) / len(results) if results else scores.sum() * 0


@settings(max_examples=150, deadline=None)
@given(
    batch=batches(),
    loss=st.sampled_from(["auc-pairwise", "soap", "sopa"]),
    kind=st.sampled_from(sorted(KINDS)),
    margin=st.sampled_from([0.5, 1.0, 20.0]),
    activation=st.sampled_from([None, "sigmoid"]),
    way=st.sampled_from(["sorted", "sorted", "pairs"]),
)
def test_values_and_gradients_equal_all_pairs(batch, loss, kind, margin, activation, way):
    scores, target, weight = batch
    options = {"surrogate": kind, "margin": margin, "activation": activation}
    options |= {"max_fpr": 0.4} if loss == "sopa" else {}
    loss_fn = LOSSES[loss](len(scores), scores.shape[1], **options).double().eval()
    logits = scores.clone().requires_grad_()
    active = logits.sigmoid() if activation else logits
    expected = reference(loss, active, target, weight, lambda s: KINDS[kind](s + margin), 0.4)
    slope = torch.autograd.grad(expected, logits)[0]
    for given_logits in (logits, logits.t().contiguous().t()):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(choice, "FORCED", way)
            value = loss_fn(given_logits, target, None, weight)
            torch.testing.assert_close(value, expected, rtol=1e-8, atol=1e-9)
            torch.testing.assert_close(torch.autograd.grad(value, logits)[0], slope, rtol=1e-7, atol=1e-8)


def both(make, batches):
    """Return values, gradients and final states of the same steps, by pairs and sorted."""
    results = []
    for way in ("pairs", "sorted"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(choice, "FORCED", way)
            loss_fn, steps = make(), []
            for logits, *rest in batches:
                scores = logits.clone().requires_grad_()
                loss = loss_fn(scores, *rest)
                steps.append((loss.detach(), torch.autograd.grad(loss, scores)[0]))
            results.append((steps, loss_fn.state_dict()))
    return results


@pytest.mark.parametrize("tasks", [1, 3])
@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("loss", ["soap", "sopa", "staco"])
def test_a_history_is_the_same_either_way(loss, kind, tasks):
    """Thresholds start at a loss of the batch and fall below 0; items return, and some of them twice."""
    generator = torch.Generator().manual_seed(0)
    steps = []
    for step in range(12):
        scores = torch.randn(24, tasks, generator=generator, dtype=torch.float64) * (3 if step % 4 else 0.1)
        scores = scores.mul(4).round().div(4) if step % 3 == 0 else scores
        target = (torch.rand(24, tasks, generator=generator) < 0.4).double()
        target[torch.rand(24, tasks, generator=generator) < 0.2] = NAN
        steps.append((scores, target, torch.randint(30, (24,), generator=generator)))
    options = {} if loss == "soap" else {"dual_lr": 0.5}
    results = both(lambda: LOSSES[loss](30, tasks, surrogate=kind, **options).double(), steps)
    torch.testing.assert_close(*results, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("size", [500, 1500])
@pytest.mark.parametrize("loss", ["auc-pairwise", "soap", "sopa", "staco"])
def test_the_choice_changes_no_value(loss, size, monkeypatch):
    """In float32, on either side of the number of pairs from which on scores are sorted."""
    generator = torch.Generator().manual_seed(size)
    target = (torch.rand(size, generator=generator) < 0.2).float()
    assert ((target == 1).sum() * size >= choice.PAIRS) == (size == 1500)
    for spread in (0.1, 3.0, 1e3, 1e5):
        logits = torch.randn(size, generator=generator) * spread
        batches = [(logits, target, torch.arange(size)), (logits.flip(0), target, torch.arange(size))]
        pairs, _ = (steps for steps, _ in both(lambda: LOSSES[loss](size), batches))
        loss_fn = LOSSES[loss](size)
        for batch, (value, slope) in zip(batches, pairs, strict=True):
            scores = batch[0].clone().requires_grad_()
            chosen = loss_fn(scores, *batch[1:])
            torch.testing.assert_close(chosen.detach(), value, rtol=1e-6, atol=1e-6)
            grad = torch.autograd.grad(chosen, scores)[0]
            assert (grad - slope).norm() <= 1e-4 * slope.norm() + 1e-9


def pairs_of(scores, target, surrogate):
    batch = Batch(scores, target == 1, target == 0)
    return Pairs(batch, Anchors.from_batch(batch), scores, surrogate)


def is_sorted(result):
    """Whether a result was computed by sorting."""
    return isinstance(result.grad_fn.plan.plan, Prefixes)


def test_scores_too_far_apart_are_compared_pair_by_pair(monkeypatch):
    """Further than 2¹⁴ margins from the centre; or nearer, if a sum would lose its digits."""
    monkeypatch.setattr(choice, "FORCED", "sorted")
    target = torch.tensor([1.0, 1, 0, 0]).double().view(4, 1)
    for margin in (1.0, 0.01):
        for share, sorts in ((0.9, True), (1.1, False)):
            end = 2**14 * margin * share
            scores = torch.tensor([[-end], [0.0], [end], [0.5 * margin]], dtype=torch.float64, requires_grad=True)
            pairs = pairs_of(scores, target, SquaredHinge(margin))
            mean = pairs.mean()
            assert is_sorted(mean) == sorts
            expected = SquaredHinge(margin)(scores[2:].t() - scores[:2]).mean(1)
            torch.testing.assert_close(mean, expected)
    # many negatives just inside the margin, far from the centre: what is left of their sum are its last digits
    size = 4000
    scores = torch.full((size, 1), 9e3 - 1 + 1e-7, dtype=torch.float64)
    scores[0], scores[1] = 9e3, -9e3
    scores.requires_grad_()
    target = (torch.arange(size) == 0).double().view(-1, 1)
    shares = pairs_of(scores, target, SquaredHinge()).shares()
    assert not isinstance(shares.grad_fn.next_functions[0][0].plan.plan, Prefixes)
    losses = SquaredHinge()(scores - scores[0]).squeeze(1)
    torch.testing.assert_close(shares[0], torch.stack([losses[0], losses.sum()]) / size, rtol=1e-9, atol=0)


def test_unlabelled_scores_do_not_matter(monkeypatch):
    monkeypatch.setattr(choice, "FORCED", "sorted")
    scores = torch.tensor([[0.3], [1e14], [0.1]], dtype=torch.float64, requires_grad=True)
    pairs = pairs_of(scores, torch.tensor([[1.0], [NAN], [0.0]]), SquaredHinge())
    mean = pairs.mean()
    assert is_sorted(mean)
    assert mean.item() == pytest.approx(0.8**2, abs=1e-12)


def test_other_surrogates_are_never_sorted(monkeypatch):
    class Mine(SquaredHinge):
        pass

    monkeypatch.setattr(choice, "FORCED", "sorted")
    target = torch.tensor([[1.0], [0.0]])
    for surrogate in (Logistic(), Mine()):
        assert pairs_of(torch.zeros(2, 1), target, surrogate).ordered is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_order_is_stable(dtype):
    scores = torch.tensor([[0.0, -0.0, 2, -1, 2, 1e15, -1e15, 1e-40], [3, 3, 3, 3, -3, -3, 0, 0]], dtype=dtype)
    assert descending(scores).tolist() == [[5, 2, 4, 7, 0, 1, 3, 6], [0, 1, 2, 3, 6, 7, 4, 5]]


@pytest.mark.parametrize("way", ["pairs", "sorted"])
@pytest.mark.parametrize("loss", ["auc-pairwise", "soap", "sopa", "staco"])
def test_transforms_of_torch_func(loss, way, monkeypatch):
    """In eval mode; in training, a state is written, which they refuse. There is no second derivative."""
    monkeypatch.setattr(choice, "FORCED", way)
    generator = torch.Generator().manual_seed(0)
    scores, target = torch.randn(20, 2, generator=generator), (torch.rand(20, 2, generator=generator) < 0.4).float()
    loss_fn = LOSSES[loss](20, 2).eval()

    def value(logits):
        return loss_fn(logits, target)

    logits = scores.clone().requires_grad_()
    expected = torch.autograd.grad(value(logits), logits)[0]
    torch.testing.assert_close(torch.func.grad(value)(scores), expected)
    with pytest.raises(RuntimeError, match="only be differentiated once"):
        torch.func.grad(lambda logits: torch.func.grad(value)(logits).square().sum())(scores)
    with pytest.raises(RuntimeError, match="in-place operation"):
        torch.func.grad(lambda logits: loss_fn.train()(logits, target, torch.arange(20)))(scores)
