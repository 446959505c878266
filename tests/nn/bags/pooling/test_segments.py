import pytest
import torch
from nn_bags import by_bag, ragged

from xgraph.nn.bags.pooling.segments import Bags

SIZES = [3, 1, 7, 2, 5]


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("heads", [1, 2, 4])
def test_weighted_sums_per_bag(shuffled, heads):
    x, bag = ragged(SIZES, channels=4, shuffled=shuffled)
    weight = ragged(SIZES, channels=heads, seed=1)[0]
    x.requires_grad_()
    weight.requires_grad_()
    out = Bags.of(x, bag, size=5).weighted_sum(weight, x)
    spread = weight.repeat_interleave(4 // heads, dim=1)
    expected = by_bag(lambda x, w: (w * x).sum(0), x, bag, 5, spread).view(5, heads, -1)
    torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-12)
    g = torch.randn(out.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    for result, wanted in zip(
        torch.autograd.grad(out, (x, weight), g), torch.autograd.grad(expected, (x, weight), g), strict=True
    ):
        torch.testing.assert_close(result, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("which", ["x", "weight"])
def test_gradient_with_respect_to_one_argument_only(which):
    x, bag = ragged(SIZES)
    weight = torch.rand(len(x), 1, dtype=torch.float64)
    (x if which == "x" else weight).requires_grad_()
    out = Bags.of(x, bag).weighted_sum(weight, x)
    out.sum().backward()
    expected = weight.expand_as(x) if which == "x" else x.sum(1, keepdim=True)
    torch.testing.assert_close((x if which == "x" else weight).grad, expected)


def test_second_derivative_raises_an_error():
    x, bag = ragged(SIZES)
    weight = torch.rand(len(x), 1, dtype=torch.float64, requires_grad=True)
    out = Bags.of(x, bag).weighted_sum(weight, x.requires_grad_())
    (grad,) = torch.autograd.grad(out.square().sum(), weight, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()


@pytest.mark.parametrize("tau", [1.0, 0.05])
def test_softmax_per_bag(tau):
    x, bag = ragged(SIZES)
    x.requires_grad_()
    weight, log_mean = Bags.of(x, bag).softmax(x, tau)
    for b in range(5):
        torch.testing.assert_close(weight[bag == b], (x[bag == b] / tau).softmax(0))
    expected = by_bag(lambda x: (x / tau).exp().mean(0).log(), x, bag, 5)
    torch.testing.assert_close(log_mean, expected)
    assert torch.equal(Bags.of(x, bag).log_mean_exp(x, tau), log_mean)
    g = torch.randn(5, 3, dtype=torch.float64)
    result, wanted = (torch.autograd.grad(out, x, g, retain_graph=True)[0] for out in (log_mean, expected))
    torch.testing.assert_close(result, wanted)
    h = torch.randn(weight.shape, dtype=torch.float64)
    each = torch.cat([(x[bag == b] / tau).softmax(0) for b in range(5)])
    of_each = torch.cat([h[bag == b] for b in range(5)])
    result, wanted = torch.autograd.grad(weight, x, h)[0], torch.autograd.grad(each, x, of_each)[0]
    torch.testing.assert_close(result, wanted)


def test_softmax_of_huge_numbers_keeps_small_differences():
    x = torch.tensor([[200.0], [200.0 - 2.0**-14], [-200.0]])  # a τ of 1e-3 apart by 0.061: float32 has it
    weight, log_mean = Bags.of(x, torch.zeros(3, dtype=torch.long)).softmax(x, 1e-3)
    expected = (x.double() / 1e-3).softmax(0)
    torch.testing.assert_close(weight.double(), expected, rtol=1e-5, atol=1e-12)
    assert log_mean.isfinite().all()


def test_bags_from_ptr_and_without_index():
    x, _ = ragged([2, 3])
    assert Bags.of(x, None, torch.tensor([0, 2, 5])).index.tolist() == [0, 0, 1, 1, 1]
    assert Bags.of(x, None).count.tolist() == [5.0]
    assert Bags.of(x, torch.tensor([0, 1, 0, 1, 1], dtype=torch.int32)).index.dtype == torch.int64


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"index": [0, 0, 2, 2]}, ValueError, "at least one instance, but bag 1 of the batch's 3 bags has none"),
        ({"index": [0, 0, 1, 1], "size": 4}, ValueError, "bag 2 of the batch"),
        ({"ptr": [0, 2, 2, 4]}, ValueError, "bag 1 of the batch"),
        ({"ptr": [1, 2, 4]}, ValueError, "ptr must start at 0 and end at the number of instances, 4, got 1 and 4"),
        ({"ptr": [0, 3, 2, 4]}, ValueError, "ptr must not decrease"),
        ({"ptr": [0.0, 4.0]}, TypeError, "ptr must be a tensor of integers, got torch.float32"),
        ({"ptr": torch.empty(0, dtype=torch.long)}, ValueError, r"ptr must have shape \[B \+ 1\], got \[0\]"),
        ({"ptr": [0, 2, 3]}, ValueError, "ptr must start at 0 and end at the number of instances, 4, got 0 and 3"),
        ({"index": [0, 0, 1]}, ValueError, r"index must have shape \[4\], one bag per instance, got \[3\]"),
        ({"index": [0, 1, 2, 3], "size": 3}, IndexError, r"index must be between 0 and 2 \(dim_size=3\), got 3"),
        ({"index": [0, 1, -1, 1], "size": 2}, IndexError, "got -1"),
        ({"index": [0.0, 0.0, 1.0, 1.0]}, TypeError, "index must be a tensor of integers, got torch.float32"),
    ],
)
def test_invalid_bags_are_rejected(arguments, error, message):
    tensors = {k: torch.tensor(v) if isinstance(v, list) else v for k, v in arguments.items()}
    with pytest.raises(error, match=message):
        Bags.of(torch.zeros(4, 2), **{"index": None, **tensors})


def test_batch_without_instances():
    nothing = torch.zeros(0, dtype=torch.long)
    bags = Bags.of(torch.zeros(0, 2), nothing)
    assert bags.count.tolist() == []
    assert bags.weighted_sum(torch.zeros(0, 2), torch.zeros(0, 6)).shape == (0, 2, 3)
    with pytest.raises(ValueError, match="bag 0 of the batch's 2 bags has none"):
        Bags.of(torch.zeros(0, 2), nothing, size=2)


def test_weighted_sums_in_functional_transforms():
    x, index = torch.randn(5, 3, dtype=torch.float64), torch.tensor([1, 0, 1, 1, 0])
    weight = torch.rand(5, 1, dtype=torch.float64)
    bags = Bags.of(x, index, size=2)
    result = torch.func.grad(lambda v: bags.weighted_sum(weight, v)[0].square().sum())(x)
    own = (index == 0)[:, None]
    torch.testing.assert_close(result, own * weight * 2 * (own * weight * x).sum(0))
