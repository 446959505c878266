"""Derivation of the files of bag data sets from MATLAB and Julia files: bytes in, bytes out.

The result is checked against the card, like every derived file. Julia files (`.jld`) are HDF5, which needs h5py.
"""

from __future__ import annotations

import gzip
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgraph.data.published.bags import BIRD_FOLDS
from xgraph.data.published.derive_nodes import npz
from xgraph.data.storage.archives import read_members
from xgraph.data.storage.download import LARGEST_SOURCE, FetchError

Bags = list[NDArray[np.float32]]
_REPETITIONS, _FOLDS = 5, 10


def mil_musk2(source: bytes, path: str) -> bytes:
    """Return bags of a PRTools data set with folds drawn here, as there are no published ones."""
    # In each repetition, positive and then negative bags in random order are assigned to the ten folds in turn.
    x, ptr, y = _prtools(source)
    random = np.random.default_rng(0)
    train = np.ones((_REPETITIONS, _FOLDS, len(y)), dtype=bool)
    for repetition in train:
        order = np.concatenate([random.permutation(np.flatnonzero(y == label)) for label in (1, 0)])
        for fold, part in enumerate(repetition):
            part[order[fold::_FOLDS]] = False
    return npz(X=x, bag_ptr=ptr, y=y, fold_train=train)


def mil_prtools(source: bytes, path: str) -> bytes:
    """Return bags of a PRTools data set with the folds of MIDatasets.jl, which has the same bags in the same order."""
    files = _members(source)
    (matlab,), (julia,) = ([files[name] for name in files if name.endswith(end)] for end in (".mat", ".jld"))
    x, ptr, y = _prtools(matlab)
    bags, labels, train = read_jld(julia)
    if [len(bag) for bag in bags] != np.diff(ptr).tolist() or not np.array_equal(labels, y):
        raise ValueError("the folds belong to different bags")
    return npz(X=x, bag_ptr=ptr, y=y, fold_train=train)


def mil_julia(source: bytes, path: str) -> bytes:
    """Return bags and folds of MIDatasets.jl."""
    bags, y, train = read_jld(source)
    return npz(X=np.concatenate(bags), bag_ptr=_ptr(bags), y=y, fold_train=train)


def mil_corel(source: bytes, path: str) -> bytes:
    """Return Corel's images, stored once in the order of the first category, with all labels and folds."""
    files = _members(source)
    names = [name.removesuffix(".jld").rpartition("Corel")[2] for name in files]
    first: Bags = []
    labels, folds = [], []
    for content in files.values():
        bags, y, train = read_jld(content)
        first = first or bags
        order = _order_of([bag.tobytes("A") for bag in bags], [bag.tobytes("A") for bag in first])
        labels.append(y[order])
        folds.append(train[..., order])
    return npz(
        X=np.concatenate(first), bag_ptr=_ptr(first), y=np.stack(labels), categories=np.array(names),
        fold_train=np.stack(folds),
    )  # fmt: skip


def mil_birds(source: bytes, path: str) -> bytes:
    """Return the folds of MIDatasets.jl for three species, in the order of the bags in the birdsong files."""
    files = _members(source)
    (text,) = (content for name, content in files.items() if name.endswith(".txt"))
    table = np.array([line.split(",") for line in text.decode().splitlines()[1:]], dtype=np.float64)
    ids, first = np.unique(table[:, 0].astype(np.int64), return_index=True)
    own = [_content(bag) for bag in np.split(table[:, 1:].astype(np.float32), first[1:])]
    arrays: dict[str, NDArray[Any]] = {}
    for species in BIRD_FOLDS.values():
        (content,) = (content for name, content in files.items() if name.endswith(f"{species}.jld"))
        bags, y, train = read_jld(content)
        order = _order_of([_content(bag) for bag in bags], own)
        arrays |= {f"{species}_y": y[order], f"{species}_fold_train": np.ascontiguousarray(train[..., order])}
    return npz(**arrays, bag_id=ids)


def chembl_pki(source: bytes, path: str) -> bytes:
    """Return the sets of the 3D-MIL-QSAR paper as one gzipped table, with the name of the set in each line."""
    lines = ["dataset,smiles,chembl_id,pki\n"]
    for name, content in _members(source).items():
        stem = name.rpartition("/")[2].removesuffix(".smi")
        lines += [f"{stem},{line}\n" for line in content.decode().splitlines() if line.strip()]
    out = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=out, mtime=0) as file:
        file.write("".join(lines).encode())
    return out.getvalue()


def read_jld(content: bytes) -> tuple[Bags, NDArray[np.int8], NDArray[np.bool_]]:
    """Read bags, labels and folds from a file of MIDatasets.jl."""
    try:
        import h5py
    except ImportError as error:
        raise FetchError("the source is a Julia file (HDF5), which needs h5py: pip install h5py") from error
    with h5py.File(io.BytesIO(content), "r") as file:

        def value(node: Any) -> Any:
            if isinstance(node, h5py.Reference):
                return value(file[node][()])
            if isinstance(node, np.void) and node.dtype.names:  # a BitVector: 64-bit words and the number of valid bits
                fields = {name.split("_")[0]: node[name] for name in node.dtype.names}
                words = np.asarray(value(fields["chunks"]), dtype="<u8")
                return np.unpackbits(words.view(np.uint8), bitorder="little")[: int(fields["len"])].astype(bool)
            if isinstance(node, np.ndarray) and node.dtype == object:
                return [value(part) for part in node]
            return node

        bags = [np.asarray(bag, dtype=np.float32).T for bag in value(file["X"][()])]
        y = (np.asarray(value(file["y"][()])).ravel() > 0).astype(np.int8)
        train = np.array(value(file["folds"][()]), dtype=bool)
    return bags, y, train


def _prtools(content: bytes) -> tuple[NDArray[Any], NDArray[np.int32], NDArray[np.int8]]:
    """Read instances in the order of their bags, bag boundaries and labels from a PRTools data set."""
    from scipy.io import loadmat

    data = loadmat(io.BytesIO(content))["x"][0, 0]
    names = [str(name).strip() for name in data["lablist"][0, 0].ravel()]
    positive = data["nlab"].ravel() == names.index("positive") + 1
    _, first, bag = np.unique(data["ident"]["milbag"][0, 0].ravel(), return_index=True, return_inverse=True)
    appears = np.argsort(np.argsort(first))[bag]  # bags in order of appearance
    order = np.argsort(appears, kind="stable")
    ptr = np.concatenate([[0], np.cumsum(np.bincount(appears))]).astype(np.int32)
    return data["data"][order], ptr, np.maximum.reduceat(positive[order], ptr[:-1]).astype(np.int8)


def _members(source: bytes) -> dict[str, bytes]:
    return read_members(io.BytesIO(source), "the source", LARGEST_SOURCE)


def _ptr(bags: Bags) -> NDArray[np.int32]:
    return np.concatenate([[0], np.cumsum([len(bag) for bag in bags])]).astype(np.int32)


def _order_of(contents: list[bytes], order: list[bytes]) -> list[int]:
    """Return the position of each content of `order`."""
    place = {content: i for i, content in enumerate(contents)}
    if len(place) != len(order) or not place.keys() >= set(order):
        raise ValueError("the files do not contain the same bags")
    return [place[content] for content in order]


def _content(bag: NDArray[np.float32]) -> bytes:
    """Return a bag's rows in canonical order, as bytes."""
    return np.ascontiguousarray(bag[np.lexsort(bag.T)]).tobytes()
