"""Declared schemas: pydantic models whose errors name the place, the key, its value and what was expected."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from xgraph.options import OptionError, nearest


class Schema(BaseModel):
    """A table of a file: unknown keys are refused, and values are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Model = TypeVar("Model", bound=BaseModel)

_EXPECTED = {
    "string_type": "a text",
    "string_too_short": "a text that is not empty",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
    "too_short": "a list of {min_length} or more",
    "too_long": "a list of {max_length} or fewer",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "a number below {lt}",
    "less_than_equal": "{le} or less",
}


def validate(
    cls: type[Model], values: Mapping[str, Any], where: str = "", error: type[ValueError] = OptionError
) -> Model:
    """Make a model of a table; the error of the first value that does not fit is raised as `error`.

    Args:
        cls: The model.
        values: The table.
        where: What messages name in front, such as the file.
        error: Class of the error.

    Raises:
        OptionError: If a key is unknown or missing, or a value does not fit; of the class that `error` names.
    """
    try:
        return cls.model_validate(values)
    except ValidationError as refused:
        # An unknown key is often the reason why another one is missing.
        first = min(refused.errors(), key=lambda one: one["type"] != "extra_forbidden")
        text = explain(first, cls, values)
        raise error(f"{where}: {text}" if where else text) from None


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Read a TOML file; messages call it `what`."""
    if not path.is_file():
        raise FileNotFoundError(f"{what}: no file {path}")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError(f"{what}: {path} is not TOML: {error}") from None


def explain(error: Mapping[str, Any], cls: type[BaseModel], values: Mapping[str, Any]) -> str:
    """One of pydantic's errors in our words: key, value, and what was expected."""
    steps = [*_steps(error["loc"], values)]
    key, kind = _join(steps), error["type"]
    context = {name: _plain(value) for name, value in error.get("ctx", {}).items()}
    if kind == "extra_forbidden":
        known = _fields_at(cls, error["loc"][:-1])
        return f"unknown key {key!r}{nearest(str(error['loc'][-1]), known)}; the keys are {', '.join(known)}"
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
    """A limit of a float as one would write it: 1, not 1.0."""
    return int(limit) if isinstance(limit, float) and limit.is_integer() and abs(limit) < 1e15 else limit


def _steps(place: tuple[int | str, ...], values: Any) -> Iterator[int | str]:
    """The keys of a place, without the tags that pydantic puts between them for unions."""
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
    """All models that an annotation names."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _fields_at(cls: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The keys that may stand at a place."""
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
