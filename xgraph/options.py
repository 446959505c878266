"""Options derived from a class: its keyword-only parameters, their types, and the `Args:` of its docstring.

The command line, the configuration file and `xgraph.train` all get their options from here, so a new loss or model
only needs a class.
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
_KINDS = {bool: "true or false", int: "an integer", float: "a number", str: "a non-empty string"}
_RANGE = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")
_LONGEST = 10_000


class OptionError(ValueError):
    """An unknown option, or a value that an option does not accept. The command line exits with code 2."""


class RunError(RuntimeError):
    """Runs that were asked for have failed; the message says why. The command line prints it without a traceback."""


@dataclass(frozen=True)
class Option:
    """One keyword-only parameter of a class, as presented by the command line and the configuration file.

    Args:
        name: Name of the parameter.
        type: `bool`, `int`, `float` or `str`; the type of one element if `many`.
        default: Default value; `inspect.Parameter.empty` if there is none.
        help: Description from the docstring.
        choices: Accepted words, in addition to numbers if `type` is a number.
        nullable: Whether `None` is accepted (written `none`).
        many: Whether the value is a list (written with commas).
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
        """The placeholder for the value in help texts, such as `FLOAT` or `best|last`."""
        words = list(self.choices)
        if self.type is not str or not words:
            words.insert(0, {bool: "true|false", int: "INT", float: "FLOAT", str: "TEXT"}[self.type])
        return "|".join(words) + (",..." if self.many else "")

    @property
    def expected(self) -> str:
        """A description of the accepted values for error messages, such as `a number` or `best or last`."""
        words = list(self.choices)
        if self.type is not str or not words:
            words.insert(0, _KINDS[self.type])
        if self.many:
            words = [f"{_either(words)}, or several separated by commas{',' * self.nullable}"]
        return _either([*words, "none"] if self.nullable else words)

    def parse(self, value: object) -> Any:
        """Convert a word of the command line, or a value from a file or a call, to the type that the class expects."""
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
        """Parse one element of a list; a range of integers such as `0-9` gives all of them."""
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
        if isinstance(value, int) and not isinstance(value, bool) and str(value) in self.choices:
            return str(value)
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
        return OptionError(f"{self.name} = {value!r}: expected {self.expected}")


def _either(words: list[str]) -> str:
    """Join alternatives: `a, b or c`."""
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def options_of(cls: type) -> list[Option]:
    """List the keyword-only parameters of a class that have simple types, inherited ones first.

    Simple types are `bool`, `int`, `float`, `str`, `Literal` of words, unions of these with each other and `None`, and
    lists of them. If a union also contains other classes (`float | GammaSchedule`), the option accepts its simple part.
    Parameters of base classes are included if the class passes `**options` on to them.

    A class attribute `recipe` overrides the class's own defaults for training runs. The fields of a pydantic model are
    options too. A class composed of several others lists its options itself, with `list_options()`.
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
    """Check and convert the options of one class and fill in defaults; error messages call the class `what`."""
    options = {option.name: option for option in options_of(cls)}
    for name in values:
        if name not in options:
            has = f"its options are: {', '.join(options)}" if options else "it has no options"
            raise OptionError(f"unknown option {name!r} for {what}{nearest(name, options)}; {has}")
    result = {}
    for name, option in options.items():
        try:
            if name in values:
                result[name] = option.parse(values[name])
            elif option.default is not inspect.Parameter.empty:
                result[name] = option.default
            else:
                raise OptionError(f"{name} is required: expected {option.expected}")
        except OptionError as error:
            raise OptionError(f"{what}: {error}") from None
    return result


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for an error message, or an empty string if no known name is similar."""
    close = get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _declared(cls: type) -> dict[str, tuple[object, object]]:
    """Return the annotations and defaults of a pydantic model's fields, or of a class's keyword-only parameters.

    Parameters of base classes are included if the class passes `**options` on to them.
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
    """Return (type, words, nullable, many) for an annotation, or None if no part of it is simple."""
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
    # The widest type can read all values: both "0.5" and "1" are valid floats.
    kind = max(kinds, key=_SIMPLE.index) if kinds else str
    return kind, tuple(choices), NoneType in parts, many


@cache
def _argument_texts(cls: type) -> dict[str, str]:
    """Return the texts of all `Args:` entries of a class and its bases; the class's own take precedence."""
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
        entry = re.match(r"\**(\w+)(?: \([^)]*\))?: ?(.*)", line)
        if entry:
            name = entry.group(1)
            texts[name] = entry.group(2).strip()
        elif name:
            texts[name] = f"{texts[name]} {line.strip()}".strip()
    return texts
