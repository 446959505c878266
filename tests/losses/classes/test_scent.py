import copy
import itertools
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from xgraph.distributed import gathered
from xgraph.estimators import CosineGamma
from xgraph.losses import ScentLoss
from xgraph.losses.classes.sampling import log_share_in_batch, union

CLASSES, ITEMS = 7, 12


def batch(generator, size=5, width=4):
    hidden = torch.randn(size, width, generator=generator, dtype=torch.float64).requires_grad_()
    return (
        hidden,
        torch.randint(CLASSES, (size,), generator=generator),
        torch.randint(ITEMS, (size,), generator=generator),
    )


def layer(width=4):
    generator = torch.Generator().manual_seed(9)
    shapes = (CLASSES, width), (CLASSES,)
    return [torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_() for shape in shapes]


class Scent:
    """The algorithm one pair at a time in Python floats: u in linear space, the value, and d value / d R."""

    def __init__(self, alpha=0.1, gamma=None, own=1.0):
        self.alpha, self.gamma, self.own, self.u = alpha, gamma, own, {}

    def step(self, gaps, weights, items):
        """Lists of R_ij of each row, of 1 / pi_ij, and of items."""
        g = [
            (self.own + sum(w * math.exp(r) for r, w in zip(row, weight, strict=True))) / CLASSES
            for row, weight in zip(gaps, weights, strict=True)
        ]
        for item in dict.fromkeys(items):
            own = [value for value, other in zip(g, items, strict=True) if other == item]
            mean = sum(own) / len(own)
            before = self.u.get(item, mean)
            rate = self.gamma
            if rate is None:
                rate = CLASSES * self.alpha * before / (1 + CLASSES * self.alpha * before)  # sigma(log alpha + v)
            self.u[item] = (1 - rate) * before + rate * mean
        value = sum(math.log(self.u[item] * CLASSES) for item in items) / len(items)
        slopes = [
            [w * math.exp(r) / CLASSES / self.u[item] / len(items) for r, w in zip(row, weight, strict=True)]
            for row, weight, item in zip(gaps, weights, items, strict=True)
        ]
        return value, slopes


def explicit(reference, hidden, target, index, weight, bias, sample, classes):
    """The value and the gradients for the vectors, the weight and the bias."""
    scores = (hidden @ weight.t() + bias).detach()
    columns = [[j for j in sample.classes.tolist() if j != y] for y in target.tolist()]
    gaps = [[(scores[i, j] - scores[i, y]).item() for j in columns[i]] for i, y in enumerate(target.tolist())]
    place = {j: k for k, j in enumerate(sample.classes.tolist())}
    weights = [
        [(CLASSES - 1) / len(own) if classes == "uniform" else math.exp(-sample.log_share[place[j]]) for j in own]
        for own in columns
    ]
    value, slopes = reference.step(gaps, weights, index.tolist())
    pull = torch.zeros_like(scores)
    for i, y in enumerate(target.tolist()):
        for j, slope in zip(columns[i], slopes[i], strict=True):
            pull[i, j] += slope
            pull[i, y] -= slope
    return value, pull @ weight.detach(), pull.t() @ hidden.detach(), pull.sum(0)


@pytest.mark.parametrize("classes", ["uniform", "batch", "both"])
@pytest.mark.parametrize("gamma", [None, 0.3])
def test_autograd_matches_the_algorithm_over_many_steps_and_a_restore(classes, gamma):
    generator = torch.Generator().manual_seed(0)
    count = torch.tensor([9, 5, 3, 2, 1, 4, 8])
    options = {"classes": classes, "gamma": gamma, "num_sampled": 3, "class_count": count}
    loss_fn, reference = ScentLoss(ITEMS, CLASSES, **options).double(), Scent(gamma=gamma)
    weight, bias = layer()
    for step in range(30):
        if step == 10:
            saved, loss_fn = loss_fn, ScentLoss(ITEMS, CLASSES, **options).double()
            loss_fn.load_state_dict(saved.state_dict())
        if step == 20:
            loss_fn = copy.deepcopy(loss_fn)
        hidden, target, index = batch(generator)
        sample = loss_fn.sample(target)
        loss = loss_fn(hidden, target, index, weight, bias)
        value, *expected = explicit(reference, hidden, target, index, weight, bias, sample, classes)
        assert loss.item() == pytest.approx(value, abs=1e-12)
        for own, right in zip(torch.autograd.grad(loss, (hidden, weight, bias)), expected, strict=True):
            torch.testing.assert_close(own, right, atol=1e-12, rtol=1e-10)
    for item, u in reference.u.items():
        assert loss_fn.track.value[item].exp().item() == pytest.approx(u, rel=1e-10)
    assert int(loss_fn.draws) == 30


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("form", ["tensors", "linear", "embedding", "logits"])
def test_with_all_classes_and_no_history_it_is_cross_entropy(form, smoothing):
    hidden, target, _ = batch(torch.Generator().manual_seed(1))
    index = torch.arange(5)
    weight, bias = layer()
    last = nn.Linear(4, CLASSES).double()
    last.weight.data, last.bias.data = weight.data, bias.data
    embedding = nn.Embedding.from_pretrained(weight.detach(), freeze=False)
    given = {
        "tensors": (hidden, weight, bias),
        "linear": (hidden, last),
        "embedding": (hidden, embedding, bias),
        "logits": (hidden @ weight.t() + bias,),
    }[form]
    expected = F.cross_entropy(hidden @ weight.t() + bias, target, label_smoothing=smoothing)
    (right,) = torch.autograd.grad(expected, hidden)
    options = {"num_sampled": 99, "label_smoothing": smoothing}
    for loss_fn in (
        ScentLoss(ITEMS, CLASSES, gamma=1.0, **options),
        ScentLoss(ITEMS, CLASSES, num_sampled=2, label_smoothing=smoothing).eval(),
    ):
        loss = loss_fn.double()(given[0], target, index, *given[1:])
        assert loss.item() == pytest.approx(expected.item(), abs=1e-12)
        torch.testing.assert_close(
            torch.autograd.grad(loss, hidden, retain_graph=True)[0], right, atol=1e-12, rtol=1e-9
        )
        assert bool(loss_fn.track.seen.any()) == loss_fn.training
    one_hot = F.one_hot(target, CLASSES).double()
    assert loss_fn(given[0], one_hot, None, *given[1:]).item() == pytest.approx(expected.item(), abs=1e-12)


def test_estimates_of_the_normaliser_are_unbiased():
    """All batches of three of nine items, with the union of their classes and all pairs drawn uniformly."""
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 2, 2, 3])
    count = torch.bincount(labels, minlength=5)  # class 4 has no items
    score = torch.tensor([0.3, -1.0, 2.0, 0.7, 1.5], dtype=torch.float64)
    padded = torch.cat([count.double(), torch.tensor([9.0], dtype=torch.float64)])
    log_share = log_share_in_batch(padded, 3)

    def mean(share, drawn_sets):
        total, number = 0.0, 0
        for others in itertools.combinations(range(1, 9), 2):  # beside item 0
            own = torch.unique(labels[[0, *others]])
            for drawn in drawn_sets:
                sample = union(torch.tensor(drawn, dtype=torch.int64), own, log_share, share)
                used = sample.classes != 0
                total += (score[sample.classes[used]].exp() / sample.log_share[used].exp()).sum().item()
                number += 1
        return total / number

    assert mean(0.0, [()]) == pytest.approx(score[1:4].exp().sum().item(), rel=1e-12)
    pairs = list(itertools.combinations(range(5), 2))
    assert mean(0.4, pairs) == pytest.approx(score[1:].exp().sum().item(), rel=1e-12)
    uniform = [sum(math.exp(score[j]) * 4 / len([k for k in pair if k]) for j in pair if j) for pair in pairs]
    assert sum(uniform) / len(pairs) == pytest.approx(score[1:].exp().sum().item(), rel=1e-12)


def test_uniform_draws_are_uniform_and_follow_the_step():
    loss_fn = ScentLoss(4, 1000, num_sampled=50)
    hits = torch.zeros(1000)
    for step in range(400):
        loss_fn.draws.fill_(step)
        drawn = loss_fn.sample(torch.tensor([0])).classes
        assert len(drawn.unique()) == 50
        hits[drawn] += 1
    assert hits.mean() == 20
    assert (hits - 20).square().mean().item() == pytest.approx(19, rel=0.2)  # that of 400 draws at a share of .05
    assert torch.equal(drawn, loss_fn.sample(torch.tensor([7])).classes)
    other = loss_fn.sample(torch.tensor([7]), torch.Generator().manual_seed(5)).classes
    assert torch.equal(other, loss_fn.sample(torch.tensor([1]), torch.Generator().manual_seed(5)).classes)
    assert not torch.equal(other, drawn)


@pytest.mark.parametrize("sparse", [False, True])
def test_known_classes_are_no_negatives(sparse):
    hidden, _, index = batch(torch.Generator().manual_seed(2))
    target = torch.tensor([0, 1, -1, 2, 3])
    weight, bias = layer()
    known = torch.zeros(5, CLASSES, dtype=torch.bool)
    known[0, [0, 4, 5]] = known[1, 6] = known[2, 3] = True
    known[3] = True  # every other class is true as well
    scores = (hidden @ weight.t() + bias).masked_fill(known & (torch.arange(CLASSES) != target[:, None]), -torch.inf)
    expected = F.cross_entropy(scores, target, ignore_index=-1)
    given = known.double().to_sparse_csr() if sparse else known
    loss = ScentLoss(ITEMS, CLASSES, gamma=1.0).double()(hidden, target, index, weight, bias, given)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-12)
    right = torch.autograd.grad(expected, hidden)[0]
    torch.testing.assert_close(torch.autograd.grad(loss, hidden)[0], right, atol=1e-12, rtol=1e-9)
    sampled = ScentLoss(ITEMS, CLASSES, num_sampled=2).double()
    assert sampled(hidden, target, index, weight, bias, given).isfinite()
    assert not sampled.track.seen[index[2]] or index[2] in index[[0, 1, 3, 4]]


def test_missing_labels_contribute_nothing_and_are_not_written():
    hidden, target, index = batch(torch.Generator().manual_seed(3))
    index = torch.arange(5)
    weight, bias = layer()
    loss_fn, other = (ScentLoss(ITEMS, CLASSES, num_sampled=3).double() for _ in range(2))
    some = target.clone()
    some[[1, 4]] = -1
    loss = loss_fn(hidden, some, index, weight, bias)
    kept = torch.tensor([0, 2, 3])
    assert loss.item() == other(hidden[kept], target[kept], kept, weight, bias).item()
    assert loss_fn.track.seen.nonzero().flatten().tolist() == [0, 2, 3]
    nothing = loss_fn(hidden, torch.full((5,), -1), index, weight, bias)
    assert nothing.item() == 0
    assert not torch.autograd.grad(nothing, hidden)[0].any()
    assert int(loss_fn.draws) == 1


def test_as_printed_the_own_class_is_left_out():
    hidden, target, _ = batch(torch.Generator().manual_seed(4))
    index = torch.arange(5)
    weight, bias = layer()
    scores = hidden @ weight.t() + bias
    own = scores.gather(1, target[:, None])
    rest = (scores - own).masked_fill(F.one_hot(target, CLASSES).bool(), -torch.inf).logsumexp(1).mean()
    loss_fn = ScentLoss(ITEMS, CLASSES, gamma=1.0, decoupled=True).double()
    assert loss_fn(hidden, target, index, weight, bias).item() == pytest.approx(rest.item(), abs=1e-12)
    alone = ScentLoss(
        ITEMS, CLASSES, decoupled=True, classes="batch", class_count=torch.ones(CLASSES, dtype=torch.long)
    )
    loss = alone.double()(hidden[:1], target[:1], index[:1], weight, bias)
    assert loss.item() == 0, "no other class is in the batch"
    assert not alone.track.seen.any()


def test_one_sampled_class_and_extreme_scores_stay_finite():
    loss_fn = ScentLoss(6, 2, num_sampled=1)
    weight = torch.tensor([[1.0], [-1.0]], requires_grad=True)
    for scale in (1.0, 1e4, -1e4, 1.0):
        hidden = torch.full((6, 1), scale, requires_grad=True)
        for _ in range(10):
            loss = loss_fn(hidden, torch.tensor([0, 1] * 3), torch.arange(6), weight)
            assert loss.isfinite()
            assert all(bool(grad.isfinite().all()) for grad in torch.autograd.grad(loss, (hidden, weight)))
    exact = F.cross_entropy(hidden @ weight.t(), torch.tensor([0, 1] * 3))
    assert loss_fn.eval()(hidden, torch.tensor([0, 1] * 3), None, weight).item() == pytest.approx(
        exact.item(), rel=1e-6
    )


def test_history_takes_most_of_the_bias_away():
    """At fixed scores, the mean gradient over steps against that of exact cross-entropy."""
    generator = torch.Generator().manual_seed(0)
    scores = (3 * torch.randn(20, 50, generator=generator)).double().requires_grad_()
    target = torch.randint(50, (20,), generator=generator)
    exact = torch.autograd.grad(F.cross_entropy(scores, target), scores)[0]

    def error(**options):
        loss_fn, total = ScentLoss(20, 50, num_sampled=5, **options).double(), torch.zeros_like(scores)
        for step in range(600):
            loss = loss_fn(scores, target, torch.arange(20))
            total += torch.autograd.grad(loss, scores)[0] * (step >= 200)
        return ((total / 400 - exact).norm() / exact.norm()).item()

    softmax = error(gamma=1.0)
    assert error(gamma=0.05) < 0.4 * softmax


def test_a_sparse_embedding_gets_a_sparse_gradient_and_types_are_kept():
    embedding, generator = nn.Embedding(5000, 4, sparse=True), torch.Generator().manual_seed(0)
    loss_fn = ScentLoss(ITEMS, 5000, num_sampled=10)
    hidden, target, index = batch(generator)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = loss_fn(hidden.to(torch.bfloat16), target, index, embedding)
    assert loss.dtype == loss_fn.track.value.dtype == torch.float32
    loss.backward()
    grad = embedding.weight.grad
    assert grad is not None
    assert grad.is_sparse
    assert len(grad.coalesce().indices()[0]) <= 15
    objective = gathered(loss_fn)
    assert objective(hidden.float(), target, index, embedding).isfinite()
    assert "num_classes=5000, classes='uniform', num_sampled=10" in repr(loss_fn)


def test_monitor_and_schedule():
    loss_fn = ScentLoss(ITEMS, CLASSES, gamma=CosineGamma(10, gamma_min=0.5))
    assert math.isnan(loss_fn.monitor()["objective"])
    loss_fn.set_epoch(5)
    assert loss_fn.track.gamma == 0.75
    logits, target = torch.randn(4, CLASSES), torch.tensor([0, 1, 2, 3])
    loss = loss_fn(logits, target, torch.arange(4))
    assert loss_fn.monitor()["objective"] == pytest.approx(loss.item(), rel=1e-6)
    assert loss_fn.monitor()["seen"] == pytest.approx(4 / ITEMS)


H, Y, ROW = torch.zeros(3, 4), torch.tensor([0, 1, 2]), torch.tensor([0, 1, 2])
W = torch.zeros(CLASSES, 4)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((H, Y, ROW), ValueError, r"hidden must have the shape \[B, 7\], one logit per class, if there is no weight"),
        ((H, Y, ROW, W[:6]), ValueError, r"weight must have the shape \[7, 4\], got \[6, 4\]"),
        ((H, Y, ROW, W, torch.zeros(6)), ValueError, r"bias must have the shape \[7\]"),
        ((H, Y, ROW, nn.Linear(4, 7), torch.zeros(7)), ValueError, "bias: the layer given as weight has its own"),
        ((H, Y, ROW, [1.0]), TypeError, "weight must be a tensor, a torch.nn.Linear or a torch.nn.Embedding, got list"),
        ((H.long(), Y, ROW, W), TypeError, "hidden must be a tensor of floating-point numbers"),
        ((H / 0, Y, ROW, W), ValueError, "hidden must be finite, got nan in row 0"),
        (
            (H, Y + 5, ROW, W),
            IndexError,
            r"target must lie in 0..6 \(num_classes=7\), got 7; target holds classes from 0",
        ),
        ((H, Y - 2, ROW, W), IndexError, "got -2"),
        ((H, Y.float(), ROW, W), TypeError, "target must hold integers"),
        ((H, Y[:2], ROW, W), ValueError, r"target must have the shape \[3\], one class per row, or \[3, 7\], one-hot"),
        ((H, torch.ones(3, 7), ROW, W), ValueError, "one-hot with a single 1 per row; row 0 has 7"),
        ((H, Y, None, W), ValueError, "index is required in training"),
        ((H, Y, ROW + 10, W), IndexError, r"index must lie in 0\.\.11"),
        ((H, Y, ROW, W, None, torch.ones(3, 6) > 0), ValueError, r"known must have the shape \[3, 7\]"),
        ((H, Y, ROW, W, None, torch.ones(3, 7)), TypeError, "known must be boolean, or sparse"),
    ],
)
def test_invalid_input_is_rejected_before_writing(arguments, error, text):
    loss_fn = ScentLoss(ITEMS, CLASSES)
    with pytest.raises(error, match=text):
        loss_fn(*arguments)
    assert not loss_fn.track.seen.any()
    assert int(loss_fn.draws) == 0


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"num_classes": 1}, ValueError, "num_classes must be at least 2, got 1"),
        ({"alpha": 0.0}, ValueError, "alpha"),
        ({"gamma": 2.0}, ValueError, "gamma"),
        ({"classes": "all"}, ValueError, "classes must be one of uniform, batch, both"),
        ({"num_sampled": 0}, ValueError, "num_sampled"),
        ({"label_smoothing": 1.0}, ValueError, "label_smoothing"),
        ({"classes": "batch"}, ValueError, "class_count is required for classes='batch'"),
        ({"class_count": torch.ones(3, dtype=torch.long)}, ValueError, r"class_count must have the shape \[7\]"),
        ({"class_count": torch.ones(7)}, TypeError, "class_count must be a tensor of integers"),
        ({"class_count": torch.zeros(7, dtype=torch.long)}, ValueError, "not only zeros"),
    ],
)
def test_arguments_out_of_range_are_rejected(options, error, text):
    with pytest.raises(error, match=text):
        ScentLoss(**{"num_items": ITEMS, "num_classes": CLASSES, **options})


def test_a_class_that_was_never_counted_is_refused():
    loss_fn = ScentLoss(ITEMS, CLASSES, classes="batch", class_count=torch.tensor([3, 3, 0, 1, 1, 1, 1]))
    with pytest.raises(ValueError, match="class_count says that class 2 has no items, but the batch holds one"):
        loss_fn(H, Y, ROW, W)
