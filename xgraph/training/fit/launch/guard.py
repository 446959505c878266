"""What is done when a run ends early: it is kept if it can be resumed, and the caller learns how."""

import errno
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from xgraph.distributed import rank
from xgraph.training.files.members import member_folders
from xgraph.training.files.rundir import CONFIG, LAST, discard

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a disk without space, of a quota that is used up, and of a file as large as a file may be."""


class Interrupted(KeyboardInterrupt):
    """A run was stopped, and can be resumed.

    Args:
        path: The run directory.
        signum: The signal that asked it to stop.
        lacking: What a run whose network is finished still lacks.
    """

    def __init__(self, path: Path, signum: int = signal.SIGINT, lacking: str = "") -> None:
        super().__init__(path, int(signum), lacking)  # as it is made anew in another process
        self.path, self.signum, self.lacking = path, int(signum), lacking

    def __str__(self) -> str:
        return str(self.path)

    @property
    def saved(self) -> bool:
        """Whether there is anything to resume."""
        return any(self.path.glob("*.toml"))  # of a run, a search or a recipe


@dataclass
class Stage:
    """How far a run has come.

    Args:
        lacking: What a run whose network is finished still lacks.
    """

    lacking: str = ""


@contextmanager
def guarded(path: Path, *, resume: bool, command: str = "train", stage: Stage | None = None) -> Iterator[None]:
    """Turn a stop into `Interrupted`, and say that a run on a full disk can be resumed; discard one that just failed.

    Args:
        path: The run directory.
        resume: Whether the run was there before.
        command: The command of `xgraph` that resumes it.
        stage: How far the run has come when it ends.
    """
    try:
        yield
    except KeyboardInterrupt as stop:
        lacking = "" if stage is None else stage.lacking
        raise Interrupted(path, getattr(stop, "signum", signal.SIGINT), lacking) from None
    except FileExistsError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL and (path / CONFIG).is_file():
            where = path
            while where != where.parent and where in member_folders(where.parent):
                where = where.parent  # the run that it is a fold or a seed of
            raise OSError(
                error.errno,
                f"{error.strerror}; free some space, then `xgraph {command} --resume --out {where}` goes on"
                + ("" if (path / LAST).is_file() else " from the start"),
                error.filename,
            ) from error
        if not resume and rank() == 0:
            discard(path)
        raise
