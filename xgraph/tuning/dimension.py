"""One setting that a search varies: its values or its range, and how these are written."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xgraph.options import Option, OptionError

FORMS = "values such as 2,3,4, or a range such as 0..0.5, 1e-4..1e-2:log or 8..64:step=8"
_RANGE = re.compile(r"(?P<low>[^:]+?)\.\.(?P<high>[^:]+)(?P<marks>(:[^:]+)*)")


@dataclass(frozen=True)
class Dimension:
    """A setting that is varied.

    Args:
        name: The setting.
        choices: Its values, or none where it is a range.
        low: Lower end of a range.
        high: Upper end of a range, which can be taken.
        log: Whether a range is even in the logarithm.
        step: Distance of the values of a range; None for all of them.
    """

    name: str
    choices: tuple[Any, ...] = ()
    low: float = 0
    high: float = 0
    log: bool = False
    step: float | None = None

    @property
    def whole(self) -> bool:
        """Whether it is a range of whole numbers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def ends(self) -> list[Any]:
        """Values that stand for all: the choices, or both ends of a range."""
        return list(self.choices) or [self.low, self.high]

    @property
    def values(self) -> list[Any] | None:
        """All values; None where there are too many to count."""
        if self.choices or (not self.whole and self.step is None):
            return list(self.choices) or None
        step = self.step or 1
        made = [self.low + i * step for i in range(math.floor((self.high - self.low) / step + 1e-9) + 1)]
        return [int(value) for value in made] if self.whole else made

    def plain(self) -> Any:
        """As a file of settings has it."""
        if self.choices:
            return ["none" if value is None else value for value in self.choices]
        marks = {name: value for name, value in (("log", self.log), ("step", self.step)) if value}
        return {"low": self.low, "high": self.high, **marks}


def first_value(told: Any) -> Any:
    """One of the values, as far as can be said without knowing the setting."""
    if isinstance(told, list) and told:
        return ",".join(map(str, told[0])) if isinstance(told[0], list) else told[0]
    if isinstance(told, Mapping):
        return told.get("low")
    if isinstance(told, str):
        found = _RANGE.fullmatch(told)
        return found["low"] if found else told.split(",")[0].replace("+", ",")
    return told


def read_dimension(option: Option, told: Any) -> Dimension:
    """Read what is said of a setting."""

    def refuse(expected: str) -> OptionError:
        return OptionError(f"vary: {option.name} = {told!r}: expected {expected}")

    found = _RANGE.fullmatch(told) if isinstance(told, str) else None
    if found is not None:
        marks = dict((mark + "=").split("=")[:2] for mark in found["marks"].split(":")[1:])
        if set(marks) - {"log", "step"} or marks.get("log"):
            raise refuse("log and step=NUMBER only behind the range")
        ends = {"low": found["low"], "high": found["high"], "log": "log" in marks}
        told_range: Mapping[str, Any] = {**ends, **({"step": marks["step"]} if "step" in marks else {})}
    elif isinstance(told, Mapping):
        told_range = told
    else:
        return _choices(option, told)
    if not {"low", "high"} <= set(told_range) <= {"low", "high", "log", "step"}:
        raise refuse("low and high, and perhaps log = true or a step")
    if option.type not in (int, float) or option.many:
        raise refuse(f"values ({option.metavar}), as it is no number")
    try:
        numbers = {key: option.parse(told_range[key]) for key in ("low", "high", "step") if key in told_range}
    except OptionError as error:
        raise OptionError(f"vary: {error}") from None
    low, high, step, log = numbers["low"], numbers["high"], numbers.get("step"), told_range.get("log", False)
    if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers.values()):
        raise refuse("finite numbers")
    if not low < high:
        raise refuse("a lower end below the upper one")
    if not isinstance(log, bool) or (log and (low <= 0 or step is not None)):
        raise refuse("with log a range above 0, without a step")
    if step is not None and not 0 < step <= high - low:
        raise refuse("a step above 0, and no longer than the range")
    return Dimension(option.name, (), low, high, log, step)


def _choices(option: Option, told: Any) -> Dimension:
    """A dimension of values one by one; a list in a list, or `a+b` in a text, is one value of several parts."""
    if isinstance(told, str):
        told = [part.strip().replace("+", ",") if option.many else part.strip() for part in told.split(",")]
    if not isinstance(told, list) or len(told) < 2:
        raise OptionError(f"vary: {option.name} = {told!r}: expected two values or more, or a range; {FORMS}")
    try:
        if option.many:  # studies know no lists
            values = [",".join(map(str, one)) if isinstance(one, list) else one for one in told]
            values = [one if option.parse(one) is None else ",".join(map(str, option.parse(one))) for one in values]
        else:
            values = [option.parse(one) for one in told]
    except OptionError as error:
        raise OptionError(f"vary: {error}") from None
    if len(set(values)) < len(values):
        raise OptionError(f"vary: {option.name} = {told!r}: expected different values")
    return Dimension(option.name, tuple(values))
