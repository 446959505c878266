"""Small files in the forms in which data sets of bags are published, written for tests."""

import gzip
import io
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def npz(**arrays: Any) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def folds(n: int) -> NDArray[np.bool_]:
    """Training parts of 5 x 10 folds: item i is in the test part of fold i + r mod 10 of repetition r."""
    places = (np.arange(n) + np.arange(5)[:, None]) % 10
    return np.asarray(places[:, None] != np.arange(10)[:, None])


def mil_npz(n: int = 20, **changes: Any) -> bytes:
    """n bags of 1 to 3 instances with two numbers, every second of them positive."""
    sizes = np.arange(n) % 3 + 1
    arrays = {
        "X": np.arange(2.0 * sizes.sum()).reshape(-1, 2),
        "bag_ptr": np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32),
        "y": (np.arange(n) % 2).astype(np.int8),
        "fold_train": folds(n),
    }
    return npz(**{**arrays, **changes})


def birds(changes: dict[int, bytes] | None = None) -> list[bytes]:
    """Twelve recordings with a segment, the first with two, and their species of four."""
    labels = {species: folds(12) for species in ("WinterWren", "PacificslopeFlycatcher", "Red-breastedNuthatch")}
    ids = np.append(1, np.arange(7, 18))
    rest = range(8, 18)
    features = "bag_id, [segment features]\n1,0.5,1.5\n1,2.5,3.5\n7,4.5,5.5\n" + "".join(f"{i},0,{i}\n" for i in rest)
    contents = [
        gzip.compress(features.encode(), mtime=0),
        ("bag_id, [labels]\n1,1,3\n7,4\n" + "".join(f"{i},2\n" for i in rest)).encode(),
        ("bag_id, instance_label\n1,-1\n1,3\n7,4\n" + "".join(f"{i},2\n" for i in rest)).encode(),
        npz(bag_id=ids, **{f"{name}_fold_train": train for name, train in labels.items()}),
    ]
    for place, content in (changes or {}).items():
        contents[place] = content
    return contents


def matlab(sizes: Sequence[int] = (3, 1, 2), columns: int = 1, **changes: Any) -> bytes:
    """A matrix with rows of bag, two features and the labels of the bag, as MATLAB saves it."""
    from scipy.io import savemat

    bag = np.repeat(np.arange(1.0, len(sizes) + 1), sizes)
    rows = np.arange(2.0 * len(bag)).reshape(-1, 2)
    labels = np.stack([bag / 2 + i for i in range(columns)], axis=1)
    out = io.BytesIO()
    savemat(out, changes or {"rows": np.column_stack([bag, rows, labels])}, do_compression=True)
    return out.getvalue()


def idx(array: NDArray[np.uint8]) -> bytes:
    head = b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}i", *array.shape)
    return gzip.compress(head + array.tobytes(), mtime=0)


def jld(bags: Sequence[NDArray[np.float32]], y: NDArray[Any], train: NDArray[np.bool_], packed: bool = True) -> bytes:
    """A file as Julia's JLD writes vectors of matrices, a vector, and vectors of vectors of bits or of booleans."""
    import h5py

    out = io.BytesIO()
    with h5py.File(out, "w", userblock_size=512) as file:
        refs = file.create_group("_refs")

        def add(value: Any, **options: Any) -> Any:
            return refs.create_dataset(f"{len(refs):08d}", data=value, **options).ref

        def several(references: list[Any]) -> NDArray[Any]:
            array = np.empty(len(references), dtype=h5py.ref_dtype)
            array[:] = references
            return array

        def bits(part: NDArray[np.bool_]) -> Any:
            if not packed:
                return add(part.astype(np.uint8))
            padded = np.zeros(-(-len(part) // 64) * 64, dtype=bool)
            padded[: len(part)] = part
            words = np.packbits(padded, bitorder="little").view("<u8")
            dtype = np.dtype([("chunks_", h5py.ref_dtype), ("len_", "<i8")])
            return add(np.array((add(words), len(part)), dtype=dtype), dtype=dtype)

        file.create_dataset("X", data=several([add(np.ascontiguousarray(bag.T)) for bag in bags]))
        file.create_dataset("y", data=y)
        parts = [add(several([bits(part) for part in repetition])) for repetition in train]
        file.create_dataset("folds", data=several(parts))
    return out.getvalue()


def split_bags(x: NDArray[Any], ptr: NDArray[Any]) -> list[NDArray[np.float32]]:
    return [np.asarray(bag, dtype=np.float32) for bag in np.split(x, ptr[1:-1])]
