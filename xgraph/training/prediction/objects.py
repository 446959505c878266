"""Objects in memory that are scored: data sets, and graphs of PyG."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from xgraph.data.objects import as_dataset, graph_of, is_list_of_graphs
from xgraph.messages import listed
from xgraph.training.config.build import TrainConfig
from xgraph.training.config.traits import NOUNS
from xgraph.training.files.checkpoint import HEADER, instance_shape
from xgraph.training.fit.loading import load_options
from xgraph.training.prediction.members import check_featurizer
from xgraph.training.sources import Source, make_source

if TYPE_CHECKING:
    from torch import Tensor

    from xgraph.data import BagDataset, MoleculeDataset


def as_molecules(items: Any) -> "list[str] | MoleculeDataset | None":
    """Return a data set of molecules or a list of PyG graphs as SMILES, or as molecules if they have none.

    Molecules that could not be read are among the SMILES, so that they have a row of the result with the reason.

    Args:
        items: What is to be scored.

    Returns:
        SMILES in the order of the source, or molecules; None if these are other items.
    """
    from xgraph.data import MoleculeDataset

    if is_list_of_graphs(items):
        from xgraph.data.molecules.pyg import molecules_of_graphs

        smiles = [graph.get("smiles") for graph in items]
        if all(isinstance(text, str) for text in smiles):
            return smiles
        return molecules_of_graphs(list(items), labelled=False)
    if not isinstance(items, MoleculeDataset):
        return None
    if not all(items.smiles):
        return items
    rows = [*items.row.tolist(), *(error.row for error in items.errors)]
    texts = [*items.smiles, *(error.smiles for error in items.errors)]
    return [texts[i] for i in np.argsort(rows, kind="stable")]


def as_graph(items: Any, width: int) -> "tuple[Tensor, Tensor] | None":
    """Return features and edges of a graph whose nodes are to be scored; None if these are other items.

    Args:
        items: What is to be scored.
        width: Number of features that the model takes.

    Raises:
        ValueError: If the nodes have other features.
    """
    from xgraph.data import NodeDataset
    from xgraph.data.nodes.pyg import unlabelled

    graph = items.data if isinstance(items, NodeDataset) else graph_of(items)
    if graph is None:
        return None
    plain = unlabelled(graph)
    x = plain.get("x")
    if x is None or x.size(1) != width:
        got = "none" if x is None else str(x.size(1))
        raise ValueError(f"items: the nodes of the graph must have the {width} features of the run, got {got}")
    return x, plain.edge_index


def check_bags(data: "BagDataset", states: Sequence[dict[str, Any]]) -> None:
    """Raise `ValueError` if runs were trained on instances of another shape or with other features."""
    for state in states:
        header = state[HEADER]
        shape = list(instance_shape(header))
        if list(data.instance_shape) != shape:
            raise ValueError(
                f"items: the run was trained on instances of shape {shape}, but those of {data.name!r} have shape "
                f"{list(data.instance_shape)}"
            )
        names = list(header.get("feature_names", []))
        if names and data.feature_names and data.feature_names != names:
            raise ValueError(f"items: the features of {data.name!r} are not those of the run, or in another order")
        if data.featurizer:
            check_featurizer(state, data.featurizer)


def source_of_object(config: TrainConfig, data: Any, header: Mapping[str, Any], several_classes: bool) -> Source:
    """Return the items of an object, after checking that their labels are those of the run's tasks."""
    one = as_dataset(data, load_options(config.replace(fold=None)))
    if one.kind != header["kind"]:
        raise ValueError(f"data: the run is on {NOUNS[header['kind']]}, but these are {NOUNS[one.kind]}")
    kinds = list(config.features or []) if one.kind == "graph" else []
    if one.kind == "graph" and kinds != one.feature_kinds:
        one = one.with_features(kinds)
    source, tasks = make_source(one, config), header["task_names"]
    named = not (is_list_of_graphs(data) or graph_of(data) is not None)  # tasks of PyG's labels have no names
    same = source.task_names == tasks if named else source.num_tasks == len(tasks)
    if not several_classes and not same:
        raise ValueError(
            f"data: the labels of {source.name!r} are {listed(source.task_names, 5) or 'none'}, but the tasks of the "
            f"run are {listed(tasks, 5)}"
        )
    return source
