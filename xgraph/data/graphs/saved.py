"""Graphs of PyG in files written by `torch.save`, read without running any code that they may contain."""

from __future__ import annotations

import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import torch

from xgraph.data.published.allowed import pyg_objects
from xgraph.data.storage.torch_files import check_file

ENDINGS = (".pt", ".pth")
_REFUSED = re.compile(r"(?:GLOBAL|global|class) ([\w.]+)")


def read_saved(path: Path) -> Any:
    """Return the `Data` or `HeteroData` in a file.

    Raises:
        ValueError: If the file is damaged, or holds objects of other classes than those of PyG's graphs.
    """
    from torch_geometric.data import Data, HeteroData

    try:
        if zipfile.is_zipfile(path):
            with path.open("rb") as file:
                check_file(file)
        with pyg_objects(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns about pickles that it then refuses
            graph = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # the type depends on which part of the file is damaged
        if type(error) is ValueError:  # ours
            raise ValueError(f"{path} is damaged: {error}; save the graph again (torch.save(graph, path))") from None
        refused = _REFUSED.search(str(error))
        if "weights_only" in str(error).lower() and refused:
            raise ValueError(
                f"{path} holds an object of class {refused[1]}, which is not read because it could run code: save a "
                "Data or HeteroData with tensors, numbers and text only (torch.save(graph, path))"
            ) from None
        raise ValueError(f"{path} is not a file of torch.save, or it is damaged or truncated") from None
    if isinstance(graph, tuple) and graph and isinstance(graph[0], dict):
        raise ValueError(
            f"{path} holds a processed data set of PyG; save one of its graphs: torch.save(dataset[0], 'graph.pt')"
        )
    if not isinstance(graph, Data | HeteroData):
        raise ValueError(f"{path} holds a {type(graph).__name__}; expected a Data or HeteroData of PyG")
    return graph
