"""Objects in memory that are trained on and scored like files: data sets, PyG graphs, data frames."""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xgraph.messages import shown

if TYPE_CHECKING:
    from xgraph.data.bags.dataset import BagDataset
    from xgraph.data.molecules.dataset import MoleculeDataset
    from xgraph.data.nodes.dataset import NodeDataset

    Dataset = MoleculeDataset | NodeDataset | BagDataset

EXPECTED = (
    "the name of a data set, a path, a pandas DataFrame, a MoleculeDataset, NodeDataset or BagDataset, a graph of PyG "
    "(Data or HeteroData), or a list of graphs with labels y"
)
_OF_ALL = ("split", "seed", "kind", "task", "fold", "atom_order")
_OF_MOLECULES = (*_OF_ALL, "standardize", "features")
_SHARES = {"graph": "80/10/10", "node": "60/20/20", "bag": "60/20/20"}


def is_frame(data: object) -> bool:
    """Whether this is a pandas DataFrame; pandas is not imported for those who have none."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(data, pandas.DataFrame)


def is_dataset(data: object) -> bool:
    """Whether this is a data set of xgraph, or can be made one: graphs of PyG."""
    from xgraph.data import BagDataset, MoleculeDataset, NodeDataset

    known = isinstance(data, MoleculeDataset | NodeDataset | BagDataset)
    return known or is_list_of_graphs(data) or graph_of(data) is not None


def is_list_of_graphs(data: object) -> bool:
    """Whether these are several graphs: a list of them, or a data set of PyG."""
    from torch_geometric.data import Data, Dataset

    if isinstance(data, Dataset):
        return len(data) != 1
    return isinstance(data, list | tuple) and len(data) > 0 and isinstance(data[0], Data)


def graph_of(data: Any) -> Any:
    """Return the graph whose nodes have labels: the data, or the only graph of a data set of PyG; else None."""
    from torch_geometric.data import Data, Dataset, HeteroData

    if isinstance(data, Dataset) and len(data) == 1:
        return data[0]
    return data if isinstance(data, Data | HeteroData) else None


def label_of(data: Any) -> str:
    """Return how the data are called in the settings of a run, such as ``<MoleculeDataset screen>``."""
    name = getattr(data, "name", None)
    name = name if isinstance(name, str) and not is_frame(data) else ""
    return f"<{type(data).__name__}{f' {name}' if name else ''}>"


def is_label(dataset: object) -> bool:
    """Whether the data of a run were an object, of which only this label is known."""
    return isinstance(dataset, str) and dataset.startswith("<") and dataset.endswith(">")


def settings_of(data: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a run that follow from its data: what they are, and how molecules were read.

    Args:
        data: An object.
        settings: The settings that were given.

    Raises:
        TypeError: If nothing can be trained on such an object.
    """
    known: dict[str, Any] = {"dataset": label_of(data)}
    if is_frame(data):
        from xgraph.data.recognise import recognise
        from xgraph.data.tables.frame import FrameTable

        task = recognise(FrameTable(data), settings).task
        return known if task is None else {**known, "task": task}
    if not is_dataset(data):
        raise TypeError(f"dataset: expected {EXPECTED}; got {shown(data)} ({type(data).__name__})")
    if is_list_of_graphs(data):
        from xgraph.data.molecules.pyg import task_of_graphs

        has_smiles = all(isinstance(graph.get("smiles"), str) for graph in data)
        task = task_of_graphs(list(data), settings.get("task"))
        known |= {"kind": "graph", "atom_order": "canonical" if has_smiles else "drawn"}
        return known if task == "binary" else {**known, "task": task}
    if (graph := graph_of(data)) is not None:
        from xgraph.data.nodes.pyg import task_of_graph

        return {**known, "kind": "node", "task": _setting_of(task_of_graph(graph, settings.get("task")))}
    known["kind"] = data.kind
    if (task := getattr(data, "task", None)) is not None:
        known["task"] = _setting_of(task)
    if data.kind == "graph":
        from xgraph.data.molecules.standardize import atom_order_of

        known |= {"features": list(data.feature_kinds)} if data.feature_kinds else {}
        known |= {"standardize": True} if "+standard" in data.featurizer else {}
        known["atom_order"] = atom_order_of(data.featurizer)
    return known


def _setting_of(task: str) -> str:
    """Return the value of the setting `task` for the labels of a data set; several tasks are binary ones."""
    return "binary" if task == "multilabel" else task


def as_dataset(data: Any, options: Mapping[str, Any], progress: Any = None) -> Any:
    """Return an object as a data set, with the splits that it comes with, if any.

    Args:
        data: A data set, which is copied, a graph or graphs of PyG.
        options: Options of `load`, of which `task`, `fold`, `standardize` and `atom_order` are used.
        progress: Called with ``(done, total, description)``.
    """
    if is_list_of_graphs(data):
        from xgraph.data.molecules.pyg import molecules_of_graphs

        return molecules_of_graphs(
            list(data),
            standardize=bool(options.get("standardize")),
            progress=progress,
            atom_order=options.get("atom_order") or "canonical",
            task=options.get("task"),
        )
    if (graph := graph_of(data)) is not None:
        from xgraph.data.nodes.pyg import nodes_of_graph

        return nodes_of_graph(graph, task=options.get("task"), fold=options.get("fold"))
    return copy.copy(data)


def load_object(data: Any, options: Mapping[str, Any], progress: Any = None) -> Dataset:
    """Return an object as a data set with splits.

    Args:
        data: A data set, a graph or graphs of PyG.
        options: Options of `load`; those that say how to read a file must not be set.
        progress: Called with ``(done, total, description)``.

    Raises:
        ValueError: If an option does not apply, or a graph cannot be trained on.
    """
    way, fold = options.get("split"), options.get("fold")
    one = as_dataset(data, options, progress)
    fold = None if graph_of(data) is not None else fold
    _check_options(one, options)
    if fold is not None:
        raise ValueError(f"fold = {fold}: a {type(data).__name__} has no folds; set its splits")
    if way == "given" and not one.splits:
        raise ValueError(f"split = 'given': the {type(data).__name__} has no split of its own")
    if way not in (None, "given") or not one.splits:
        one.splits = _drawn(one, way, options.get("seed") or 0, progress)
    kinds = list(options.get("features") or [])
    if one.kind == "graph" and kinds != one.feature_kinds:
        if not all(one.smiles):
            raise ValueError(f"features = {','.join(kinds)}: they are computed from SMILES, which the graphs lack")
        one = one.with_features(kinds, progress=progress)
    return one  # type: ignore[no-any-return]


def _check_options(data: Dataset, options: Mapping[str, Any]) -> None:
    """Raise `ValueError` if options for reading files were set."""
    allowed = _OF_MOLECULES if data.kind == "graph" else _OF_ALL
    for name, value in options.items():
        if name not in allowed and not (value is None or value is False or value in ([], "keep")):
            raise ValueError(
                f"{name} = {value!r}: this setting is for tables and files, not for a {type(data).__name__}"
            )
    if data.kind == "graph" and bool(options.get("standardize")) != ("+standard" in data.featurizer):
        raise ValueError(
            f"standardize = {bool(options.get('standardize'))}: the molecules of the MoleculeDataset were read "
            f"{'with' if '+standard' in data.featurizer else 'without'} it"
        )


def _drawn(data: Any, way: str | None, seed: int, progress: Any) -> dict[str, Any]:
    """Return the parts of a split, by default that of a table of its kind, which is then said."""
    import torch

    ways: Sequence[str] = ("stratified", "random")
    if data.kind == "graph":
        ways = ("scaffold", "scaffold-balanced", "cluster", "random") if all(data.smiles) else ("random",)
    chosen = way or ways[0]
    if chosen not in ways:
        raise ValueError(f"split must be one of {', '.join(ways)} for {data.name!r}, got {chosen!r}")
    if way is None:
        warnings.warn(
            f"{data.name!r} has no splits, so that it is split {_SHARES[data.kind]} ({chosen}); to split it otherwise, "
            f"set its splits, or split (one of {', '.join(ways)})",
            stacklevel=3,
        )
    if data.kind == "graph":
        from xgraph.data.molecules.splitting.tables import draw_molecules
        from xgraph.data.splits.own import OwnSplit, parts_present

        part = draw_molecules(data.graph_smiles, data.y.numpy(), OwnSplit(chosen, seed=seed), progress=progress)
        parts = parts_present(part)
    else:
        from xgraph.data.nodes.splits import stratified_split
        from xgraph.data.splits.classes import bag_classes

        classes = data.y.numpy() if data.kind == "node" and data.task == "multiclass" else bag_classes(data.y.numpy())
        parts = stratified_split(classes, seed=seed if chosen == "random" else 0)
    return {part: torch.from_numpy(rows) for part, rows in parts.items()}
