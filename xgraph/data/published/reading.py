"""What every reader of published files has in common."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def reading(paths: Sequence[Path]) -> Iterator[None]:
    """Turn whatever a damaged file raises into a ValueError that names the files."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, IndexError, TypeError, ValueError) as error:
        reason = f"there is no {error}" if isinstance(error, KeyError) else error
        raise ValueError(f"cannot read {', '.join(map(str, paths))}: {reason}") from error
