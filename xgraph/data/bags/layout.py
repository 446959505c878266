"""Assignment of instances to bags, and selection of instances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from xgraph.data.bags.values import as_tensor
from xgraph.data.storage.checks import checked_index

Integers = Tensor | NDArray[Any] | Sequence[int]


def layout(
    bag_ptr: Integers | None,
    bag: Integers | None,
    num_instances: int,
    num_bags: int | None,
    names: Sequence[str] | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Number the instances bag by bag."""
    if (bag_ptr is None) == (bag is None):
        got = "neither" if bag is None else "both"
        raise ValueError(f"expected either bag_ptr or bag (the number of each instance's bag), got {got}")

    def called(number: int) -> str:
        return f"bag {number}" if names is None else f"bag {names[number]!r}"

    if bag_ptr is not None:
        ptr = _integers(bag_ptr, "bag_ptr")
        if not len(ptr) or ptr[0] != 0:
            raise ValueError(f"bag_ptr must begin with 0, got {ptr[:3].tolist()}")
        _check_count(len(ptr) - 1, num_bags)
        _check_filled(ptr.diff(), called)
        if ptr[-1] != num_instances:
            raise ValueError(f"bag_ptr must end with the number of instances, {num_instances}, got {int(ptr[-1])}")
        return ptr, None
    ids = _integers(bag, "bag")
    if len(ids) != num_instances:
        raise ValueError(f"bag must have {num_instances} entries, one per instance, got {len(ids)}")
    count = (int(ids.max()) + 1 if len(ids) else 0) if num_bags is None else num_bags
    wrong = ((ids < 0) | (ids >= count)).nonzero()
    if len(wrong):
        row = int(wrong[0])
        expected = f"between 0 and {count - 1} for {count} bags" if count else "empty, as there are no bags"
        raise ValueError(f"bag must be {expected}, got {int(ids[row])} for instance {row}")
    used = int(ids.max()) + 1 if len(ids) else 0
    if used < count:
        raise ValueError(
            f"{called(used)} has no instances: there are labels or names for {count} bags, but instances for {used}"
        )
    sizes = ids.bincount(minlength=count)
    _check_filled(sizes, called)
    ptr = torch.cat([torch.zeros(1, dtype=torch.long), sizes.cumsum(0)])
    return ptr, None if bool((ids.diff() >= 0).all()) else ids.argsort(stable=True)


def batch_index(positions: Integers, num_bags: int) -> Tensor:
    """Return the positions of a batch's bags; negative ones count from the end."""
    index = as_tensor(positions, "positions must be integers").reshape(-1)
    if not len(index):  # of a process whose share of a batch is empty
        return index.long()
    if not index.is_floating_point() and index.dtype != torch.bool:
        index = torch.where(index < 0, index + num_bags, index)
    return checked_index(index, num_bags, "bag")


def all_instances(bag_ptr: Tensor, bags: Tensor) -> tuple[Tensor, Tensor]:
    """Return all instances of the given bags."""
    begin = bag_ptr[bags]
    size = bag_ptr[bags + 1] - begin
    bag = torch.repeat_interleave(size)
    return torch.arange(len(bag)) + (begin - (size.cumsum(0) - size))[bag], bag


def checked_choice(
    bag_ptr: Tensor, bags: Tensor, rows: tuple[Tensor, Tensor], names: Sequence[str]
) -> tuple[Tensor, Tensor]:
    """Check selected instances of the given bags, and return them in the order of the bags."""
    if not isinstance(rows, tuple | list) or len(rows) != 2:
        raise ValueError(f"rows must be a pair: instances and the positions of their bags, got {type(rows).__name__}")
    number, bag = _integers(rows[0], "rows"), _integers(rows[1], "the positions of bags in rows")
    if len(number) != len(bag):
        raise ValueError(f"rows must have one bag per instance, got {len(number)} instances and {len(bag)} bags")
    if len(bag) and not 0 <= int(bag.min()) <= int(bag.max()) < len(bags):
        raise ValueError(f"rows must refer to bags by positions 0 to {len(bags) - 1}, got {int(bag.max())}")
    counts = bag.bincount(minlength=len(bags))
    if not bool((counts > 0).all()):
        raise ValueError(f"rows has no instance of bag {names[int(bags[counts == 0][0])]!r}")
    owner = bags[bag]
    wrong = (number < bag_ptr[owner]) | (number >= bag_ptr[owner + 1])
    if bool(wrong.any()):
        first = int(wrong.nonzero()[0])
        raise ValueError(
            f"rows assigns instance {int(number[first])} to bag {names[int(owner[first])]!r}, which does not contain it"
        )
    if bool((bag.diff() < 0).any()):
        bag, order = bag.sort(stable=True)
        number = number[order]
    return number, bag


def _integers(values: Any, what: str) -> Tensor:
    numbers = as_tensor(values, f"{what} must be a sequence of integers")
    if numbers.is_floating_point() and not numbers.numel():
        numbers = numbers.long()  # an empty list
    if numbers.is_floating_point() or numbers.is_complex() or numbers.dtype == torch.bool or numbers.dim() != 1:
        raise ValueError(f"{what} must be a sequence of integers, got {numbers.dtype} of shape {list(numbers.shape)}")
    return numbers.long()


def _check_count(bags: int, expected: int | None) -> None:
    if expected is not None and bags != expected:
        raise ValueError(f"bag_ptr has {bags} bags, but there are labels or names for {expected}")


def _check_filled(sizes: Tensor, called: Any) -> None:
    if bool((sizes <= 0).any()):
        number = int((sizes <= 0).nonzero()[0])
        raise ValueError(f"{called(number)} has {'no instances' if sizes[number] == 0 else 'a negative size'}")
