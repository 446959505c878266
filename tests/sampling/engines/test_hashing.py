import numpy as np
import pytest
import torch
from scipy import stats

from xgraph.sampling.engines.compiled import compiled
from xgraph.sampling.engines.compiled import uniform as compiled_uniform
from xgraph.sampling.engines.hashing import derive, digest, mix, node_uniform, randint, uniform


def lowbias32(x):
    """The author's published version, for C's unsigned int."""
    x = np.uint32(x)
    with np.errstate(over="ignore"):
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x7FEB352D)
        x ^= x >> np.uint32(15)
        x *= np.uint32(0x846CA68B)
        x ^= x >> np.uint32(16)
    return int(x)


WORDS = [0, 1, 2, 12345, 2**31 - 1, 2**31, 2**32 - 1]


def test_mix_is_lowbias32():
    assert mix(torch.tensor(WORDS)).tolist() == [lowbias32(word) for word in WORDS]


def test_uniform_applies_two_rounds_with_the_key():
    key = (0xDEADBEEF, 0x80000001)
    expected = [lowbias32((lowbias32(word ^ key[0]) + key[1]) % 2**32) for word in WORDS]
    assert uniform(torch.tensor(WORDS), key).tolist() == expected


def test_compiled_functions_give_the_same_words():
    @compiled
    def words(counter, k0, k1, out):
        for i in range(counter.size):
            out[i] = compiled_uniform(counter[i], k0, k1)

    counter = np.array([*WORDS, 2**32, 2**40 + 7])
    out = np.empty_like(counter)
    for key in ((0, 0), derive(3), (2**32 - 1, 2**32 - 1)):
        words(counter, *key, out)
        assert out.tolist() == uniform(torch.from_numpy(counter), key).tolist()


@pytest.mark.parametrize("high", [2, 7, 1000])
def test_randint_is_uniform_and_independent_between_draws(high):
    draws = randint(torch.arange(200_000), derive(1, high), torch.tensor(high)).numpy()
    assert draws.min() == 0
    assert draws.max() == high - 1
    assert stats.chisquare(np.bincount(draws, minlength=high)).pvalue > 1e-3
    if high == 7:
        pairs = draws[:-1:2] * high + draws[1::2]
        assert stats.chisquare(np.bincount(pairs, minlength=high * high)).pvalue > 1e-3


def test_first_draws_of_many_keys_are_uniform():
    draws = np.array([randint(torch.tensor(0), derive(0, n), torch.tensor(8)).item() for n in range(8000)])
    assert stats.chisquare(np.bincount(draws, minlength=8)).pvalue > 1e-3


def test_keys_depend_on_every_number_and_their_order():
    keys = {derive(*numbers) for numbers in ((), (0,), (1,), (0, 0), (0, 1), (1, 0), (0, 0, 0), (2**63,), (-1,))}
    assert len(keys) == 9
    assert all(0 <= word < 2**32 for key in keys for word in key)


def test_digest_depends_on_values_and_order_only():
    ids = torch.tensor([5, 1, 3])
    assert digest(ids) == digest(ids.int()) == digest(torch.tensor([5, 0, 1, 0, 3])[::2])
    different = {digest(part) for part in (ids, ids.flip(0), ids[:2], ids[:0])}
    assert len(different) == 4
    assert digest(ids[:1], ids[1:]) != digest(ids[:2], ids[2:])
    assert 0 <= digest(ids[:0]) < 2**64


def test_node_numbers_use_all_bits_of_an_id():
    key = derive(5)
    numbers = node_uniform(torch.tensor([3, 3 + 2**32, 3 + 2**33]), key)
    assert len(numbers.unique()) == 3
    assert numbers[0] == uniform(torch.tensor(3), key)


def test_several_keys_give_the_same_draws_as_each_alone():
    counter, keys = torch.arange(5), [derive(1), derive(2)]
    words = [torch.tensor(word)[:, None] for word in zip(*keys, strict=True)]
    together = uniform(counter, (words[0], words[1]))
    assert together.tolist() == [uniform(counter, key).tolist() for key in keys]
