import pytest
import torch
from nn_bags import by_bag, ragged, smoothed_max

from xgraph.nn import MeanPooling, SmoothedMaxPooling

SIZES = [3, 1, 7, 2, 5]


@pytest.mark.parametrize("tau", [0.1, 1.0, 10.0])
def test_matches_the_definition(tau):
    x, bag = ragged(SIZES)
    x.requires_grad_()
    result, expected = SmoothedMaxPooling(tau)(x, bag, dim_size=5), by_bag(lambda x: smoothed_max(x, tau), x, bag, 5)
    torch.testing.assert_close(result, expected, rtol=1e-12, atol=1e-12)
    g = torch.randn(5, 3, dtype=torch.float64)
    torch.testing.assert_close(torch.autograd.grad(result, x, g), torch.autograd.grad(expected, x, g))


def test_lies_between_mean_and_maximum():
    x, bag = ragged(SIZES)
    largest = by_bag(lambda x: x.max(0).values, x, bag, 5)
    torch.testing.assert_close(SmoothedMaxPooling(1e-6)(x, bag), largest, rtol=0, atol=1e-5)
    torch.testing.assert_close(SmoothedMaxPooling(1e5)(x, bag), MeanPooling()(x, bag), rtol=0, atol=1e-4)
    assert torch.equal(SmoothedMaxPooling(tau=0)(x, bag), largest)


def test_ties_share_the_gradient_of_the_maximum():
    x = torch.tensor([[1.0], [3.0], [3.0], [-5.0], [-6.0]], requires_grad=True)
    bag = torch.tensor([0, 0, 0, 1, 1])
    pool = SmoothedMaxPooling(tau=0)
    out = pool(x, bag, dim_size=2)
    out.sum().backward()
    assert out.tolist() == [[3.0], [-5.0]]
    assert x.grad.tolist() == pool.weights(x, bag).tolist() == [[0.0], [0.5], [0.5], [1.0], [0.0]]


def test_state_and_gradient_follow_the_equations():
    """(6.110) and (6.112), u in linear space, over several batches of sampled instances."""
    tau, gamma = 0.5, 0.3
    pool = SmoothedMaxPooling(tau, num_bags=4, gamma=gamma).double()
    u = {}
    for step in range(5):
        phi, bag = ragged([2, 3], channels=2, seed=step)
        phi.requires_grad_()
        ids = torch.tensor([3, step % 2])
        g = torch.randn(2, 2, dtype=torch.float64)
        result = pool(phi, bag, dim_size=2, bag_id=ids)
        (grad,) = torch.autograd.grad(result, phi, g)
        for row, number in enumerate(ids.tolist()):
            mine = phi.detach()[bag == row]
            new = (mine / tau).exp().mean(0)
            u[number] = (1 - gamma) * u[number] + gamma * new if number in u else new
            torch.testing.assert_close(result[row].detach(), tau * u[number].log(), rtol=1e-12, atol=1e-12)
            explicit = g[row] * (mine / tau).exp() / len(mine) / u[number]
            torch.testing.assert_close(grad[bag == row], explicit, rtol=1e-10, atol=1e-12)


def test_sampled_instances_track_the_whole_bag():
    # With the scores at rest, log u goes to the whole bag's, which the samples' own log means are below.
    g = torch.Generator().manual_seed(0)
    phi = torch.randn(50, generator=g, dtype=torch.float64)
    bags = 200  # all the same
    pool, plain = SmoothedMaxPooling(0.5, num_bags=bags, gamma=0.02).double(), SmoothedMaxPooling(0.5)
    tracked, own = 0.0, 0.0
    for step in range(300):
        chosen = phi[torch.rand(bags, 50, generator=g).topk(4).indices].view(-1, 1)
        bag = torch.arange(bags).repeat_interleave(4)
        out = pool(chosen, bag, dim_size=bags, bag_id=torch.arange(bags))
        if step >= 200:
            tracked, own = tracked + out.mean().item() / 100, own + plain(chosen, bag).mean().item() / 100
    exact = plain(phi[:, None]).item()
    assert exact - own > 0.1
    assert abs(exact - tracked) < (exact - own) / 10


@pytest.mark.parametrize("tau", [1e-3, 0.1, 1.0])
def test_state_recovers_from_huge_scores(tau):
    pool = SmoothedMaxPooling(tau, num_bags=3, gamma=0.1)
    bag, ids = torch.tensor([0, 0, 0, 1, 1]), torch.tensor([2, 0])
    wild = torch.tensor([[200.0], [-200.0], [0.0], [-200.0], [200.0]], requires_grad=True)
    usual = torch.tensor([[0.3], [-1.0], [0.5], [1.0], [-2.0]], requires_grad=True)
    for x in (usual, wild, -wild, wild):
        out = pool(x, bag, dim_size=2, bag_id=ids)
        (grad,) = torch.autograd.grad(out.sum(), x)
        assert out.isfinite().all()
        assert grad.isfinite().all()
    if tau == 1.0:  # 200 above: an item that lags by more than 50 starts anew
        assert (pool.track.value[ids] > 150).all()
    exact = SmoothedMaxPooling(tau)(usual, bag, dim_size=2)
    out = pool(usual, bag, dim_size=2, bag_id=ids)
    torch.testing.assert_close(out, exact)
    (grad,) = torch.autograd.grad(out.sum(), usual)
    torch.testing.assert_close(grad, torch.autograd.grad(exact.sum(), usual)[0])


def test_max_lag_bounds_the_state():
    pool = SmoothedMaxPooling(1.0, num_bags=1, gamma=0.1, max_lag=3.0)
    ids = torch.tensor([0])
    pool(torch.tensor([[20.0]]), bag_id=ids)
    assert pool(torch.tensor([[0.0]]), bag_id=ids).item() == 3.0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"tau": -0.1}, ValueError, "tau must lie in"),
        ({"tau": "warm"}, TypeError, "tau must be a number"),
        ({"tau": 0, "num_bags": 5}, ValueError, "num_bags must be None with tau=0"),
        ({"max_lag": 0.0}, ValueError, "max_lag must lie in"),
    ],
)
def test_invalid_options_are_rejected(options, error, message):
    with pytest.raises(error, match=message):
        SmoothedMaxPooling(**options)
