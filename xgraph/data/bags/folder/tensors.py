"""Bags saved by PyTorch: a tensor, or a dictionary with features and coordinates."""

from __future__ import annotations

import re
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import torch

from xgraph.data.bags.folder.bag import COORDS, FEATURES, Bag, Unpack, features_among
from xgraph.data.bags.folder.npy import begin_of, npy_rows, said
from xgraph.data.bags.folder.rows import ArrayRows, FileRows, PlainRows
from xgraph.data.storage.torch_files import check_file

_PLAIN = {torch.float16, torch.float32, torch.float64, torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64}


def read_tensors(path: Path, unpack: Unpack) -> Bag:
    """Open a file of `torch.save`."""
    zipped = zipfile.is_zipfile(path)  # older files, written by PyTorch before 1.6, can only be read as a whole
    try:
        if zipped:
            with path.open("rb") as file:
                check_file(file)
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
    features = arrays[features_among(arrays, FEATURES, "tensors")]
    if features.layout != torch.strided or features.is_complex():
        raise ValueError(f"its features must be a dense real tensor, but are {features.layout} of {features.dtype}")
    nested = features.dim() == 3 and len(features) == 1
    place = _place(path, features[0] if nested else features) if zipped else None
    rows: FileRows
    if place is not None:
        shape = tuple(features.shape)[nested:]
        rows = PlainRows(path, place, shape, np.dtype(str(features.dtype).removeprefix("torch.")))
    elif zipped:
        rows = ArrayRows(features, np.dtype(np.float32), nested=nested)
    else:
        plain = unpack("tensor", lambda out: np.save(out, features.float().numpy()))
        with plain.open("rb") as file:
            rows = npy_rows(plain, file, 0)
    coords = next((arrays[name] for name in COORDS if name in arrays), None)
    return Bag(rows) if coords is None else Bag(rows, tuple(coords.shape), lambda: coords.numpy())


def _place(path: Path, tensor: torch.Tensor) -> int | None:
    """Return where the numbers of a tensor begin in its file; None if they cannot be read from there as they are."""
    if not tensor.is_contiguous() or tensor.dtype not in _PLAIN or not tensor.numel():
        return None
    size = tensor.untyped_storage().nbytes()
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        orders = [archive.read(info) for info in archive.infolist() if info.filename.endswith("/byteorder")]
        fitting = [
            info
            for info in archive.infolist()
            if "/data/" in info.filename and info.file_size == size and info.compress_type == zipfile.ZIP_STORED
        ]
        if orders not in ([], [sys.byteorder.encode()]) or len(fitting) != 1:  # which one it is is not known
            return None
        return begin_of(file, fitting[0]) + int(tensor.storage_offset()) * tensor.element_size()
