"""Batches of ranked lists: who is drawn how often, weights, and resuming."""

import numpy as np
import pytest
import torch

from xgraph.data import RelevanceLists
from xgraph.losses import NDCGLoss
from xgraph.sampling import ListSampler

LISTS = RelevanceLists([0, 0, 0, 0, 2, 3, 3], [1, 4, 5, 7, 0, 2, 3], num_items=8, num_queries=5)


def epochs(sampler, number):
    for epoch in range(number):
        sampler.set_epoch(epoch)
        yield list(sampler)


def test_every_query_with_relevant_items_occurs_once_in_an_epoch():
    sampler = ListSampler(LISTS, queries_per_batch=2, relevant=2, irrelevant=3)
    for batches in epochs(sampler, 3):
        assert len(batches) == len(sampler) == 2
        queries = torch.cat([batch.query.unique() for batch in batches])
        assert sorted(queries.tolist()) == [0, 2, 3]


def test_batches_hold_what_the_lists_say():
    relevant = set(zip(LISTS.queries().tolist(), LISTS.item.tolist(), strict=True))
    for batches in epochs(ListSampler(LISTS, 3, relevant=2, irrelevant=3), 20):
        (batch,) = batches
        seen = list(zip(batch.query.tolist(), batch.item.tolist(), strict=True))
        assert len(set(seen)) == len(seen)
        for place, target, pair in zip(seen, batch.target.tolist(), batch.pair.tolist(), strict=True):
            assert (place in relevant) == (target == 1) == (pair >= 0)
            assert pair < 0 or (LISTS.queries()[pair].item(), LISTS.item[pair].item()) == place
        sizes = torch.bincount(batch.query, batch.weight, 5)
        assert sizes.tolist() == pytest.approx([8, 0, 8, 8, 0])


def test_relevant_items_come_in_passes_and_others_are_uniform():
    sampler = ListSampler(LISTS, 5, relevant=2, irrelevant=3, seed=3)
    counts, pairs = torch.zeros(5, 8), []
    number = 4000
    for (batch,) in epochs(sampler, number):
        counts.index_put_((batch.query, batch.item), torch.ones(len(batch.item)), accumulate=True)
        pairs.append(batch.pair[(batch.query == 0) & (batch.pair >= 0)].tolist())
    for first, second in zip(pairs[::2], pairs[1::2], strict=True):  # four relevant items, two in each epoch
        assert sorted(first + second) == [0, 1, 2, 3]
    assert len({tuple(sorted(one)) for one in pairs}) == 6
    share = counts / number
    assert share[0, [1, 4, 5, 7]].tolist() == pytest.approx([0.5] * 4)
    for query, size in ((0, 4), (2, 7), (3, 6)):
        others = [
            i
            for i in range(8)
            if (query, i) not in set(zip(LISTS.queries().tolist(), LISTS.item.tolist(), strict=True))
        ]
        deviation = (3 / size * (1 - 3 / size) / number) ** 0.5
        assert (share[query, others] - 3 / size).abs().max() < 4.5 * deviation
    each = torch.tensor(pairs).sort(1).values
    orders = np.unique(each.numpy(), axis=0, return_counts=True)[1]
    assert np.abs(orders / number - 1 / 6).max() < 4.5 * (5 / 36 / number * 2) ** 0.5


def test_a_number_that_does_not_divide_the_relevant_items_fills_up_from_the_same_pass():
    lists = RelevanceLists([0, 0, 0], [0, 1, 2], num_items=5)
    drawn = [
        batch.pair[batch.pair >= 0].tolist() for (batch,) in epochs(ListSampler(lists, 1, relevant=2, irrelevant=1), 50)
    ]
    assert all(len(set(one)) == 2 for one in drawn)
    assert all({*first, *second} == {0, 1, 2} for first, second in zip(drawn[::2], drawn[1::2], strict=True))


def test_short_lists_give_all_they_have():
    sampler = ListSampler(LISTS, 5, relevant=None, irrelevant=None)
    (batch,) = sampler
    assert torch.bincount(batch.query, minlength=5).tolist() == [8, 0, 8, 8, 0]
    assert (batch.weight == 1).all()
    (batch,) = ListSampler(RelevanceLists.of_matrix(torch.tensor([[1.0], [float("nan")], [0.0]])), irrelevant=9)
    assert batch.item.tolist() == [0, 2]


def test_it_resumes_within_an_epoch_and_depends_on_seed_and_epoch_only():
    sampler, other = (ListSampler(LISTS, 1, relevant=1, irrelevant=2, seed=5) for _ in range(2))
    next(iter(sampler))
    first, *rest = list(sampler)
    other.set_epoch(1)
    assert all(torch.equal(a, b) for a, b in zip(first, next(iter(other)), strict=True))
    restored = ListSampler(LISTS, 1, relevant=1, irrelevant=2, seed=5)
    restored.load_state_dict(sampler.state_dict(consumed=1))
    for one, another in zip(rest, restored, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, another, strict=True))
    with pytest.raises(ValueError, match="saved with seed = 5"):
        ListSampler(LISTS, 1, relevant=1, irrelevant=2).load_state_dict(sampler.state_dict())
    shorter = RelevanceLists([0], [1], num_items=8)
    with pytest.raises(ValueError, match="fingerprint"):
        ListSampler(shorter, 1, relevant=1, irrelevant=2, seed=5).load_state_dict(sampler.state_dict())


def test_ranks_of_sampled_batches_average_to_those_of_whole_lists():
    """The sampler and the strata of the losses belong together."""
    scores = torch.randn(5, 8, generator=torch.Generator().manual_seed(1))
    whole, sampled = NDCGLoss.of(LISTS), NDCGLoss.of(LISTS, gamma=1.0)
    (batch,) = ListSampler(LISTS, 5, None, None)
    whole(scores[batch.query, batch.item], batch.target, batch.pair, batch.query)
    total, number = torch.zeros(LISTS.num_pairs), 1500
    seen = torch.zeros(LISTS.num_pairs)
    for (batch,) in epochs(ListSampler(LISTS, 5, relevant=2, irrelevant=2), number):
        sampled(scores[batch.query, batch.item], batch.target, batch.pair, batch.query)
        pair = batch.pair[batch.pair >= 0]
        total[pair] += sampled.track.value[pair]
        seen[pair] += 1
    assert (total / seen / whole.track.value - 1).abs().max() < 0.03


def test_wrong_arguments_are_refused():
    with pytest.raises(TypeError, match="lists must be RelevanceLists, got Tensor"):
        ListSampler(torch.ones(3))
    with pytest.raises(ValueError, match="a query with a relevant item and another one"):
        ListSampler(RelevanceLists([0], [0], num_items=1))
    with pytest.raises(ValueError, match="relevant must be at least 1, got 0"):
        ListSampler(LISTS, relevant=0)
