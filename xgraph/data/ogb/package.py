"""Imports and uses the `ogb` package without its side effects: version check, prints and progress bars."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def without_version_check() -> Iterator[None]:
    """Hide the package `outdated`, with which `import ogb` would check the network for newer versions."""
    name = "outdated"
    hidden = sys.modules.pop(name, None)
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]
        if hidden is not None:
            sys.modules[name] = hidden


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Suppress the prints and progress bars of `ogb` and PyG while they read files."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
