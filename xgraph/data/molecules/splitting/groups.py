"""Groups of similar molecules for splits: scaffolds, and clusters of fingerprints."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rdkit import rdBase
from rdkit.Chem import rdFingerprintGenerator
from rdkit.rdBase import BlockLogs

from xgraph.data.molecules.molecule import parse
from xgraph.data.molecules.splits import KEPT_FROM, WORTH, _scaffolds
from xgraph.data.storage.parallel import map_chunks
from xgraph.data.storage.root import Progress
from xgraph.data.storage.root import root as root_folder
from xgraph.data.storage.store import Payload, cached, content_key

RADIUS, BITS = 2, 2048
SIMILARITY = 0.4  # Tanimoto, from which a molecule belongs to a cluster: a distance of 0.6
_BLOCK, _WIDE = 1024, 8192  # fingerprints compared at a time

_Packed = NDArray[np.uint8]


def scaffold_keys(
    smiles: Sequence[str], *, root: str | Path | None = None, progress: Progress | None = None
) -> NDArray[np.int64]:
    """Return a hash of each molecule's Bemis-Murcko scaffold; SMILES that RDKit rejects are groups of their own."""

    def build() -> Payload:
        parts = map_chunks(_scaffolds, smiles, what="scaffolds", worth=WORTH, progress=progress)
        names = [name for part in parts for name in part]
        texts = [f"!{text}" if name is None else name for name, text in zip(names, smiles, strict=True)]
        return {"key": torch.from_numpy(_hashes(text.encode() for text in texts))}

    return _kept(smiles, "scaffold-keys", (rdBase.rdkitVersion,), root, build)


def cluster_keys(
    smiles: Sequence[str],
    *,
    similarity: float = SIMILARITY,
    root: str | Path | None = None,
    progress: Progress | None = None,
) -> NDArray[np.int64]:
    """Return a number per molecule that is the same for the molecules of one Butina cluster.

    Molecules are visited by the number of their neighbours, most first. Each one that is in no cluster yet becomes the
    centre of a new one, with all its neighbours that are in none (Butina's algorithm without recounting). Neighbours
    have Morgan fingerprints (radius 2, 2048 bits) of this Tanimoto similarity or more. Comparisons are made in blocks:
    memory grows with the number of molecules, time with its square.

    Args:
        smiles: SMILES of the molecules; one that RDKit rejects forms its own cluster.
        similarity: Smallest similarity to the centre of a cluster.
        root: Data root for the cache; by default ``XGRAPH_ROOT`` or ``~/.cache/xgraph``.
        progress: Called with ``(done, total, description)``.
    """

    def build() -> Payload:
        parts = map_chunks(_fingerprints, smiles, what="fingerprints", worth=WORTH, progress=progress)
        prints = np.concatenate([np.empty((0, BITS // 8), dtype=np.uint8), *(part for part, _ in parts)])
        readable = np.array([fine for _, part in parts for fine in part], dtype=bool)
        keys = _hashes(f"!{text}".encode() for text in smiles)
        # in the order of their content, so that the order of the molecules does not matter
        distinct, place, count = np.unique(prints[readable], axis=0, return_inverse=True, return_counts=True)
        centre = _butina(distinct, count, similarity, progress)
        keys[readable] = _hashes(distinct[i].tobytes() for i in centre)[place.reshape(-1)]
        return {"key": torch.from_numpy(keys)}

    return _kept(smiles, "cluster-keys", (similarity, RADIUS, BITS, rdBase.rdkitVersion), root, build)


def _kept(
    smiles: Sequence[str], kind: str, depends: tuple[object, ...], root: str | Path | None, build: Callable[[], Payload]
) -> NDArray[np.int64]:
    """Return the keys from the cache, or computed."""
    keep_in = root_folder(root) if len(smiles) >= KEPT_FROM else None
    return np.asarray(cached(keep_in, kind, content_key(smiles, kind, *depends), build, ["key"])["key"])


def _hashes(contents: Iterable[bytes]) -> NDArray[np.int64]:
    """Return the first 64 bits of the hash of each content."""
    digests = b"".join(hashlib.blake2b(content, digest_size=8).digest() for content in contents)
    return np.frombuffer(digests, dtype="<i8").astype(np.int64)


def _fingerprints(smiles: list[str]) -> tuple[_Packed, list[bool]]:
    """Return packed Morgan fingerprints, and which SMILES could be read."""
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)
    bits = np.zeros((len(smiles), BITS), dtype=np.uint8)
    readable = []
    with BlockLogs():
        for row, text in enumerate(smiles):
            try:
                bits[row] = generator.GetFingerprintAsNumPy(parse(text))
                readable.append(True)
            except Exception:  # ValueError if it cannot be parsed; RDKit's own types from deeper levels
                readable.append(False)
    return np.packbits(bits, axis=1), readable


def _butina(
    prints: _Packed, count: NDArray[np.int64], similarity: float, progress: Progress | None
) -> NDArray[np.int64]:
    """Return the centre of each distinct fingerprint's cluster; `count` is the number of molecules that have it."""
    n = len(prints)
    size = torch.from_numpy(np.unpackbits(prints, axis=1).sum(1, dtype=np.float32))
    by_size = np.argsort(size.numpy(), kind="stable")
    neighbours = np.zeros(n)
    for start in range(0, n, _BLOCK):
        rows = by_size[start : start + _BLOCK]
        # similar fingerprints have similar numbers of bits
        smallest, largest = similarity * float(size[rows[0]]), float(size[rows[-1]]) / similarity
        low, high = np.searchsorted(size.numpy()[by_size], [smallest - 1, largest + 1])
        columns = by_size[low:high]
        neighbours[rows] = _near(prints, size, rows, columns, similarity) @ count[columns]
        if progress is not None:
            progress(start + len(rows), n, "clusters")
    order = np.argsort(-neighbours, kind="stable")
    centre = np.full(n, -1, dtype=np.int64)
    for start in range(0, n, _BLOCK):
        rows = order[start : start + _BLOCK]
        rows, free = rows[centre[rows] < 0], np.flatnonzero(centre < 0)
        for row, near in zip(rows.tolist(), _near(prints, size, rows, free, similarity), strict=True):
            if centre[row] < 0:
                members = free[near]
                centre[members[centre[members] < 0]] = row
                centre[row] = row
    return centre


def _near(
    prints: _Packed, size: torch.Tensor, rows: NDArray[np.int64], columns: NDArray[np.int64], similarity: float
) -> NDArray[np.bool_]:
    """Whether fingerprints of `rows` and of `columns` have this Tanimoto similarity or more."""
    near = np.empty((len(rows), len(columns)), dtype=bool)
    own = torch.from_numpy(np.unpackbits(prints[rows], axis=1)).float()
    for start in range(0, len(columns), _WIDE):
        some = columns[start : start + _WIDE]
        shared = own @ torch.from_numpy(np.unpackbits(prints[some], axis=1)).float().T
        enough = shared * (1 + similarity) >= similarity * (size[rows].unsqueeze(1) + size[some])
        near[:, start : start + _WIDE] = enough.numpy()
    return near
