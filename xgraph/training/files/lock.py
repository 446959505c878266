"""A lock that lets only one process at a time write to a run directory."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xgraph.data.storage.leftovers import remove_leftovers


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a run directory while the block runs, and remove what a killed process left in it."""
    if sys.platform == "win32":  # no directory locks; users must avoid two runs in one directory themselves
        yield
        return
    import fcntl

    folder = os.open(path, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileExistsError(
                f"out: another run is writing to {path}; wait for it to finish, or choose another directory"
            ) from None
        except OSError:
            pass
        else:
            remove_leftovers(path)
        yield
    finally:
        os.close(folder)
