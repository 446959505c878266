"""File formats of bags: npy, npz, HDF5 (as CLAM writes it) and tensors saved by PyTorch."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from xgraph.data.bags.folder.bag import COORDS, FEATURES, Bag, Unpack, features_among
from xgraph.data.bags.folder.files import ending
from xgraph.data.bags.folder.npy import begin_of, npy_header, npy_rows, said
from xgraph.data.bags.folder.rows import ArrayRows
from xgraph.data.bags.folder.tensors import read_tensors
from xgraph.data.storage.damaged import DAMAGED_ARCHIVE

DAMAGED = (*DAMAGED_ARCHIVE, OSError, ValueError, KeyError)
"""What reading a damaged file may raise."""


def open_bag(path: Path, unpack: Unpack) -> Bag:
    """Open the file of a bag, without reading its features.

    Raises:
        One of `DAMAGED`: If the file cannot be read, or does not hold the features of a bag.
    """
    if not path.is_file():
        raise FileNotFoundError("the file is not there any more")
    bag = READERS[ending(path)](path, unpack)
    shape, kind = bag.rows.shape, bag.rows.dtype.kind
    if kind not in "biuf":
        raise ValueError(f"its features must be real numbers, but are {bag.rows.dtype}")
    if len(shape) not in (2, 4) or 0 in shape[1:]:
        raise ValueError(
            f"its features must have shape [instances, features] or [instances, channels, height, width], but have "
            f"{list(shape)}"
        )
    if not shape[0]:
        raise ValueError("it holds no instances")
    return bag


def _npy(path: Path, unpack: Unpack) -> Bag:
    with path.open("rb") as file:
        return Bag(npy_rows(path, file, 0))


def _npz(path: Path, unpack: Unpack) -> Bag:
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            name = features_among(members, FEATURES, "arrays")
            member = members[name]
            if member.compress_type != zipfile.ZIP_STORED:  # rows of a compressed array cannot be found
                plain = unpack(name, lambda out: _copy(path, member.filename, out))
                rows = _npy(plain, unpack).rows
            else:
                with path.open("rb") as file:
                    rows = npy_rows(path, file, begin_of(file, member))
            coords = next((c for c in COORDS if c in members), None)
            if coords is None:
                return Bag(rows)
            with archive.open(members[coords]) as stream:
                shape = npy_header(stream)[0]  # type: ignore[arg-type]
    except DAMAGED_ARCHIVE as error:
        raise ValueError(f"it is not a complete npz archive: {said(error)}") from error
    return Bag(rows, shape, lambda: np.load(path, allow_pickle=False)[coords])


def _hdf5(path: Path, unpack: Unpack) -> Bag:
    import h5py

    try:
        file = h5py.File(path, "r")
        arrays = {name: item for name, item in file.items() if isinstance(item, h5py.Dataset)}
    except (OSError, RuntimeError, KeyError) as error:
        raise ValueError(f"it is not a complete HDF5 file: {said(error)}") from error
    features = arrays[features_among(arrays, FEATURES, "datasets")]
    nested = features.ndim == 3 and features.shape[0] == 1
    packed = features.chunks is not None and features.id.get_create_plist().get_nfilters() > 0
    block = features.chunks[int(nested)] if packed else 1
    rows = ArrayRows(features, features.dtype, block, nested=nested, owner=file)
    coords = next((arrays[name] for name in COORDS if name in arrays), None)
    return Bag(rows) if coords is None else Bag(rows, tuple(coords.shape), lambda: np.asarray(coords[()]))


READERS: dict[str, Callable[[Path, Unpack], Bag]] = {
    ".h5": _hdf5,
    ".hdf5": _hdf5,
    ".npy": _npy,
    ".npz": _npz,
    ".pt": read_tensors,
    ".pth": read_tensors,
}
"""Readers by `ENDINGS`."""


def _copy(path: Path, member: str, out: BinaryIO) -> None:
    """Unpack a member of an archive, piece by piece."""
    import shutil

    with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
        shutil.copyfileobj(stream, out, 1 << 20)
