import numpy as np
import torch
from scipy.stats import rankdata

from xgraph.nn.tables.rank_mean import rank_among


def test_ranks_are_those_among_the_reference():
    draws = np.random.default_rng(0)
    reference = np.sort(draws.integers(0, 30, size=(3, 100)) / 7.0, axis=1)
    ranks = rank_among(torch.from_numpy(reference), torch.from_numpy(reference)).numpy()
    expected = np.stack([(rankdata(one) - 0.5) / 100 for one in reference])
    np.testing.assert_allclose(ranks, expected, atol=1e-12)


def test_ranks_increase_with_the_score_everywhere():
    draws = np.random.default_rng(1)
    reference = torch.from_numpy(np.sort(draws.normal(size=(2, 40)), axis=1))
    scores = torch.linspace(-1e4, 1e4, 4001, dtype=torch.float64).expand(2, -1)
    near = torch.linspace(-4, 4, 4001, dtype=torch.float64).expand(2, -1)
    for some in (scores, near):
        ranks = rank_among(reference, some)
        assert bool((ranks.diff(dim=1) > 0).all())
        assert bool(((ranks > 0) & (ranks < 1)).all())
    middle = (reference[:, 10:11] + reference[:, 11:12]) / 2
    np.testing.assert_allclose(rank_among(reference, middle).numpy(), np.full((2, 1), 11 / 40))


def test_equal_references_are_one_step():
    reference = torch.zeros(1, 5, dtype=torch.float64)
    ranks = rank_among(reference, torch.tensor([[-1.0, 0.0, 1.0]], dtype=torch.float64))[0]
    assert ranks.tolist() == [0.25, 0.5, 0.75]
