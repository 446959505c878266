import torch
from nn_bags import by_bag, ragged

from xgraph.nn import MeanPooling

SIZES = [3, 1, 7, 2, 5]


def test_matches_the_mean():
    x, bag = ragged(SIZES)
    expected = by_bag(lambda x: x.mean(0), x, bag, 5)
    torch.testing.assert_close(MeanPooling()(x, bag, dim_size=5), expected, rtol=1e-12, atol=1e-12)


def test_state_is_a_moving_average_with_the_gradient_of_the_batch():
    pool = MeanPooling(num_bags=4, gamma=0.25).double()
    tracked = {}
    for step in range(4):
        x, bag = ragged([2, 3], seed=step)
        x.requires_grad_()
        ids = torch.tensor([3, step % 2])
        out = pool(x, bag, dim_size=2, bag_id=ids)
        means = by_bag(lambda x: x.mean(0), x, bag, 2)
        for row, number in enumerate(ids.tolist()):
            new = means[row].detach()
            tracked[number] = 0.75 * tracked[number] + 0.25 * new if number in tracked else new
            torch.testing.assert_close(out[row].detach(), tracked[number])
        g = torch.randn(2, 3, dtype=torch.float64)
        torch.testing.assert_close(torch.autograd.grad(out, x, g), torch.autograd.grad(means, x, g))
