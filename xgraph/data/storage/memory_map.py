"""Memory-mapped arrays of an npz file, which is unpacked once."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgraph.data.storage.root import Progress, replacing


def map_npz(
    path: Path, folder: Path, names: Sequence[str] | None = None, progress: Progress | None = None
) -> dict[str, NDArray[Any]]:
    """Unpack the arrays of an npz file into separate files, and map them copy-on-write: writing changes no file."""
    mapped: dict[str, NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
            selected = [name for name in members if names is None or name in names]
            for i, name in enumerate(selected):
                if progress is not None:
                    progress(i, len(selected), f"unpacking {name}")
                target = folder / f"{Path(name).name}.npy"
                if not target.is_file() or target.stat().st_size != members[name].file_size:
                    with archive.open(members[name]) as source, replacing(target) as out:
                        shutil.copyfileobj(source, out, 1 << 20)
                mapped[name] = np.load(target, mmap_mode="c", allow_pickle=False)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError) as error:
        # RuntimeError: the archive is encrypted, or uses an unsupported compression method
        raise ValueError(f"cannot read {path}: {error}") from error
    return mapped
