import pytest
import torch
from nn_bags import attention, by_bag, ragged

from xgraph.nn import AttentionPooling

SIZES = [3, 1, 7, 2, 5]


def logits_of(pool, x):
    """As (6.108) has them."""
    hidden = torch.tanh(x @ pool.content.weight.T + pool.content.bias)
    if pool.gate is not None:
        hidden = hidden / (1 + (-(x @ pool.gate.weight.T) - pool.gate.bias).exp())
    return hidden @ pool.score.weight.T


def make(**options):
    torch.manual_seed(1)
    return AttentionPooling(6, 8, **options).double()


@pytest.mark.parametrize("gated", [False, True])
@pytest.mark.parametrize("with_value", [False, True])
def test_matches_the_definition(gated, with_value):
    pool = make(gated=gated)
    x, bag = ragged(SIZES, channels=6)
    x.requires_grad_()
    value = ragged(SIZES, channels=2, seed=5)[0].requires_grad_() if with_value else x
    logits = logits_of(pool, x)
    expected = by_bag(lambda v, g: attention(v, g[:, 0]), value, bag, 5, logits)
    result = pool(x, bag, dim_size=5, **({"value": value} if with_value else {}))
    torch.testing.assert_close(result, expected, rtol=1e-12, atol=1e-12)
    inputs = [x, *pool.parameters()] + [value] * with_value
    g = torch.randn(expected.shape, dtype=torch.float64)
    for a, b in zip(torch.autograd.grad(result, inputs, g), torch.autograd.grad(expected, inputs, g), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(pool.weights(x, bag), by_instance(logits, bag))


def by_instance(logits, bag):
    out = torch.empty_like(logits)
    for b in bag.unique():
        out[bag == b] = logits[bag == b].softmax(0)
    return out


def test_each_head_pools_its_share_of_the_columns():
    pool = make(heads=3)
    x, bag = ragged(SIZES, channels=6)
    logits = logits_of(pool, x)
    shares = [
        by_bag(lambda v, g: attention(v, g), part, bag, 5, g) for part, g in zip(x.split(2, 1), logits.T, strict=True)
    ]
    torch.testing.assert_close(pool(x, bag, dim_size=5), torch.cat(shares, 1))
    scores = ragged(SIZES, channels=3, seed=4)[0]  # three tasks, each with an attention of its own
    each = [by_bag(lambda v, g: attention(v, g), scores[:, t : t + 1], bag, 5, logits[:, t]) for t in range(3)]
    torch.testing.assert_close(pool(x, bag, dim_size=5, value=scores), torch.cat(each, 1))
    assert pool.weights(x, bag).shape == (18, 3)


@pytest.mark.parametrize("heads", [1, 2])
def test_state_and_gradient_follow_the_equations(heads):
    """(6.111) and (6.113), numerator and denominator in linear space, over several batches of sampled instances."""
    gamma = 0.3
    pool = make(heads=heads, num_bags=4, gamma=gamma)
    u = {}
    for step in range(5):
        x, bag = ragged([2, 3], channels=6, seed=step)
        x.requires_grad_()
        value = ragged([2, 3], channels=2, seed=step + 50)[0].requires_grad_()
        ids = torch.tensor([3, step % 2])
        g = torch.randn(2, 2, dtype=torch.float64)
        result = pool(x, bag, dim_size=2, bag_id=ids, value=value)
        inputs = [x, value, *pool.parameters()]
        grads = torch.autograd.grad(result, inputs, g)
        power = logits_of(pool, x).exp().repeat_interleave(2 // heads, dim=1)  # of the head of each column
        g1, g2 = (by_bag(lambda p: p.mean(0), part, bag, 2) for part in (power * value, power))
        surrogate = 0
        for row, number in enumerate(ids.tolist()):
            new = torch.stack([g1[row], g2[row]]).detach()
            u[number] = (1 - gamma) * u[number] + gamma * new if number in u else new
            u1, u2 = u[number]
            torch.testing.assert_close(result[row].detach(), u1 / u2, rtol=1e-12, atol=1e-12)
            surrogate = surrogate + (g[row] * (g1[row] / u2 - u1 / u2**2 * g2[row])).sum()
        for a, b in zip(grads, torch.autograd.grad(surrogate, inputs), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


def test_value_may_be_wider_than_embeddings():
    pool = AttentionPooling(6, 8, num_bags=9)
    x, bag = ragged(SIZES, channels=6, dtype=torch.float32)
    value = ragged(SIZES, channels=1)[0]
    out = pool(x, bag, dim_size=5, bag_id=torch.arange(5), value=value)
    assert out.dtype == torch.float64
    expected = by_bag(lambda v, w: (w * v).sum(0), value, bag, 5, pool.weights(x, bag).double())
    torch.testing.assert_close(out, expected)


def test_large_bag_in_half_precision_is_finite():
    torch.manual_seed(0)
    pool = AttentionPooling(16, 8, gated=True)
    pool.score.weight.data.mul_(1000)  # logits of hundreds
    x = 3 * torch.randn(100_000, 16)
    logits = pool.logits(x)
    assert logits.abs().max() > 200
    weight = pool.weights(x)
    assert abs(weight.double().sum().item() - 1) < 1e-4
    out = pool(x)
    assert out.isfinite().all()
    torch.testing.assert_close(out[0], attention(x.double(), logits[:, 0].double()).float(), rtol=1e-3, atol=1e-3)
    out.sum().backward()
    assert all(p.grad.isfinite().all() for p in pool.parameters())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_are_float32_or_wider(dtype):
    """Thousands of weights in bfloat16 would not sum to one."""
    pool = AttentionPooling(6, 8).to(dtype)
    x = torch.randn(5000, 6, generator=torch.Generator().manual_seed(0)).to(dtype)
    weight = pool.weights(x)
    assert weight.dtype == torch.float32
    torch.testing.assert_close(weight, pool.logits(x).double().softmax(0).float())
    ones = torch.ones(5000, 1, dtype=dtype)
    assert pool(x, value=ones).item() == 1


def test_state_recovers_from_huge_logits():
    pool = AttentionPooling(1, 1, num_bags=2, gamma=0.1)
    pool.content.weight.data.fill_(10.0)
    pool.content.bias.data.zero_()
    pool.score.weight.data.fill_(1.0)
    bag, ids = torch.tensor([0, 0, 0, 1, 1]), torch.tensor([1, 0])
    x = torch.tensor([[0.3], [-1.0], [0.5], [0.1], [-0.2]], requires_grad=True)
    pool(x, bag, dim_size=2, bag_id=ids)
    for scale in (200.0, -200.0, 2e4, 200.0):
        pool.score.weight.data.fill_(scale)
        out = pool(x, bag, dim_size=2, bag_id=ids)
        assert out.isfinite().all()
        assert all(grad.isfinite().all() for grad in torch.autograd.grad(out.sum(), [x, *pool.parameters()]))
    pool.score.weight.data.fill_(1.0)
    result = pool(x, bag, dim_size=2, bag_id=ids)
    exact = pool(x, bag, dim_size=2)
    torch.testing.assert_close(result, exact)
    grads = [torch.autograd.grad(out.sum(), [x, *pool.parameters()]) for out in (result, exact)]
    torch.testing.assert_close(*grads)


@pytest.mark.parametrize("heads", [1, 2])
def test_max_lag_bounds_the_state(heads):
    pool = AttentionPooling(2, 1, heads=heads, num_bags=1, gamma=0.1, max_lag=3.0)
    pool.content.weight.data.fill_(0.0)
    pool.content.bias.data.fill_(10.0)  # so that g is the weight of the score
    for g, level in ((20.0, 20.0), (0.0, 3.0)):
        pool.score.weight.data.fill_(g)
        pool(torch.ones(1, 2), bag_id=torch.tensor([0]))
        assert pool.track.value[0, :, -1].tolist() == pytest.approx([level] * heads)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, bag: make()(x[:, :5], bag), r"embeddings must have shape \[N, 6\], got \[18, 5\]"),
        (lambda x, bag: make()(x, bag, value=x[:3]), r"value must have shape \[18, C\], one row per instance"),
        (lambda x, bag: make(heads=4)(x, bag), "heads must divide the number of pooled columns, 6, got 4"),
        (lambda x, bag: make(heads=4, num_bags=9, channels=6), "heads must divide the number of pooled columns, 6"),
        (lambda x, bag: make(heads=0), "heads must be at least 1"),
    ],
)
def test_invalid_arguments_are_rejected(call, message):
    with pytest.raises(ValueError, match=message):
        call(*ragged(SIZES, channels=6))
