"""File formats of bags: npy, npz, HDF5 (as CLAM writes it) and tensors saved by PyTorch."""

from __future__ import annotations

import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from xgraph.data.bags.folder.files import ending
from xgraph.data.bags.folder.npy import npy_header, npy_rows, said
from xgraph.data.bags.folder.rows import ArrayRows, FileRows

FEATURES = ("features", "feats", "feature", "embeddings", "x")
COORDS = ("coords", "coordinates", "coord", "locations", "pos")
DAMAGED = (OSError, ValueError, EOFError, KeyError, RuntimeError, struct.error, zipfile.BadZipFile, zlib.error)
"""What reading a damaged file may raise."""

Unpack = Callable[[str, Callable[[BinaryIO], None]], Path]
"""Called with a name and a function that writes an npy file; returns its path in the data root."""


class Bag(NamedTuple):
    """An open bag.

    Args:
        rows: The features.
        coords: Shape of the coordinates, if the file has any.
        read_coords: Returns them.
    """

    rows: FileRows
    coords: tuple[int, ...] | None = None
    read_coords: Callable[[], NDArray[Any]] | None = None

    @property
    def located(self) -> int:
        """Number of coordinates of an instance; 0 if there are none, or not for each instance."""
        fits = self.coords is not None and len(self.coords) == 2 and self.coords[0] == self.rows.shape[0]
        return self.coords[1] if fits and self.coords is not None else 0


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
            name = _choose(members, FEATURES, "arrays")
            member = members[name]
            if member.compress_type != zipfile.ZIP_STORED:  # rows of a compressed array cannot be found
                plain = unpack(name, lambda out: _copy(path, member.filename, out))
                rows = _npy(plain, unpack).rows
            else:
                with path.open("rb") as file:
                    file.seek(member.header_offset + 26)
                    rows = npy_rows(path, file, member.header_offset + 30 + sum(struct.unpack("<HH", file.read(4))))
            coords = next((c for c in COORDS if c in members), None)
            if coords is None:
                return Bag(rows)
            with archive.open(members[coords]) as stream:
                shape = npy_header(stream)[0]  # type: ignore[arg-type]
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, struct.error) as error:
        raise ValueError(f"it is not a complete npz archive: {said(error)}") from error
    return Bag(rows, shape, lambda: np.load(path, allow_pickle=False)[coords])


def _hdf5(path: Path, unpack: Unpack) -> Bag:
    import h5py

    try:
        file = h5py.File(path, "r")
        arrays = {name: item for name, item in file.items() if isinstance(item, h5py.Dataset)}
    except (OSError, RuntimeError, KeyError) as error:
        raise ValueError(f"it is not a complete HDF5 file: {said(error)}") from error
    features = arrays[_choose(arrays, FEATURES, "datasets")]
    nested = features.ndim == 3 and features.shape[0] == 1
    packed = features.chunks is not None and features.id.get_create_plist().get_nfilters() > 0
    block = features.chunks[int(nested)] if packed else 1
    rows = ArrayRows(features, features.dtype, block, nested=nested, owner=file)
    coords = next((arrays[name] for name in COORDS if name in arrays), None)
    return Bag(rows) if coords is None else Bag(rows, tuple(coords.shape), lambda: np.asarray(coords[()]))


def _torch(path: Path, unpack: Unpack) -> Bag:
    import torch

    zipped = zipfile.is_zipfile(path)  # older files, written by PyTorch before 1.6, can only be read as a whole
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns about pickles that it then refuses
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except Exception as error:  # torch raises many types for a damaged or hostile file
        refused = re.search(r"GLOBAL (\S+)", str(error))
        if refused is None:
            raise ValueError(f"it is not a complete file of torch.save: {said(error)}") from error
        raise ValueError(
            f"it holds Python objects ({refused[1]}), which could run code when loaded; save the tensor alone"
        ) from error
    if not isinstance(content, dict | torch.Tensor):
        raise ValueError(f"expected a tensor, or a dictionary with 'features', but it holds a {type(content).__name__}")
    arrays = content if isinstance(content, dict) else {FEATURES[0]: content}
    arrays = {name: item.detach() for name, item in arrays.items() if isinstance(item, torch.Tensor)}
    features = arrays[_choose(arrays, FEATURES, "tensors")]
    if features.layout != torch.strided or features.is_complex():
        raise ValueError(f"its features must be a dense real tensor, but are {features.layout} of {features.dtype}")
    rows: FileRows = ArrayRows(features, np.dtype(np.float32), nested=features.dim() == 3 and len(features) == 1)
    if not zipped:
        rows = _npy(unpack("tensor", lambda out: np.save(out, features.float().numpy())), unpack).rows
    coords = next((arrays[name] for name in COORDS if name in arrays), None)
    return Bag(rows) if coords is None else Bag(rows, tuple(coords.shape), lambda: coords.numpy())


READERS: dict[str, Callable[[Path, Unpack], Bag]] = {
    ".h5": _hdf5,
    ".hdf5": _hdf5,
    ".npy": _npy,
    ".npz": _npz,
    ".pt": _torch,
    ".pth": _torch,
}
"""Readers by `ENDINGS`."""


def _choose(names: Iterable[str], known: tuple[str, ...], what: str) -> str:
    """Return the first known name, or the only one."""
    names = list(names)
    chosen = next((name for name in known if name in names), None)
    others = [name for name in names if name not in COORDS]
    if chosen is None and len(others) != 1:
        listed = ", ".join(map(repr, names[:10])) or "none"
        raise ValueError(f"expected {what} called {known[0]!r} (and 'coords'), but it holds {listed}")
    return others[0] if chosen is None else chosen


def _copy(path: Path, member: str, out: BinaryIO) -> None:
    """Unpack a member of an archive, piece by piece."""
    import shutil

    with zipfile.ZipFile(path) as archive, archive.open(member) as stream:
        shutil.copyfileobj(stream, out, 1 << 20)
