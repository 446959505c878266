"""The search space: the settings that are varied, with their values."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from xgraph.options import Option, OptionError, options_of
from xgraph.schema import read_toml
from xgraph.training.config.build import TrainConfig, build_config, registry
from xgraph.tuning.dimension import FORMS, Dimension, first_value, read_dimension

_DATA = (
    *("dataset", "split", "fold", "smiles_column", "target_columns", "bag_column", "feature_columns", "standardize"),
    *("atom_order", "duplicates"),
    *("metric", "inner", "train_on", "keep"),
)
_REASONS = {
    **dict.fromkeys(_DATA, "all trials must be measured in the same way on the same data"),
    **dict.fromkeys(("device", "storage", "threads"), "it does not change the result"),
    "seed": "a lucky seed is not a better setting; set `seeds` to average each trial over several",
}


def read_space(file: str | Path) -> dict[str, Any]:
    """Read a TOML file with one key per setting."""
    return read_toml(Path(file), "space")


def make_space(vary: Mapping[str, Any], base: Mapping[str, Any], fixed: Mapping[str, Any]) -> list[Dimension]:
    """Check the settings to vary."""
    if not vary:
        raise OptionError(f"vary: expected at least one setting, with {FORMS}")
    for name in vary:
        if name in _REASONS:
            raise OptionError(f"vary: {name} cannot be varied: {_REASONS[name]}")
        if name in fixed:
            raise OptionError(f"vary: {name} cannot be varied, because it is fixed to {fixed[name]!r}")
    space: list[Dimension] = []
    for name, values in sorted(vary.items()):  # sorted, because files do not keep the order
        # The meaning of an option may depend on a model or a loss that is varied as well.
        others = {other: first_value(vary[other]) for other in ("model", "loss") if other in vary and other != name}
        config = _build({**others, name: first_value(values)}, base, name)
        try:
            space.append(read_dimension(_option(name, config), values))
        except OptionError as error:
            raise OptionError(f"vary: {name} = {values!r}: {error}") from None
    _check(space, base)
    return space


def combinations(space: Sequence[Dimension], most: int) -> list[dict[str, Any]] | None:
    """Return all combinations in a space, or None if there are more than `most`."""
    values: list[list[Any]] = []
    for one in space:
        own = one.values
        if own is None or math.prod(map(len, values)) * len(own) > most:
            return None
        values.append(own)
    return [dict(zip([one.name for one in space], row, strict=True)) for row in itertools.product(*values)]


def _build(values: Mapping[str, Any], base: Mapping[str, Any], name: str) -> TrainConfig:
    try:
        return build_config(values, base)
    except OptionError as error:
        raise OptionError(f"vary: {name}: {error}") from None


def _check(space: Sequence[Dimension], base: Mapping[str, Any]) -> None:
    """Raise `OptionError` for invalid values, and for models of which some are trained in epochs and some are not."""
    first = {one.name: one.ends[0] for one in space}
    sorts = set()
    for one in space:
        for value in one.ends:
            sorts.add(_build({**first, one.name: value}, base, one.name).fitted)
    if len(sorts) > 1:
        raise OptionError(
            "vary: model: some of these models are trained in epochs and others are fitted in a single step; run a "
            "separate search for each of the two kinds"
        )


def _option(name: str, config: TrainConfig) -> Option:
    """Return the option of that name, which belongs to the settings, the model or the loss."""
    own = {option.name: option for option in options_of(TrainConfig)}
    known: dict[str, Option] = {}
    for part in ("loss", "model"):  # if both have it, the model's
        for option in options_of(registry(part)[getattr(config, part)]):
            known |= {option.name: option, f"{part}_{option.name}": option}
    return replace({**known, **own}[name], name=name)
