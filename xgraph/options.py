"""Options read off a class: its keyword-only parameters, their types, and the `Args:` of its docstring.

The command line, the configuration file and `xgraph.train` all take their options from here, so that a new
loss or model needs nothing but its class.
"""

import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

_SIMPLE = (bool, int, float, str)
_RANGE = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")
_LONGEST = 10_000


class OptionError(ValueError):
    """An option that does not exist, or a value it cannot take. The command line ends with exit code 2."""


@dataclass(frozen=True)
class Option:
    """One keyword-only parameter of a class, as a command line or a configuration file sees it.

    Args:
        name: Name of the parameter.
        type: `bool`, `int`, `float` or `str`; of one element if `many`.
        default: Its default value; `inspect.Parameter.empty` if it has none.
        help: What the docstring says of it.
        choices: Words that it can be; beside a number, if `type` is a number.
        nullable: Whether `None` is a value (written `none`).
        many: Whether it is a list (written with commas).
    """

    name: str
    type: type
    default: object
    help: str = ""
    choices: tuple[str, ...] = ()
    nullable: bool = False
    many: bool = False

    @property
    def flag(self) -> str:
        """The option on a command line: `max_fpr` is `--max-fpr`."""
        return "--" + self.name.replace("_", "-")

    @property
    def metavar(self) -> str:
        """What stands for the value in help texts: `0.1`-like types or the words it can be."""
        words = list(self.choices)
        if self.type is not str or not words:
            words.insert(0, {bool: "true|false", int: "INT", float: "FLOAT", str: "TEXT"}[self.type])
        return "|".join(words) + (",..." if self.many else "")

    def parse(self, value: object) -> Any:
        """Turn a word of the command line, or a value of a file or a call, into what the class takes."""
        if value is None or (self.nullable and isinstance(value, str) and value.lower() == "none"):
            if self.nullable:
                return None
            raise self._refusal(value)
        if self.many:
            parts = value.split(",") if isinstance(value, str) else value
            if not isinstance(parts, list | tuple):
                raise self._refusal(value)
            return [one for p in parts for one in self._parse_range(p.strip() if isinstance(p, str) else p)]
        return self._parse_one(value)

    def _parse_range(self, value: object) -> list[object]:
        """One element of a list, or of numbers all from one to another, such as `0-9`."""
        ends = _RANGE.fullmatch(value) if self.type is int and isinstance(value, str) else None
        if ends is None:
            return [self._parse_one(value)]
        first, last = int(ends[1]), int(ends[2])
        if first > last or last - first >= _LONGEST:
            raise self._refusal(value)
        return list(range(first, last + 1))

    def _parse_one(self, value: object) -> object:
        if isinstance(value, str) and value in self.choices:
            return value
        if self.type is str:
            if isinstance(value, str) and value and not self.choices:
                return value
        elif self.type is bool:
            word = str(value).lower()
            if word in {"true", "false"}:
                return word == "true"
        elif isinstance(value, int | float | str) and not isinstance(value, bool):
            try:
                number: int | float = float(value) if self.type is float else int(value)
            except (ValueError, OverflowError):
                raise self._refusal(value) from None
            if isinstance(value, str) or number == value:
                return number
        raise self._refusal(value)

    def _refusal(self, value: object) -> OptionError:
        expected = self.metavar + (" or none" if self.nullable else "")
        return OptionError(f"{self.name} = {value!r}: expected {expected}")


def options_of(cls: type) -> list[Option]:
    """The keyword-only parameters of a class that have simple types; what its `**options` hand on comes first.

    Types are `bool`, `int`, `float`, `str`, `Literal` of words, unions of these with each other and `None`, and lists
    of them; where a union also names other classes (`float | GammaSchedule`), the simple part is the option.

    A class attribute `recipe` names the defaults of a run where they differ from those of the class. The fields of a
    pydantic model are options too; a class that is composed of several lists its options itself, by `list_options()`.
    """
    composed: Callable[[], list[Option]] | None = getattr(cls, "list_options", None)
    if composed is not None:
        return composed()
    options = []
    texts = _argument_texts(cls)
    recipe: Mapping[str, object] = getattr(cls, "recipe", {})
    for name, (annotation, default) in _declared(cls).items():
        simple = _simple_type(annotation)
        if simple is not None:
            kind, choices, nullable, many = simple
            options.append(Option(name, kind, recipe.get(name, default), texts.get(name, ""), choices, nullable, many))
    return options


def parse_options(cls: type, values: Mapping[str, object], what: str) -> dict[str, Any]:
    """Check and convert the options of one class, called `what` in messages; those not given get their defaults."""
    options = {option.name: option for option in options_of(cls)}
    for name in values:
        if name not in options:
            has = f"it has: {', '.join(options)}" if options else "it has none"
            raise OptionError(f"unknown option {name!r} for {what}{nearest(name, options)}; {has}")
    result = {}
    for name, option in options.items():
        try:
            if name in values:
                result[name] = option.parse(values[name])
            elif option.default is not inspect.Parameter.empty:
                result[name] = option.default
            else:
                raise OptionError(f"{name} must be given: expected {option.metavar}")
        except OptionError as error:
            raise OptionError(f"{what}: {error}") from None
    return result


def nearest(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for an error message; nothing if no known name is near."""
    close = get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _declared(cls: type) -> dict[str, tuple[object, object]]:
    """Annotations and defaults of a pydantic model's fields, or of a class's keyword-only parameters.

    Parameters of its bases are among them as far as it hands `**options` on to them.
    """
    fields = getattr(cls, "model_fields", None)
    if fields is not None:
        return {name: (field.annotation, field.get_default()) for name, field in fields.items()}
    layers = []
    for base in cls.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(vars(base)["__init__"], eval_str=True).parameters.values()
        layers.append({p.name: (p.annotation, p.default) for p in parameters if p.kind is p.KEYWORD_ONLY})
        if all(p.kind is not inspect.Parameter.VAR_KEYWORD for p in parameters):
            break
    return {name: declared for layer in reversed(layers) for name, declared in layer.items()}


def _simple_type(annotation: object) -> tuple[type, tuple[str, ...], bool, bool] | None:
    """(type, words, nullable, many) of an annotation, or None if no part of it is simple."""
    parts = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    kinds: list[type] = []
    choices: list[str] = []
    many = False
    for part in parts:
        if get_origin(part) is list:
            many = True
            (part,) = get_args(part)
        if get_origin(part) is Annotated:
            part = part.__origin__
        if get_origin(part) is Literal:
            choices += [word for word in get_args(part) if isinstance(word, str)]
        elif part in _SIMPLE:
            kinds.append(part)
    if not kinds and not choices:
        return None
    # The widest type reads all values: "0.5" and "1" are both a float.
    kind = max(kinds, key=_SIMPLE.index) if kinds else str
    return kind, tuple(choices), NoneType in parts, many


@cache
def _argument_texts(cls: type) -> dict[str, str]:
    """The texts of all `Args:` entries of a class and its bases, the class's own winning."""
    texts: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        for doc in (base.__doc__, getattr(vars(base).get("__init__"), "__doc__", None)):
            if doc and base is not object:
                texts.update(_parse_args_section(inspect.cleandoc(doc)))
    return texts


def _parse_args_section(doc: str) -> dict[str, str]:
    section = re.search(r"^Args:\n((?:[ \t]+.*\n?|\n)+)", doc, flags=re.MULTILINE)
    if section is None:
        return {}
    lines = textwrap.dedent(section.group(1)).splitlines()
    texts: dict[str, str] = {}
    name = ""
    for line in lines:
        entry = re.match(r"(\w+)(?: \([^)]*\))?: ?(.*)", line)
        if entry:
            name = entry.group(1)
            texts[name] = entry.group(2).strip()
        elif name:
            texts[name] = f"{texts[name]} {line.strip()}".strip()
    return texts
