"""Splits of a folder of bags, in which the bags of a case stay together."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from xgraph.data.bags.folder.problems import Problems
from xgraph.data.bags.splits import bag_split
from xgraph.data.nodes.splits import FRACTIONS
from xgraph.data.splits.classes import bag_classes
from xgraph.data.splits.groups import balanced_parts
from xgraph.data.splits.own import OwnSplit, parts_present
from xgraph.data.splits.words import NOWHERE, PARTS

if TYPE_CHECKING:
    from xgraph.data.bags.dataset import BagDataset

Integers = NDArray[np.int64]
_TRAIN, _VALID, _ = range(len(PARTS))


def split_folder(
    data: BagDataset, given: Integers | None, splitting: OwnSplit, problems: Problems
) -> dict[str, torch.Tensor]:
    """Return the bags of each part that has any.

    Args:
        data: The bags.
        given: The part of each bag, if the table of labels or a file defines it.
        splitting: How to split.
        problems: Counts bags in no part, and cases in several.
    """
    y = data.y.numpy()
    classes = bag_classes(y)
    keys = None if data.cases is None else case_keys(data.cases)
    if given is not None:
        part = _with_valid(given, classes, keys, splitting)
        for bag in np.flatnonzero(part == NOWHERE):
            problems.add("bags in no part, as their split is blank or not listed", repr(data.bag_names[bag]))
        if data.cases is not None:
            _check_cases(data, data.cases, part, problems)
    elif keys is None and splitting.folds is None and splitting.fold is None:
        parts = bag_split(y, seed=splitting.seed if splitting.split == "random" else 0)
        return {name: torch.from_numpy(bags) for name, bags in parts.items()}
    else:
        by_case = None if keys is None else lambda: keys
        stratified = splitting if splitting.folds is None else replace(splitting, stratified=True)
        part = stratified.draw(classes, FRACTIONS, by_case)
    return {name: torch.from_numpy(bags) for name, bags in parts_present(part).items()}


def case_keys(cases: Sequence[str]) -> Integers:
    """Return a number per bag that is the same for bags of one case, and depends on nothing but its name."""
    digests = {case: hashlib.sha256(case.encode("utf-8", "surrogatepass")).digest()[:8] for case in set(cases)}
    return np.array([int.from_bytes(digests[case], "little", signed=True) for case in cases], dtype=np.int64)


def _with_valid(part: Integers, classes: Integers, keys: Integers | None, splitting: OwnSplit) -> Integers:
    """Take the validation part from the training part, case by case, if the user asked for that."""
    if splitting.valid_fraction is None or keys is None or (part == _VALID).any():
        return splitting.with_valid(part, classes)
    train, share = np.flatnonzero(part == _TRAIN), splitting.valid_fraction
    drawn = balanced_parts(keys[train], classes[train], (1 - share, share / 2, share / 2))
    part = part.copy()
    part[train[drawn != _TRAIN]] = _VALID
    return part


def _check_cases(data: BagDataset, cases: Sequence[str], part: Integers, problems: Problems) -> None:
    """Count cases whose bags are in several parts."""
    of_case: dict[str, int] = {}
    told: set[str] = set()
    for i, (case, number) in enumerate(zip(cases, part.tolist(), strict=True)):
        first = of_case.setdefault(case, i)
        if NOWHERE not in (number, part[first]) and number != part[first] and case not in told:
            told.add(case)
            text = f"{data.bag_names[first]!r} is in {PARTS[part[first]]}, {data.bag_names[i]!r} in {PARTS[number]}"
            problems.add("cases with bags in several parts, which makes scores look too good", f"{case!r}: {text}")
