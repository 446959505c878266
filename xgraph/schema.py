"""Schemas for files: pydantic models whose error messages name the place, the key, its value and what was expected."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from xgraph.options import OptionError, nearest


class Schema(BaseModel):
    """A table of a file: unknown keys are rejected, and values are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Model = TypeVar("Model", bound=BaseModel)

_EXPECTED = {
    "string_type": "a string",
    "string_too_short": "a non-empty string",
    "int_type": "an integer",
    "int_parsing": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "too_short": "a list with {min_length} or more elements",
    "too_long": "a list with {max_length} or fewer elements",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "a number below {lt}",
    "less_than_equal": "{le} or less",
}


def validate(
    cls: type[Model], values: Mapping[str, Any], where: str = "", error: type[ValueError] = OptionError
) -> Model:
    """Create a model from a table, or raise an error about the first invalid value.

    Args:
        cls: The model.
        values: The table.
        where: Prefix of error messages, such as the name of the file.
        error: Class of the error to raise.

    Raises:
        OptionError: If a key is unknown or missing, or a value is invalid (or the class given as `error`).
    """
    try:
        return cls.model_validate(values)
    except ValidationError as invalid:
        # Report unknown keys first: a misspelled key often also makes another one missing.
        first = min(invalid.errors(), key=lambda one: one["type"] != "extra_forbidden")
        text = explain(first, cls, values)
        raise error(f"{where}: {text}" if where else text) from None


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Read a TOML file; error messages start with `what`."""
    if not path.is_file():
        raise FileNotFoundError(f"{what}: no file {path}")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise OptionError(f"{what}: {path} is not valid TOML: too many brackets within one another") from None
    except ValueError as error:  # of TOML, of its encoding, or of numbers with thousands of digits
        raise OptionError(f"{what}: {path} is not valid TOML: {error}") from None


def explain(error: Mapping[str, Any], cls: type[BaseModel], values: Mapping[str, Any]) -> str:
    """Reword one of pydantic's errors: key, value, and what was expected."""
    steps = [*_steps(error["loc"], values)]
    key, kind = _join(steps), error["type"]
    context = {name: _plain(value) for name, value in error.get("ctx", {}).items()}
    if kind == "extra_forbidden":
        known = _fields_at(cls, error["loc"][:-1])
        return f"unknown key {key!r}{nearest(str(error['loc'][-1]), known)}; valid keys are {', '.join(known)}"
    if kind == "missing":
        return f"key {key!r} is missing"
    if kind in ("value_error", "assertion_error"):
        text = str(context["error"])
        return f"{key} = {error['input']!r}: {text}" if steps else text
    if kind == "union_tag_invalid":
        tag = str(context["discriminator"]).strip("'")
        expected = context["expected_tags"].replace("', '", " or ").replace("'", "")
        return f"{_join([*steps, tag])} = {context['tag']!r}: expected {expected}"
    if kind in ("literal_error", "enum"):
        expected = context["expected"].replace("'", "")
    else:
        expected = _EXPECTED.get(kind, str(error["msg"]).removeprefix("Input should be ")).format(**context)
    return f"{key} = {error['input']!r}: expected {expected}"


def _plain(limit: Any) -> Any:
    """Write a whole-numbered float limit without decimals: 1, not 1.0."""
    return int(limit) if isinstance(limit, float) and limit.is_integer() and abs(limit) < 1e15 else limit


def _steps(place: tuple[int | str, ...], values: Any) -> Iterator[int | str]:
    """Yield the keys of a place, without the tags that pydantic inserts for unions."""
    for number, step in enumerate(place):
        last = number == len(place) - 1
        if isinstance(values, Mapping) and (step in values or (last and isinstance(step, str))):
            yield step
            values = values.get(step)
        elif isinstance(values, list) and isinstance(step, int):
            yield step
            values = values[step] if step < len(values) else None


def _join(steps: list[int | str]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Return all models that occur in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _fields_at(cls: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """Return the valid keys at a place."""
    models = [cls]
    for step in place:
        inner = [
            own
            for model in models
            if step in model.model_fields
            for own in _models(model.model_fields[step].annotation)
        ]
        tagged = [model for model in models if any(step in get_args(f.annotation) for f in model.model_fields.values())]
        models = inner or tagged or models
    return list(dict.fromkeys(name for model in models for name in model.model_fields))
