"""A setting that a search varies, with its values or its range, and the syntax of these."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import model_validator

from xgraph.options import Option, OptionError
from xgraph.schema import Schema, validate

FORMS = "values such as 2,3,4, or a range such as 0..0.5, 1e-4..1e-2:log or 8..64:step=8"
_RANGE = re.compile(r"(?P<low>[^:]+?)\.\.(?P<high>[^:]+)(?P<marks>(:[^:]+)*)")


class Range(Schema):
    """A range as written in a file."""

    low: Any
    high: Any
    log: bool = False
    step: Any = None

    @classmethod
    def of_text(cls, text: str) -> "dict[str, Any] | None":
        """Parse `low..high`, optionally followed by `:log` or `:step=NUMBER`; None for other texts."""
        match = _RANGE.fullmatch(text)
        if match is None:
            return None
        marks = dict((mark + "=").split("=")[:2] for mark in match["marks"].split(":")[1:])
        if set(marks) - {"log", "step"} or marks.get("log"):
            raise OptionError("expected only :log or :step=NUMBER after the range")
        return {"low": match["low"], "high": match["high"], **marks, **({"log": True} if "log" in marks else {})}


class NumberRange(Range):
    """A range of numbers."""

    @model_validator(mode="after")
    def _is_a_range(self) -> "NumberRange":
        numbers = [self.low, self.high, *([] if self.step is None else [self.step])]
        if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers):
            raise ValueError("expected finite numbers")
        if not self.low < self.high:
            raise ValueError("expected the lower end to be below the upper end")
        if self.log and (self.low <= 0 or self.step is not None):
            raise ValueError("expected a range above 0 and no step with log")
        if self.step is not None and not 0 < self.step <= self.high - self.low:
            raise ValueError("expected a step above 0 that is not longer than the range")
        return self


@dataclass(frozen=True)
class Dimension:
    """A setting that is varied over a list of choices or a range."""

    name: str
    choices: tuple[Any, ...] = ()
    low: float = 0
    high: float = 0  # included
    log: bool = False
    step: float | None = None

    @property
    def whole(self) -> bool:
        """Whether it is a range of whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def ends(self) -> list[Any]:
        """The values to check: all choices, or both ends of a range."""
        return list(self.choices) or [self.low, self.high]

    @property
    def values(self) -> list[Any] | None:
        """All values; None for a continuous range."""
        if self.choices or (not self.whole and self.step is None):
            return list(self.choices) or None
        step = self.step or 1
        values = [self.low + i * step for i in range(math.floor((self.high - self.low) / step + 1e-9) + 1)]
        return [int(value) for value in values] if self.whole else values

    def plain(self) -> Any:
        """Return the dimension as plain values for a TOML file."""
        if self.choices:
            return ["none" if value is None else value for value in self.choices]
        marks = {name: value for name, value in (("log", self.log), ("step", self.step)) if value}
        return {"low": self.low, "high": self.high, **marks}


def first_value(values: Any) -> Any:
    """Return one of the values, as well as possible without knowing the type of the setting."""
    if isinstance(values, list) and values:
        return ",".join(map(str, values[0])) if isinstance(values[0], list) else values[0]
    if isinstance(values, Mapping):
        return values.get("low")
    if isinstance(values, str):
        match = _RANGE.fullmatch(values)
        return match["low"] if match else values.split(",")[0].replace("+", ",")
    return values


def read_dimension(option: Option, values: Any) -> Dimension:
    """Read the values or the range of a setting."""
    table = Range.of_text(values) if isinstance(values, str) else values
    if not isinstance(table, Mapping):
        return _choices(option, values)
    span = validate(Range, table)
    if option.type not in (int, float) or option.many:
        raise OptionError(f"expected a list of values ({option.metavar}), because only numbers can have a range")
    ends = {key: option.parse(getattr(span, key)) for key in ("low", "high", "step") if key in table}
    numbers = validate(NumberRange, {**ends, "log": span.log})
    return Dimension(option.name, (), numbers.low, numbers.high, numbers.log, numbers.step)


def _choices(option: Option, values: Any) -> Dimension:
    """Read a list of values; a list in the list, or `a+b` in a text, is a single value of several parts."""
    if isinstance(values, str):
        values = [part.strip().replace("+", ",") if option.many else part.strip() for part in values.split(",")]
    if not isinstance(values, list) or len(values) < 2:
        raise OptionError(f"expected {FORMS}, with at least two values")
    if option.many:  # Optuna does not support lists
        texts = [",".join(map(str, one)) if isinstance(one, list) else one for one in values]
        parsed = [one if option.parse(one) is None else ",".join(map(str, option.parse(one))) for one in texts]
    else:
        parsed = [option.parse(one) for one in values]
    if len(set(parsed)) < len(parsed):
        raise OptionError("expected different values")
    return Dimension(option.name, tuple(parsed))
