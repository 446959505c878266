"""What every reader of published files has in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from xgraph.data.storage.damaged import DAMAGED_ARCHIVE


@contextmanager
def reading(paths: Sequence[Path]) -> Iterator[None]:
    """Turn whatever a damaged file raises into a ValueError that names the files."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (*DAMAGED_ARCHIVE, OSError, KeyError, IndexError, TypeError, ValueError) as error:
        reason = f"there is no {error}" if isinstance(error, KeyError) else error
        raise ValueError(f"cannot read {', '.join(map(str, paths))}: {reason}") from error
