"""Types of the values in a recipe's TOML file."""

import math
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from xgraph.recipes.schema.metrics import EXPECTED, further_metrics


def checked(fits: Callable[[Any], object], expected: str) -> AfterValidator:
    """Create a validator from a predicate and a description of the expected value."""

    def check(value: Any) -> Any:
        if not fits(value):
            raise ValueError(f"expected {expected}")
        return value

    return AfterValidator(check)


def are_metrics(names: Any) -> bool:
    """Whether all names are those of metrics."""
    try:
        further_metrics(list(names))
    except ValueError:
        return False
    return True


def listed(value: object) -> object:
    """Wrap a single string in a list."""
    return [value] if isinstance(value, str) else value


def _figure(value: Any) -> tuple[float, float | None]:
    """Parse a mean with an optional standard deviation."""
    numbers = value if isinstance(value, list) else [value]
    if len(numbers) not in (1, 2) or not all(type(one) in (int, float) and math.isfinite(one) for one in numbers):
        raise ValueError("expected a number, or [mean, standard deviation]")
    return float(numbers[0]), float(numbers[1]) if len(numbers) == 2 else None


distinct = checked(lambda values: 0 < len(values) == len(set(values)), "different values, at least one")
Text = Annotated[str, checked(str.strip, "a non-empty string")]
Texts = Annotated[list[Text], distinct]
Datasets = Annotated[Texts, BeforeValidator(listed)]
Seeds = Annotated[list[Annotated[int, Field(ge=0, lt=2**63)]], distinct]
Folder = Annotated[
    str, checked(re.compile(r"[A-Za-z0-9][A-Za-z0-9_+-]*").fullmatch, "letters, digits, - and _, as it names a folder")
]
Metric = Annotated[str, checked(lambda name: are_metrics([name]), EXPECTED)]
Figure = Annotated[
    tuple[float, float | None],
    BeforeValidator(_figure),
    PlainSerializer(lambda figure: figure[0] if figure[1] is None else list(figure)),
]
