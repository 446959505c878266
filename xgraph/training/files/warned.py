"""The warnings of a run, kept in its directory for reports."""

import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xgraph.data.storage.store import CacheWarning
from xgraph.training.files.rundir import WARNINGS
from xgraph.training.files.writing import write_text


class Warned:
    """What a run has warned of so far, each text once. Warnings about the cache are none of the run's."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._path: Path | None = None

    def add(self, text: str) -> None:
        """Keep a warning."""
        if text not in self.texts:
            self.texts.append(text)
            self._write()

    def keep_in(self, path: Path) -> None:
        """From now on, write the warnings to a run directory, after those of an earlier part of the run."""
        self._path = path
        self.texts = list(dict.fromkeys([*(read_warnings(path) or []), *self.texts]))
        self._write()

    def _write(self) -> None:
        """Write the file, if there is anything to write."""
        if self._path is not None and self.texts and read_warnings(self._path) != self.texts:
            write_text(self._path / WARNINGS, json.dumps(self.texts, indent=2, ensure_ascii=False) + "\n")


def read_warnings(path: Path) -> list[str] | None:
    """Return the warnings that a run has kept; None if it has none, or the file is damaged."""
    try:
        texts = json.loads((path / WARNINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return [text for text in texts if isinstance(text, str)] if isinstance(texts, list) else None


def _ours(text: str) -> bool:
    """Whether xgraph gives the warning that is being shown: others' come once a process, so not in each run."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_globals.get("__name__") == "warnings":
        frame = frame.f_back
    return str(frame.f_globals.get("__name__")).startswith("xgraph") and "(Triggered internally at " not in text


@contextmanager
def warned() -> Iterator[Warned]:
    """Collect the warnings that are given in the block; they are shown as before."""
    own = Warned()
    with warnings.catch_warnings():  # which also lets those be given again that another run has given
        show = warnings.showwarning

        def keep(message: Warning | str, category: type[Warning], *rest: Any, **named: Any) -> None:
            if issubclass(category, UserWarning) and not issubclass(category, CacheWarning) and _ours(str(message)):
                own.add(str(message))
            show(message, category, *rest, **named)

        warnings.showwarning = keep
        yield own
