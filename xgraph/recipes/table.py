"""A table of a recipe while it is read: what is taken is checked, and what is left over is unknown."""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from xgraph.options import OptionError, nearest

_NOTHING: Any = object()


class Table:
    """Values with the file and the place in it that they come from, which messages name."""

    def __init__(self, values: Mapping[str, Any], file: Path, place: str = "") -> None:
        self._values, self.file, self.place = dict(values), file, place
        self._known: list[str] = []

    @classmethod
    def read(cls, file: Path) -> "Table":
        """Read a TOML file."""
        if not file.is_file():
            raise FileNotFoundError(f"recipe: no file {file}")
        try:
            return cls(tomllib.loads(file.read_text(encoding="utf-8")), file)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise OptionError(f"recipe: {file} is not TOML: {error}") from None

    def at(self, place: str) -> "Table":
        """The same table under a place that says more."""
        return Table(self._values, self.file, place)

    def error(self, text: str) -> OptionError:
        """An error at this place."""
        return OptionError(f"{self.file}: {self.place}{': ' if self.place else ''}{text}")

    def refuse(self, key: str, value: object, expected: str) -> OptionError:
        """An error of one key."""
        return self.error(f"{key} = {value!r}: expected {expected}")

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def _take(self, key: str, expected: str, fits: Callable[[Any], bool], default: Any) -> Any:
        self._known.append(key)
        value = self._values.pop(key, default)
        if value is _NOTHING:
            raise self.error(f"{key} is missing: expected {expected}")
        if value is not default and not fits(value):
            raise self.refuse(key, value, expected)
        return value

    def text(self, key: str, default: Any = _NOTHING) -> Any:
        """A text."""
        return self._take(key, "a text that is not empty", is_text, default)

    def texts(self, key: str, default: Any = _NOTHING) -> Any:
        """A list of different texts, at least one."""
        return self._take(key, "a list of different texts, at least one", are_texts, default)

    def integers(self, key: str, default: Any = _NOTHING) -> Any:
        """A list of different whole numbers from 0 on, at least one."""
        return self._take(key, "a list of different whole numbers, 0 or more, at least one", _are_integers, default)

    def flag(self, key: str) -> bool:
        """True or false; false where there is none."""
        return bool(self._take(key, "true or false", lambda value: isinstance(value, bool), False))

    def share(self, key: str) -> float:
        """A number above 0 and up to 1; 1 where there is none."""
        return float(self._take(key, "a number above 0 and up to 1", lambda v: _is_number(v) and 0 < v <= 1, 1.0))

    def words(self, key: str, choices: tuple[str, ...], default: Any = _NOTHING) -> Any:
        """One of some words."""
        return self._take(key, "|".join(choices), lambda value: isinstance(value, str) and value in choices, default)

    def table(self, key: str, default: Any = _NOTHING) -> "Table":
        """A table within."""
        values = self._take(key, "a table", lambda value: isinstance(value, dict), default)
        return Table(values, self.file, self._within(key))

    def _within(self, key: str) -> str:
        if self.place.startswith("[["):
            return f"{self.place}: {key}"
        return f"[{self.place.strip('[]')}.{key}]" if self.place else f"[{key}]"

    def tables(self, key: str, default: Any = _NOTHING) -> list["Table"]:
        """A list of tables within."""
        values = self._take(key, "tables, each under [[" + key + "]]", _are_tables, default)
        return [Table(one, self.file, f"[[{key}]] {i}") for i, one in enumerate(values, 1)]

    def rest(self) -> dict[str, Any]:
        """What has not been taken; it is taken now."""
        values, self._values = self._values, {}
        return values

    def done(self) -> None:
        """Refuse what has not been taken."""
        self.check_keys(self._known)

    def check_keys(self, known: Sequence[str]) -> None:
        """Refuse keys that are none of those known."""
        for key in self._values:
            if key not in known:
                raise self.error(f"unknown key {key!r}{nearest(key, known)}; there are {', '.join(known)}")


def is_text(value: object) -> bool:
    """Whether a value is a text with something in it."""
    return isinstance(value, str) and bool(value.strip())


def are_texts(value: object) -> bool:
    """Whether a value is a list of different texts, at least one."""
    return isinstance(value, list) and bool(value) and all(map(is_text, value)) and len(set(value)) == len(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_integers(value: object) -> bool:
    if not isinstance(value, list) or not value:
        return False
    return all(type(one) is int and 0 <= one < 2**63 for one in value) and len(set(value)) == len(value)


def _are_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)
