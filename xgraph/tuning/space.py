"""What a search varies: settings with the values that they can have."""

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
    *("metric", "inner", "train_on", "keep"),
)
_REASONS = {
    **dict.fromkeys(_DATA, "it says what trials are measured on, which is the same for all"),
    **dict.fromkeys(("device", "storage", "threads"), "it says where to train, which is no matter of choice"),
    "seed": "a lucky seed is no better setting; `seeds` says how many each trial is a mean over",
}


def read_space(file: str | Path) -> dict[str, Any]:
    """Read a TOML file with a key for each setting."""
    return read_toml(Path(file), "space")


def make_space(vary: Mapping[str, Any], base: Mapping[str, Any], fixed: Mapping[str, Any]) -> list[Dimension]:
    """Check what is to be varied."""
    if not vary:
        raise OptionError(f"vary: nothing is varied; expected settings, each with {FORMS}")
    for name in vary:
        if name in _REASONS:
            raise OptionError(f"vary: {name} cannot be varied: {_REASONS[name]}")
        if name in fixed:
            raise OptionError(f"vary: {name} is fixed, as {fixed[name]!r}, and cannot be varied as well")
    space: list[Dimension] = []
    for name, values in sorted(vary.items()):  # in an order that files keep
        # Whose option it is may depend on a model or a loss that is varied too.
        others = {other: first_value(vary[other]) for other in ("model", "loss") if other in vary and other != name}
        config = _build({**others, name: first_value(values)}, base, name)
        try:
            space.append(read_dimension(_option(name, config), values))
        except OptionError as error:
            raise OptionError(f"vary: {name} = {values!r}: {error}") from None
    _check(space, base)
    return space


def combinations(space: Sequence[Dimension], most: int) -> list[dict[str, Any]] | None:
    """All settings of a space; None where there are more than `most`."""
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
    """Refuse values that a setting cannot have, and models of two sorts."""
    first = {one.name: one.ends[0] for one in space}
    sorts = set()
    for one in space:
        for value in one.ends:
            sorts.add(_build({**first, one.name: value}, base, one.name).fitted)
    if len(sorts) > 1:
        raise OptionError(
            "vary: model: some are trained in epochs and some fitted in a single step; search each sort by itself"
        )


def _option(name: str, config: TrainConfig) -> Option:
    """The option that a name means, which is one of the settings, of the model or of the loss."""
    own = {option.name: option for option in options_of(TrainConfig)}
    known: dict[str, Option] = {}
    for part in ("loss", "model"):  # the model's if both have it
        for option in options_of(registry(part)[getattr(config, part)]):
            known |= {option.name: option, f"{part}_{option.name}": option}
    return replace({**known, **own}[name], name=name)
