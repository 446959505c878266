"""The files of an unpacked release of the Open Graph Benchmark: nothing in them can run, nothing is fetched."""

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
    """A data set as `ogb`'s class for PyG reads it, without network, prompt or print; a damaged copy is made anew."""
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
            # PyG reads pre_transform.pt and pre_filter.pt of this folder as full pickles, which run what they hold:
            # it gets a new one, which has none. Nor does another process see there what is half written.
            return str(scratch)

        @property
        def processed_paths(self) -> list[str]:
            return [str(self.path)]

        def download(self) -> None:  # `ogb` would ask on the terminal, and fetch
            raise FileNotFoundError("some of its files are missing")

    def read() -> Any:
        with pyg_objects(), quiet(), warnings.catch_warnings():
            # pandas gives arrays that must not be written to, and `ogb` does not write to them
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            opened = Reader(name, root=str(folder.parent))
            opened[0]  # what is kept may be anything that torch reads
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
        remedy = "set XGRAPH_ROOT to a folder you may write to" if refused else "delete the folder to fetch it anew"
        raise ValueError(f"cannot read {folder}: {str(error) or type(error).__name__}; {remedy}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return opened


def read_mapped(folder: Path, progress: Progress | None = None) -> tuple[Data, Tensor]:
    """A graph in OGB's binary form, and its labels; `ogb` itself would hold it twice in memory."""
    raw, kept = folder / "raw", folder / "processed" / "arrays"
    names = ("edge_index", "node_feat", "node_year", "num_nodes_list")
    remedy = f"delete {folder} to fetch it anew"
    try:
        arrays = map_npz(raw / "data.npz", kept, names, progress)
        arrays |= map_npz(raw / "node-label.npz", kept, ("node_label",), progress)
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    except FileNotFoundError as error:
        raise ValueError(f"{error.filename} is missing; {remedy}") from error
    except TypeError as error:  # an array of texts
        raise ValueError(f"cannot read {raw}: {error}; {remedy}") from error
    for name in ("edge_index", "num_nodes_list", "node_label"):
        if name not in tensors:
            raise ValueError(f"{raw} lacks the array {name}; {remedy}")
    counts = tensors["num_nodes_list"]
    if counts.shape != (1,) or counts.is_floating_point():
        raise ValueError(f"{raw} has numbers of nodes {counts.tolist()}, expected one; {remedy}")
    data = Data(edge_index=tensors["edge_index"], num_nodes=int(counts))
    if "node_feat" in tensors:
        data.x = tensors["node_feat"]
    if "node_year" in tensors:
        data.node_year = tensors["node_year"]
    return data, tensors["node_label"]


def read_split(folder: Path, split: Path) -> dict[str, Tensor]:
    """The official split, without `ogb`: it would prefer a split_dict.pt, which no release has, to the tables."""
    return {part: _read_nodes(folder / "split" / split / f"{part}.csv.gz", folder) for part in _PARTS}


def _read_nodes(path: Path, folder: Path) -> Tensor:
    try:
        if not path.stat().st_size:
            raise EOFError("the file is empty")
        return torch.from_numpy(np.array(gzip.decompress(path.read_bytes()).split(), dtype=np.int64))
    except (OSError, EOFError, zlib.error, ValueError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ValueError(f"cannot read {path}: {reason}; delete {folder} to fetch it anew") from error
