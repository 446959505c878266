"""Import and use the `ogb` package without what it does on the side: a look for newer versions, prints, bars."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def without_version_check() -> Iterator[None]:
    """Let `import ogb` find no `outdated`, with which it would ask the network for newer versions of itself."""
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
    """Swallow what `ogb` and PyG print while they read files, and their progress bars."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
