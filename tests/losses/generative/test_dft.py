import copy
import math
import pickle

import pytest
import torch
from torch.nn import functional as F

from xgraph.estimators import CosineGamma, skip_infinite
from xgraph.losses import DFTLoss, PairwiseAUCLoss, SOPAsLoss


def batch(seed, items=6, rows=4, samples=3):
    generator = torch.Generator().manual_seed(seed)
    index = torch.randint(items, (rows,), generator=generator)
    features = torch.randn(rows, samples + 1, 5, generator=generator, dtype=torch.float64)
    log_prob = torch.randn(rows, samples, generator=generator, dtype=torch.float64) - 1
    w = torch.randn(5, generator=generator, dtype=torch.float64, requires_grad=True)
    return index, features, log_prob, w


@pytest.mark.parametrize("weighted", [True, False])
def test_value_gradient_and_state_match_algorithm_36_over_40_steps_and_a_restore(weighted):
    """(6.72) and (6.73) in linear space, with the first estimate stored unchanged; items can occur twice."""
    loss_fn, u = DFTLoss(6, temperature=0.7, gamma=0.3).double(), {}
    for seed in range(40):
        if seed == 20:
            fresh = DFTLoss(6, temperature=0.7, gamma=0.3).double()
            fresh.load_state_dict(loss_fn.state_dict())
            loss_fn = fresh
        index, x, log_prob, w = batch(seed)
        fixed = w.detach()
        means = [
            sum(
                math.exp((x[i, j + 1] @ fixed).item() / 0.7 - weighted * log_prob[i, j].item()) for j in range(3)
            ) / 3
            for i in range(4)
        ]  # fmt: skip
        for item in set(index.tolist()):
            rows = [i for i in range(4) if index[i] == item]
            estimate = sum(means[i] for i in rows) / len(rows)
            u[item] = 0.7 * u[item] + 0.3 * estimate if item in u else estimate
        value, gradient = 0.0, torch.zeros(5, dtype=torch.float64)
        for i in range(4):
            value += (-(x[i, 0] @ fixed).item() + 0.7 * math.log(u[index[i].item()])) / 4
            gradient -= x[i, 0] / 4
            for j in range(3):
                weight = math.exp((x[i, j + 1] @ fixed).item() / 0.7 - weighted * log_prob[i, j].item())
                gradient += weight / u[index[i].item()] / 3 / 4 * x[i, j + 1]
        loss = loss_fn(x[:, 0] @ w, x[:, 1:] @ w, index, log_prob if weighted else None)
        loss.backward()
        if len(set(index.tolist())) == 4:  # else the rows of an item share the mean of their estimates
            torch.testing.assert_close(w.grad, gradient, atol=1e-12, rtol=1e-12)
        assert loss.item() == pytest.approx(value, abs=1e-12)
    for item, state in u.items():
        assert loss_fn.track.value[item].item() == pytest.approx(math.log(state), abs=1e-12)


def test_all_answers_are_the_softmax_cross_entropy():
    scores = torch.randn(5, 8, dtype=torch.float64, requires_grad=True)
    label = torch.tensor([0, 3, 7, 2, 2])
    loss_fn = DFTLoss(5, temperature=0.5, gamma=1.0).double()
    positive = scores.gather(1, label[:, None]).squeeze(1)
    loss = loss_fn(positive, scores, torch.arange(5), torch.full((5, 8), -math.log(8), dtype=torch.float64))
    expected = 0.5 * F.cross_entropy(scores / 0.5, label)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(*(torch.autograd.grad(one, scores, retain_graph=True)[0] for one in (loss, expected)))


def test_state_survives_copies_and_a_schedule():
    loss_fn = DFTLoss(6, gamma=CosineGamma(10, 0.2))
    loss_fn.set_epoch(10)
    for seed in range(3):
        index, x, _, w = batch(seed)
        loss_fn((x[:, 0] @ w).float(), (x[:, 1:] @ w).float(), index)
    restored = DFTLoss(6, gamma=CosineGamma(10, 0.2))
    restored.load_state_dict(loss_fn.state_dict())
    index, x, _, w = batch(9)
    arguments = (x[:, 0] @ w).float(), (x[:, 1:] @ w).float(), index
    expected = copy.deepcopy(loss_fn)(*arguments)
    assert torch.equal(restored(*arguments), expected)
    assert torch.equal(pickle.loads(pickle.dumps(loss_fn))(*arguments), expected)
    with pytest.raises(RuntimeError, match="size mismatch"):
        DFTLoss(7).load_state_dict(DFTLoss(6).state_dict())


def test_refused_batches_write_nothing():
    loss_fn = DFTLoss(6)
    right, sampled, index = torch.randn(4), torch.randn(4, 3), torch.arange(4)
    loss_fn(right, sampled, index)
    before = {name: value.clone() for name, value in loss_fn.state_dict().items()}
    bad = sampled.clone()
    bad[2, 1] = math.nan
    for arguments, error, message in (
        ((right, sampled[:3], index), ValueError, r"shapes \[B\] and \[B, m\], .* got \[4\] and \[3, 3\]"),
        ((right, sampled[:, :0], index), ValueError, "with m of 1 or more"),
        ((right, sampled, index, sampled[:, :2]), ValueError, r"log_prob must have the shape of sampled \[4, 3\]"),
        ((right, sampled.long(), index), TypeError, "sampled must be a tensor of floating-point numbers"),
        ((right, bad, index), ValueError, "sampled must be finite and within .* row 2 is not"),
        ((right, sampled, index + 3), IndexError, "got 6"),
        ((right, sampled, index[:3]), ValueError, r"index must have the shape \[4\]"),
        ((right, sampled), ValueError, "index is required in training"),
        ((right.to("meta"), sampled, index), ValueError, "one device"),
    ):
        with pytest.raises(error, match=message):
            loss_fn(*arguments)
    leaf = bad.requires_grad_()
    loss = skip_infinite(loss_fn)(right, leaf, index)
    loss.backward()
    assert loss.item() == math.inf
    assert all(torch.equal(before[name], value) for name, value in loss_fn.state_dict().items())
    loss_fn.eval()(right, sampled)
    assert loss_fn(right[:0], sampled[:0]).item() == 0


class Identity:
    """ℓ(s) = s."""

    def __call__(self, difference):
        return difference

    def slope(self, difference):
        return torch.ones_like(difference)


def test_disco_is_a_loss_of_pairs_with_questions_as_columns():
    """(6.81) and (6.82) by double loops: answers are rows, rewards labels; a question with one reward counts not."""
    scores = torch.randn(12, 4, dtype=torch.float64)
    reward = torch.full((12, 4), math.nan, dtype=torch.float64)
    for question in range(4):  # each has three answers of its own
        reward[3 * question : 3 * question + 3, question] = torch.tensor([1.0, 0.0, 0.0])
    reward[9:, 3] = 1.0
    differences = {q: [(scores[3 * q + j, q] - scores[3 * q, q]).item() for j in (1, 2)] for q in range(3)}
    plain = sum(sum(pair) / 2 for pair in differences.values()) / 3
    soft = sum(0.5 * math.log(sum(math.exp(d / 0.5) for d in pair) / 2) for pair in differences.values()) / 3
    index = torch.arange(12)
    pairs = PairwiseAUCLoss(12, 4, surrogate=Identity()).double()
    assert pairs(scores, reward, index).item() == pytest.approx(plain)
    robust = SOPAsLoss(12, 4, surrogate=Identity(), temperature=0.5, gamma=1.0).double()
    assert robust(scores, reward, index).item() == pytest.approx(soft)
