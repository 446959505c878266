"""A run directory belongs to one process at a time."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes out of a run directory for as long as the block takes."""
    if sys.platform == "win32":  # it has no such locks: two runs into one directory are the user's to avoid
        yield
        return
    import fcntl

    folder = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileExistsError(f"out: another run is being written to {path} now") from None
        except OSError:
            pass
        yield
    finally:
        os.close(folder)
