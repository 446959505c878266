"""Files of bags in all formats, and folders in the layout of CLAM, for tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

Array = NDArray[Any]


def _hdf5(path: Path, x: Array, coords: Array | None, **options: Any) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("features", data=x, **options)
        if coords is not None:
            file["coords"] = coords


def _archive(save: Callable[..., None], path: Path, x: Array, coords: Array | None) -> None:
    save(path, features=x, **({} if coords is None else {"coords": coords}))


def _tensors(path: Path, x: Array, coords: Array | None, **options: Any) -> None:
    features = torch.from_numpy(np.ascontiguousarray(x))
    content = features if coords is None else {"features": features, "coords": torch.from_numpy(coords)}
    torch.save(content, path, **options)


WRITERS: dict[str, tuple[str, Callable[[Path, Array, Array | None], None]]] = {
    "as CLAM": (".h5", lambda p, x, c: _hdf5(p, x, c, chunks=(1, *x.shape[1:]), maxshape=(None, *x.shape[1:]))),
    "contiguous": (".h5", _hdf5),
    "compressed": (".hdf5", lambda p, x, c: _hdf5(p, x, c, chunks=(3, *x.shape[1:]), compression="gzip")),
    "nested": (".h5", lambda p, x, c: _hdf5(p, x[None], c, chunks=True, compression="gzip")),
    "npy": (".npy", lambda p, x, c: np.save(p, x)),
    "npy, columns first": (".npy", lambda p, x, c: np.save(p, np.asfortranarray(x))),
    "npy, nested": (".NPY", lambda p, x, c: p.write_bytes(_bytes_of(x[None]))),
    "npz": (".npz", lambda p, x, c: _archive(np.savez, p, x, c)),
    "npz, compressed": (".npz", lambda p, x, c: _archive(np.savez_compressed, p, x, c)),
    "npz, one array": (".npz", lambda p, x, c: np.savez(p, x)),
    "tensors": (".pt", _tensors),
    "tensor": (".pth", lambda p, x, c: _tensors(p, x, None)),
    "tensor, before 1.6": (".pt", lambda p, x, c: _tensors(p, x, None, _use_new_zipfile_serialization=False)),
}
"""Name of a format -> the ending, and what writes features and coordinates."""

LOCATED = {"as CLAM", "contiguous", "compressed", "nested", "npz", "npz, compressed", "tensors"}
"""The formats that have room for coordinates."""


def _bytes_of(x: Array) -> bytes:
    import io

    out = io.BytesIO()
    np.save(out, x)
    return out.getvalue()


def clam(
    folder: Path, bags: int = 30, *, width: int = 6, per_case: int = 2, seed: int = 0, labels: bool = True
) -> dict[str, Array]:
    """Write slides in the layout of CLAM; a slide is positive if one of its patches has a large third number."""
    random = np.random.default_rng(seed)
    (folder / "h5_files").mkdir(parents=True)
    lines, content = ["case_id,slide_id,label"], {}
    for number in range(bags):
        name, ill = f"slide_{number:02d}", number // per_case % 3 == 0
        x = random.normal(size=(random.integers(2, 9), width)).astype(np.float32)
        x[0, 2] += 5 * ill
        coords = random.integers(0, 99, size=(len(x), 2)) * 256
        WRITERS["as CLAM"][1](folder / "h5_files" / f"{name}.h5", x, coords)
        lines.append(f"patient_{number // per_case},{name},{int(ill)}")
        content[name] = x
    if labels:
        (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return content
