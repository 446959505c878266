"""Reading of bags from published files, without executing code from them."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xgraph.data.published.reading import reading

Ids = NDArray[np.int64]
Floats = NDArray[np.float32]
BIRD_FOLDS = {
    "Winter Wren": "WinterWren",
    "Pacific-slope Flycatcher": "PacificslopeFlycatcher",
    "Red-breasted Nuthatch": "Red-breastedNuthatch",
}
_MNIST_SIZE = (10, 2)  # mean and standard deviation of the size of a bag of MNIST images, from Ilse et al.
_NINE = 9


@dataclass(frozen=True)
class BagArrays:
    """Arrays of bags read from files."""

    x: Floats  # [N, C] or [N, channels, height, width], in the order of the bags
    bag_ptr: Ids  # [n + 1]
    y: Floats  # [n, T]: 0 and 1, or numbers; NaN for a missing label
    task_names: list[str]
    instance_y: Floats | None = None  # [N, T], NaN where unknown
    bag_names: list[str] | None = None
    folds: Mapping[str, NDArray[np.bool_]] = field(
        default_factory=dict
    )  # for each task, the training bags of each fold, [folds, n]
    parts: Mapping[str, Ids] | None = None  # bags of train, valid and test, if the split comes with the bags


def read_arrays(reader: str, paths: Sequence[Path], task_names: Sequence[str]) -> BagArrays:
    """Read bags, and check that their arrays are consistent."""
    with reading(paths):
        arrays = READERS[reader](paths, list(task_names))
        _check(arrays)
    return arrays


def _mil(paths: Sequence[Path], tasks: list[str]) -> BagArrays:
    """Read the arrays `X`, `bag_ptr`, `y` and `fold_train`; each task has its own labels and folds."""
    with np.load(io.BytesIO(paths[0].read_bytes()), allow_pickle=False) as file:
        arrays = {name: file[name] for name in ("X", "bag_ptr", "y", "fold_train")}
    y, train = np.atleast_2d(arrays["y"]), arrays["fold_train"].astype(np.bool_)
    train = train[None] if arrays["y"].ndim == 1 else train
    if train.ndim != 4 or train.shape[::3] != y.shape or len(y) != len(tasks):
        raise ValueError(
            f"fold_train has shape {train.shape}, which does not match labels of shape {y.shape} for tasks {tasks}"
        )
    return BagArrays(
        x=arrays["X"].astype(np.float32),
        bag_ptr=arrays["bag_ptr"].astype(np.int64),
        y=np.ascontiguousarray(y.T, dtype=np.float32),
        task_names=tasks,
        folds={task: folds.reshape(-1, y.shape[1]) for task, folds in zip(tasks, train, strict=True)},
    )


def _birds(paths: Sequence[Path], tasks: list[str]) -> BagArrays:
    """Read features of instances, species of bags, species of instances, and the folds of three species."""
    features, bags, instances = (_lines(path) for path in paths[:3])
    table = np.array([line.split(",") for line in features], dtype=np.float64)
    ids = table[:, 0].astype(np.int64)
    listed = [[int(number) for number in line.split(",")] for line in bags]
    order = np.array([numbers[0] for numbers in listed])
    known = np.array([line.split(",") for line in instances], dtype=np.int64)
    sizes = np.array([np.count_nonzero(ids == bag) for bag in order])
    if not np.array_equal(np.repeat(order, sizes), ids) or not np.array_equal(known[:, 0], ids):
        raise ValueError("the files do not list the same bags in the same order")
    y = np.zeros((len(listed), len(tasks)), dtype=np.float32)
    for bag, (_, *heard) in enumerate(listed):
        y[bag, np.array(heard, dtype=np.int64) - 1] = 1
    species = known[:, 1]
    if not ((species == -1) | ((species >= 1) & (species <= len(tasks)))).all():
        raise ValueError(f"species must be between 1 and {len(tasks)}, or -1")
    instance_y = np.eye(len(tasks), dtype=np.float32)[species - 1]
    instance_y[species == -1] = np.nan
    with np.load(io.BytesIO(paths[3].read_bytes()), allow_pickle=False) as file:
        if not np.array_equal(file["bag_id"], order):
            raise ValueError("the folds belong to different bags")
        folds = {task: file[f"{name}_fold_train"].reshape(-1, len(order)) for task, name in BIRD_FOLDS.items()}
    return BagArrays(
        x=table[:, 1:].astype(np.float32),
        bag_ptr=_ptr(sizes),
        y=y,
        task_names=tasks,
        instance_y=instance_y,
        bag_names=[str(bag) for bag in order],
        folds=folds,
    )


def _mnist_bags(paths: Sequence[Path], tasks: list[str]) -> BagArrays:
    """Divide the MNIST images, in random order, into bags of random sizes."""
    images, labels = (_idx(path) for path in paths)
    # RandomState gives the same numbers in every NumPy release; a Generator may not.
    random = np.random.RandomState(0)
    order = random.permutation(len(images))
    sizes: list[int] = []
    while (left := len(images) - sum(sizes)) > 0:
        sizes.append(min(max(round(random.normal(*_MNIST_SIZE)), 1), left))
    ptr = _ptr(np.array(sizes))
    nine = (labels[order] == _NINE).astype(np.float32)
    return BagArrays(
        x=images[order, None].astype(np.float32) / np.float32(255),
        bag_ptr=ptr,
        y=np.maximum.reduceat(nine, ptr[:-1])[:, None],
        task_names=tasks,
        instance_y=nine[:, None],
    )


def _matlab(paths: Sequence[Path], tasks: list[str]) -> BagArrays:
    """Read the only matrix of a MATLAB file: one row per instance with its bag, its features and the bag's labels."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        content = loadmat(io.BytesIO(paths[0].read_bytes()))
    except (MatReadError, NotImplementedError) as error:  # no errors of its usual kinds
        raise ValueError(error) from error
    matrices = {name: np.asarray(value) for name, value in content.items() if not name.startswith("__")}
    if len(matrices) != 1:
        raise ValueError(f"expected one matrix, got {', '.join(matrices) or 'none'}")
    (table,) = matrices.values()
    if table.ndim != 2 or table.dtype.kind != "f" or table.shape[1] < len(tasks) + 2:
        raise ValueError(f"expected a matrix of bag, features and {len(tasks)} labels, got {table.dtype} {table.shape}")
    first = np.flatnonzero(np.diff(table[:, 0], prepend=np.nan) != 0)
    bags = table[first, 0]
    if len(np.unique(bags)) < len(bags):
        raise ValueError("the rows of a bag are not adjacent")
    sizes = np.diff(first, append=len(table))
    labels = table[first, -len(tasks) :]
    if not np.array_equal(np.repeat(labels, sizes, axis=0), table[:, -len(tasks) :], equal_nan=True):
        raise ValueError("labels differ within a bag")
    return BagArrays(
        x=table[:, 1 : -len(tasks)].astype(np.float32),
        bag_ptr=_ptr(sizes),
        y=labels.astype(np.float32),
        task_names=tasks,
        bag_names=[f"{bag:g}" for bag in bags],
    )


READERS: dict[str, Callable[[Sequence[Path], list[str]], BagArrays]] = {
    "mil": _mil,
    "birds": _birds,
    "mnist-bags": _mnist_bags,
    "matlab": _matlab,
}


def _lines(path: Path) -> list[str]:
    """Return the lines of a plain or gzipped text file after its header."""
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode().splitlines()[1:]


def _idx(path: Path) -> NDArray[np.uint8]:
    """Read an array of bytes in MNIST's idx format."""
    data = gzip.decompress(path.read_bytes())
    if len(data) < 4 or data[:3] != b"\0\0\x08":
        raise ValueError(f"{path.name} is not an idx file of bytes")
    axes = data[3]
    shape = np.frombuffer(data, ">i4", axes, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _ptr(sizes: NDArray[Any]) -> Ids:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _check(arrays: BagArrays) -> None:
    n, ptr = len(arrays.y), arrays.bag_ptr
    if len(ptr) != n + 1 or ptr[0] != 0 or ptr[-1] != len(arrays.x) or (np.diff(ptr) < 1).any():
        raise ValueError(f"bag_ptr does not divide {len(arrays.x)} instances into {n} bags")
    if not np.isfinite(arrays.x).all():
        raise ValueError(
            f"features must be finite, but instance {int(np.argwhere(~np.isfinite(arrays.x))[0, 0])} is not"
        )
    if arrays.instance_y is not None and len(arrays.instance_y) != len(arrays.x):
        raise ValueError(f"instance_y must have {len(arrays.x)} rows, one per instance, got {len(arrays.instance_y)}")
    for task, train in arrays.folds.items():
        if train.dtype != np.bool_ or train.shape[1] != n or train.all(1).any() or not train.any(1).all():
            raise ValueError(f"every fold of {task} must have training and test bags")
