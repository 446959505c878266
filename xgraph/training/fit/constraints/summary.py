"""Constraints of a run over folds or seeds: means over its members."""

import math
from collections.abc import Mapping, Sequence
from typing import Any


def mean_constraints(every: Sequence[Any]) -> Any:
    """Return the mean of each number over the reports of several members; all else is that of the first one.

    Args:
        every: Reports of the same form, of members of a run.
    """
    first = every[0]
    if isinstance(first, Mapping):
        return {name: mean_constraints([one[name] for one in every if name in one]) for name in first}
    if isinstance(first, list):
        same = all(len(one) == len(first) for one in every)
        return [mean_constraints(parts) for parts in zip(*every, strict=True)] if same else first
    if isinstance(first, bool) or not all(one is None or isinstance(one, int | float) for one in every):
        return first
    known = [float(one) for one in every if one is not None and not math.isnan(one)]
    return sum(known) / len(known) if known else math.nan
