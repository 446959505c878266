"""Reading of an unpacked OGB release, without executing code from it and without network access."""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import shutil
import uuid
import warnings
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from xgraph.data.ogb.package import quiet, without_version_check
from xgraph.data.published.allowed import pyg_objects
from xgraph.data.storage.memory_map import map_npz
from xgraph.data.storage.root import Progress

_PARTS = ("train", "valid", "test")


def read_ogb(kind: Literal["node", "graph"], name: str, folder: Path) -> Any:
    """Read a data set with `ogb`'s PyG class, without network, prompts or prints; rebuild a damaged copy."""
    with without_version_check():
        if kind == "node":
            from ogb.nodeproppred import PygNodePropPredDataset as Base
        else:
            from ogb.graphproppred import PygGraphPropPredDataset as Base

    kept = folder / "processed" / "geometric_data_processed.pt"
    scratch = folder / f".processed.{uuid.uuid4().hex[:12]}"
    fresh = scratch / kept.name

    class Reader(Base):  # type: ignore[misc]
        path = kept

        @property
        def processed_dir(self) -> str:
            # PyG reads pre_transform.pt and pre_filter.pt of this folder as unrestricted pickles, which can execute
            # code, so it gets a new folder without them. This also hides incomplete files from other processes.
            return str(scratch)

        @property
        def processed_paths(self) -> list[str]:
            return [str(self.path)]

        def download(self) -> None:  # `ogb` would prompt on the terminal and download
            raise FileNotFoundError("some of its files are missing")

    def read() -> Any:
        with pyg_objects(), quiet(), warnings.catch_warnings():
            # pandas returns read-only arrays, and `ogb` does not write to them
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            opened = Reader(name, root=str(folder.parent))
            opened[0]  # fails if the cached file holds something else
            return opened

    if kept.exists():
        with contextlib.suppress(Exception):  # torch raises many types for damaged files
            return read()
    try:
        Reader.path = fresh
        opened = read()
        kept.parent.mkdir(exist_ok=True)
        os.replace(fresh, kept)
    except Exception as error:  # pandas, gzip and `ogb` raise many types for damaged files
        refused = isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
        remedy = "set XGRAPH_ROOT to a writable folder" if refused else "delete the folder to fetch it again"
        raise ValueError(f"cannot read {folder}: {str(error) or type(error).__name__}; {remedy}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return opened


def read_mapped(folder: Path, progress: Progress | None = None) -> tuple[Data, Tensor]:
    """Read a graph in OGB's binary format and its labels as memory maps; `ogb` would hold it in memory twice."""
    raw, kept = folder / "raw", folder / "processed" / "arrays"
    names = ("edge_index", "node_feat", "node_year", "num_nodes_list")
    remedy = f"delete {folder} to fetch it again"
    try:
        arrays = map_npz(raw / "data.npz", kept, names, progress)
        arrays |= map_npz(raw / "node-label.npz", kept, ("node_label",), progress)
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    except FileNotFoundError as error:
        raise ValueError(f"{error.filename} is missing; {remedy}") from error
    except TypeError as error:  # an array of strings
        raise ValueError(f"cannot read {raw}: {error}; {remedy}") from error
    for name in ("edge_index", "num_nodes_list", "node_label"):
        if name not in tensors:
            raise ValueError(f"{raw} has no array {name}; {remedy}")
    counts = tensors["num_nodes_list"]
    if counts.shape != (1,) or counts.is_floating_point():
        raise ValueError(f"num_nodes_list in {raw} must be a single integer, got {counts.tolist()}; {remedy}")
    data = Data(edge_index=tensors["edge_index"], num_nodes=int(counts))
    if "node_feat" in tensors:
        data.x = tensors["node_feat"]
    if "node_year" in tensors:
        data.node_year = tensors["node_year"]
    return data, tensors["node_label"]


def read_split(folder: Path, split: Path) -> dict[str, Tensor]:
    """Read the official split from its tables; `ogb` would prefer a split_dict.pt, which no release contains."""
    return {part: _read_nodes(folder / "split" / split / f"{part}.csv.gz", folder) for part in _PARTS}


def _read_nodes(path: Path, folder: Path) -> Tensor:
    try:
        if not path.stat().st_size:
            raise EOFError("the file is empty")
        return torch.from_numpy(np.array(gzip.decompress(path.read_bytes()).split(), dtype=np.int64))
    except (OSError, EOFError, zlib.error, ValueError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ValueError(f"cannot read {path}: {reason}; delete {folder} to fetch it again") from error
