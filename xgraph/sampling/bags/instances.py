"""Random instances of bags."""

from typing import Any

import torch
from torch import Tensor

from xgraph.checks import integer, outside
from xgraph.sampling.engines.hashing import WORD, Keys, derive, randint, uniform
from xgraph.sampling.engines.node_ids import integers
from xgraph.sampling.items.epochs import LARGEST_EPOCH

LARGEST_NUMBER = 2**31 - 1
"""Largest possible number of instances in a bag."""

NONE = 2**62
"""A number above all random words, used as padding if a bag has fewer instances."""


class InstanceSampler:
    """Draws ``num_instances`` instances from each bag without replacement; all of them if the bag has no more.

    All subsets of that size are equally likely. A draw only depends on ``seed``, epoch, bag and visit, not on the other
    bags of a batch, worker processes or global random state. Time and memory are proportional to the number of drawn
    instances, so bags can be of any size.

    Args:
        bag_ptr: Bag b has the rows ``bag_ptr[b]`` to ``bag_ptr[b + 1] - 1``. Shape ``[num_bags + 1]``.
        num_instances: Number of instances to draw from each bag; None or -1 for all.
        seed: Seed of the draws, not negative.

    Raises:
        ValueError: If ``bag_ptr`` does not begin with 0, a bag has no instances, or another argument is out of range.
        TypeError: If ``bag_ptr`` does not hold integers, or another argument is not an integer.

    Example:
        >>> sampler = InstanceSampler(bag_ptr=[0, 5, 7, 100_007], num_instances=3)
        >>> rows, bag = sampler.sample([2, 1], epoch=0)
        >>> rows.tolist(), bag.tolist()
        ([5255, 20152, 83065, 5, 6], [0, 0, 0, 1, 1])
    """

    def __init__(self, bag_ptr: Any, num_instances: int | None = None, *, seed: int = 0) -> None:
        self.bag_ptr = _as_ptr(bag_ptr)
        self.num_bags = len(self.bag_ptr) - 1
        everything = num_instances is None or num_instances == -1
        self.num_instances = None if everything else integer("num_instances", num_instances, 1, LARGEST_NUMBER)
        self.seed = integer("seed", seed, 0)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(num_bags={self.num_bags}, num_instances={self.num_instances or 'all'}, "
            f"seed={self.seed})"
        )

    def sample(self, bags: Any, epoch: int = 0, visit: int = 0) -> tuple[Tensor, Tensor]:
        """Draw instances.

        Args:
            bags: Numbers of bags; a bag that occurs several times is drawn independently each time. Shape ``[B]``.
            epoch: Number of the epoch, from 0. Draws differ between epochs.
            visit: A number below 2³² that distinguishes the batches of an epoch if a bag can be in several of them,
                for example the number of the batch. Draws differ between visits.

        Returns:
            A pair of int64 tensors on the CPU, shape ``[n]`` each: the row numbers of the instances, ascending within
            each bag, and for each instance the position of its bag in ``bags``, ascending.

        Raises:
            TypeError: If ``bags`` does not hold integers, or another argument is not an integer.
            ValueError: If ``bags`` is empty, or ``epoch`` or ``visit`` is out of range.
            IndexError: If a bag does not exist.
        """
        bags = bag_numbers(bags, self.num_bags)
        begin = self.bag_ptr[bags]
        size = self.bag_ptr[bags + 1] - begin
        count = size if self.num_instances is None else size.clamp(max=self.num_instances)
        bag = torch.repeat_interleave(count)
        rows = torch.arange(len(bag)) + (begin - (count.cumsum(0) - count))[bag]
        drawn = size > count
        if self.num_instances is not None and bool(drawn.any()):
            keys = self._keys(bags, epoch, visit)
            keys = (keys[0][drawn], keys[1][drawn])
            offsets = distinct(size[drawn], self.num_instances, keys)
            rows[drawn[bag]] = (begin[drawn, None] + offsets).flatten()
        return rows, bag

    def _keys(self, bags: Tensor, epoch: int, visit: int) -> tuple[Tensor, Tensor]:
        """Return two words per bag that determine its draws; they differ between bags and between repetitions."""
        first, second = derive(self.seed, integer("epoch", epoch, 0, LARGEST_EPOCH))
        of_bag = uniform(bags, (first, second))
        of_visit = integer("visit", visit, 0, WORD) + _times_before(bags)
        return of_bag, uniform(of_visit, (of_bag, torch.full_like(of_bag, second)))


def bag_numbers(bags: Any, num_bags: int) -> Tensor:
    """Return checked numbers of bags."""
    numbers = integers("bags", bags)
    if numbers.dim() != 1 or not len(numbers):
        raise ValueError(f"bags must have shape [B] and not be empty, got {list(numbers.shape)}")
    wrong = outside(numbers, num_bags)
    if wrong is not None:
        raise IndexError(f"bags must be numbers from 0 to {num_bags - 1}, got {wrong}")
    return numbers


def distinct(size: Tensor, count: int, key: Keys) -> Tensor:
    """Draw distinct numbers below ``size``; all sets are equally likely."""
    offsets = size.new_empty(len(size), count)
    few = size <= 2 * count
    for chosen, draw in ((few, _smallest), (~few, _first)):
        if bool(chosen.any()):
            words = [word[chosen, None] if isinstance(word, Tensor) else word for word in key]
            offsets[chosen] = draw(size[chosen, None], count, (words[0], words[1]))  # type: ignore[arg-type]
    return offsets.sort(dim=1).values


def _smallest(size: Tensor, count: int, key: Keys) -> Tensor:
    """Give every number below ``size`` a random key and return those with the smallest keys; for small sizes."""
    column = torch.arange(int(size.max()))
    number = (uniform(2 * column, key) << 30) | (uniform(2 * column + 1, key) >> 2)
    return number.masked_fill(column >= size, NONE).topk(count, dim=1, largest=False).indices


def _first(size: Tensor, count: int, key: Keys) -> Tensor:
    """Return the first distinct numbers of a sequence of independent draws; for sizes beyond 2 · count."""
    number = count + count // 2 + 8  # enough in all but a few cases in a million
    while True:
        draws = randint(torch.arange(number), key, size)
        ordered, order = draws.sort(dim=1, stable=True)
        new = torch.ones_like(ordered, dtype=torch.bool)
        new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
        new = torch.empty_like(new).scatter_(1, order, new)
        rank = new.cumsum(1)
        if bool((rank[:, -1] >= count).all()):
            return draws[new & (rank <= count)].view(-1, count)
        number *= 2  # earlier draws do not change


def _times_before(numbers: Tensor) -> Tensor:
    """Count how often each number has occurred before."""
    ordered, order = numbers.sort(stable=True)
    rank = torch.arange(len(numbers))
    begin = torch.where(torch.cat([torch.ones(1, dtype=torch.bool), ordered.diff() != 0]), rank, 0).cummax(0).values
    return torch.empty_like(rank).scatter_(0, order, rank - begin)


def _as_ptr(bag_ptr: Any) -> Tensor:
    """Return the checked bounds of bags."""
    ptr = integers("bag_ptr", bag_ptr)
    if ptr.dim() != 1 or len(ptr) < 2:
        raise ValueError(f"bag_ptr must have shape [num_bags + 1], at least [2], got {list(ptr.shape)}")
    if int(ptr[0]) != 0:
        raise ValueError(f"bag_ptr must begin with 0, got {int(ptr[0])}")
    size = ptr.diff()
    if int(size.min()) < 1:
        bag = int((size < 1).nonzero()[0])
        raise ValueError(
            f"bag_ptr must be strictly increasing, got {int(ptr[bag])} to {int(ptr[bag + 1])} for bag {bag} "
            "(every bag needs at least one instance)"
        )
    if int(size.max()) >= 2**31:
        raise ValueError(f"a bag must have fewer than 2^31 instances, bag {int(size.argmax())} has {int(size.max())}")
    return ptr
