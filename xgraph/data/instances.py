"""Where the instances of bags lie: a tensor, a file larger than memory, or graphs."""

from __future__ import annotations

import mmap
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Batch, Data

from xgraph.data.packed import PackedGraphs

if TYPE_CHECKING:
    from xgraph.data.dataset import MoleculeDataset

Instances: TypeAlias = "Tensor | NDArray[Any] | str | Path | Sequence[Data] | MoleculeDataset"
_LABELS = ("y", "idx", "batch", "bag")  # of instances; those of a batch of bags are the bags'
_CHECKED = 1 << 24  # numbers that are looked at together
_RUN = 1 << 16  # bytes of a mapped file that are worth announcing


class RowStore:
    """Instances as rows of one tensor in memory: feature vectors, or images.

    Args:
        x: Shape ``[N, C]`` or ``[N, channels, height, width]``.

    Raises:
        ValueError: It has another shape, or is not made of numbers.
    """

    checked = True
    """Whether numbers that are not finite are looked for once, rather than in every batch."""

    def __init__(self, x: Tensor) -> None:
        if x.dim() not in (2, 4) or x.layout != torch.strided or x.is_complex():
            raise ValueError(
                f"instances must be dense numbers of shape [N, C] or [N, channels, height, width], got "
                f"{str(x.dtype).removeprefix('torch.')} {list(x.shape)}"
            )
        self.x = x.detach()

    def __len__(self) -> int:
        return len(self.x)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one instance."""
        return tuple(self.x.shape[1:])

    @property
    def num_features(self) -> int:
        """Numbers an instance has, or its channels."""
        return self.shape[0]

    def take(self, rows: Tensor) -> Data:
        """Instances as `x`, float32 ``[n, ...]``; the numbers are not scaled.

        Args:
            rows: Which ones, int64 ``[n]``.
        """
        return Data(x=self.x[rows.to(self.x.device)].float())

    def unusable(self) -> int | None:
        """The first row with a number that is not finite; None if there is none."""
        step = max(_CHECKED // max(int(np.prod(self.shape)), 1), 1)
        for start in range(0, len(self.x), step):
            row = unusable_row(self.x[start : start + step])
            if row is not None:
                return start + row
        return None


class MappedStore:
    """Instances as rows of a file that is mapped: of a batch, only its own rows are read.

    The system is told that rows are read here and there, so that it does not read on around each of them (some are set
    to megabytes), and of long runs of rows, as of whole bags, which they are. A copy sent to another process opens the
    file again instead of carrying its content.

    Args:
        x: As for `RowStore`.

    Raises:
        ValueError: As for `RowStore`.
    """

    checked = False

    def __init__(self, x: np.memmap[Any, Any]) -> None:
        if x.ndim not in (2, 4) or x.dtype.kind not in "biuf":
            raise ValueError(
                f"instances must be numbers of shape [N, C] or [N, channels, height, width], got "
                f"{x.dtype} {list(x.shape)}"
            )
        self.x = x
        self._advise()

    def __len__(self) -> int:
        return len(self.x)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one instance."""
        return tuple(self.x.shape[1:])

    @property
    def num_features(self) -> int:
        """Numbers an instance has, or its channels."""
        return int(self.x.shape[1])

    def take(self, rows: Tensor) -> Data:
        """Instances as `x`, float32 ``[n, ...]``; the numbers are not scaled.

        Args:
            rows: Which ones, int64 ``[n]``.
        """
        wanted = rows.numpy()
        if self._map is not None and len(wanted):
            self._announce(self._map, wanted)
        return Data(x=torch.from_numpy(np.asarray(self.x[wanted], dtype=np.float32)))

    def _advise(self) -> None:
        base = getattr(self.x, "base", None)
        whole = isinstance(base, mmap.mmap) and self.x.flags.c_contiguous and hasattr(mmap, "MADV_WILLNEED")
        self._map: mmap.mmap | None = base if whole else None
        if self._map is not None:
            self._map.madvise(mmap.MADV_RANDOM)

    def _announce(self, mapped: mmap.mmap, rows: NDArray[np.int64]) -> None:
        """Let the system read long runs of rows at once."""
        breaks = np.flatnonzero(np.diff(rows) != 1)
        first, last = rows[np.append(0, breaks + 1)], rows[np.append(breaks, len(rows) - 1)]
        size, begin = self.x.strides[0], self.x.offset % mmap.ALLOCATIONGRANULARITY
        for start, end in zip((first * size + begin).tolist(), ((last + 1) * size + begin).tolist(), strict=True):
            if end - start >= _RUN:
                start -= start % mmap.PAGESIZE
                mapped.madvise(mmap.MADV_WILLNEED, start, end - start)

    def unusable(self) -> None:
        """Nothing is known without reading the file."""

    def __getstate__(self) -> dict[str, Any]:
        x = self.x
        if not isinstance(getattr(x, "base", None), mmap.mmap):  # a part of a mapped array, whose place is not known
            return {"x": np.array(x)}
        order = "C" if x.flags.c_contiguous else "F"
        return {"file": (x.filename, x.dtype, "r" if x.mode == "r" else "c", x.offset, x.shape, order)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.x = np.memmap(*state["file"]) if "file" in state else state["x"]
        self._advise()


class GraphStore:
    """Instances as graphs.

    Args:
        graphs: PyG graphs, or packed ones, which are batched without a loop.

    Raises:
        TypeError: Some are no PyG `Data`.
    """

    checked = True
    shape: tuple[int, ...] = ()

    def __init__(self, graphs: Sequence[Data] | PackedGraphs) -> None:
        self.graphs = graphs if isinstance(graphs, PackedGraphs) else list(graphs)
        if isinstance(self.graphs, list):
            wrong = next((i for i, graph in enumerate(self.graphs) if not isinstance(graph, Data)), None)
            if wrong is not None:
                kind = type(self.graphs[wrong]).__name__
                raise TypeError(f"instances must be PyG Data objects, but instance {wrong} is of type {kind}")

    def __len__(self) -> int:
        return len(self.graphs)

    @property
    def num_features(self) -> int:
        """Numbers that a node of an instance has."""
        if isinstance(self.graphs, PackedGraphs):
            return int(self.graphs.x.shape[1])
        return int(self.graphs[0].num_node_features) if self.graphs else 0

    def take(self, rows: Tensor) -> Batch:
        """Instances as one batch of graphs, without labels of their own.

        Args:
            rows: Which ones, int64 ``[n]``.
        """
        if isinstance(self.graphs, PackedGraphs):
            return self.graphs.batch(rows.numpy())
        return Batch.from_data_list([self.graphs[row] for row in rows.tolist()], exclude_keys=list(_LABELS))

    def unusable(self) -> int | None:
        """The first graph whose nodes or edges have a number that is not finite; None if there is none."""
        if isinstance(self.graphs, PackedGraphs):
            return None
        for i, graph in enumerate(self.graphs):
            values = (graph.get(key) for key in ("x", "edge_attr", "edge_weight", "pos"))
            if any(isinstance(value, Tensor) and unusable_row(value) is not None for value in values):
                return i
        return None


Store: TypeAlias = RowStore | MappedStore | GraphStore


def make_store(instances: Instances) -> Store:
    """The store of instances of any kind.

    Args:
        instances: A tensor or array in memory; a mapped array, or the path of an npy file, which is mapped; PyG
            graphs; molecules.

    Raises:
        TypeError: They are none of these.
        ValueError: They have a wrong shape, or the file is no npy file of numbers.
        FileNotFoundError: There is no such file.
    """
    if isinstance(instances, str | Path):
        instances = _mapped(Path(instances).expanduser())
    if isinstance(instances, Tensor):
        return RowStore(instances)
    if isinstance(instances, np.memmap):
        return MappedStore(instances)
    if isinstance(instances, np.ndarray):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            try:
                return RowStore(torch.from_numpy(instances))
            except TypeError as error:
                raise ValueError(f"instances must be numbers, got an array of {instances.dtype}") from error
    from xgraph.data.dataset import MoleculeDataset  # RDKit takes long to import

    if isinstance(instances, MoleculeDataset):
        return GraphStore(instances.graphs)
    if isinstance(instances, Sequence):
        return GraphStore(instances)
    raise TypeError(
        f"instances must be a tensor, an array, the path of an npy file, graphs or a MoleculeDataset, got "
        f"{type(instances).__name__}"
    )


def unusable_row(x: Tensor) -> int | None:
    """The first row with a number that is not finite; None if there is none.

    Args:
        x: Shape ``[n, ...]``.

    Example:
        >>> unusable_row(torch.tensor([[0.0, 1.0], [2.0, torch.nan]]))
        1
    """
    if not x.is_floating_point() or not x.numel():
        return None
    good = x.isfinite()
    return None if bool(good.all()) else int((~good.reshape(len(x), -1).all(1)).nonzero()[0])


def _mapped(path: Path) -> np.memmap[Any, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"cannot map {path}: {error}; expected an npy file, as numpy.save writes it") from error
    if not isinstance(array, np.memmap):
        array.close()
        raise ValueError(f"cannot map {path}, which is an archive: expected an npy file, as numpy.save writes it")
    return array
