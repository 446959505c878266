"""`xgraph.embed`: the vectors that a trained model has for molecules, nodes or bags, before its head."""

import os
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from xgraph.training.config.build import registry
from xgraph.training.files.checkpoint import HEADER, instance_shape, read_checkpoint
from xgraph.training.files.rundir import NETWORK
from xgraph.training.files.saved_model import RANK_MEAN
from xgraph.training.files.saved_model import load_model as rebuild
from xgraph.training.fit.bars import data_progress
from xgraph.training.prediction.members import Members, Reading, check_featurizer, checkpoints, spread_rows
from xgraph.training.prediction.objects import as_graph, as_molecules, check_bags
from xgraph.training.scoring.inference import choose_device

if TYPE_CHECKING:
    import pandas as pd

    from xgraph.data import BagDataset, MoleculeDataset

Vectors = npt.NDArray[np.float32]


def load_model(run: str | Path) -> nn.Module:
    """Return the model of a finished run, in evaluation mode on the CPU, with the weights of the kept epoch.

    It maps a batch to logits, one column per task; their sigmoid is the score that :func:`predict` returns (for classes
    that exclude each other, the softmax). :func:`xgraph.data.MoleculeDataset.batch` and
    :func:`xgraph.data.BagDataset.batch` make batches of molecules and bags. A model of nodes takes a PyG ``Data`` with
    ``x`` and ``edge_index``. All models but those that are fitted in a single step have a method ``embed``, which
    returns the vectors before the head.

    Args:
        run: A run directory, or a checkpoint. Of a run over folds, choose the directory of a fold.

    Raises:
        FileNotFoundError: If there is no such run.
        ValueError: If it is a run over folds, or its checkpoint cannot be read.

    Example:
        >>> import tempfile, torch, xgraph
        >>> from xgraph.data import MoleculeDataset
        >>> short = dict(epochs=1, pretrain_epochs=0, hidden_channels=4, num_layers=1)
        >>> run = xgraph.train("nci-pains", out=tempfile.mkdtemp(), **short)
        >>> model = load_model(run.path)
        >>> molecules = MoleculeDataset.from_smiles(["CCO", "c1ccccc1O"])
        >>> with torch.no_grad():
        ...     scores = model(molecules.batch([0, 1])).sigmoid()
        >>> bool(torch.allclose(scores[0, 0], torch.tensor(xgraph.predict(run.path, ["CCO"])["pains"][0]).float()))
        True
    """
    return rebuild(_state_of(run)[0])


def embed(
    run: str | Path,
    items: Any = None,
    *,
    smiles_column: str | None = None,
    bag_column: str | None = None,
    device: str = "auto",
    progress: bool = False,
    separator: str | None = None,
    encoding: str | None = None,
) -> "pd.DataFrame":
    """Return the vectors of molecules, nodes or bags that the head of a trained model turns into scores.

    A bag's vector is the mean of those of its instances, with the weights that the model's pooling gives them; with
    attention it is what the head is applied to.

    Args:
        run: A run directory, or a checkpoint; also a pretrained encoder. Of a run over folds, choose a fold.
        items: What to embed, as for :func:`predict`: molecules, nodes or bags, as a list, a table or an object.
        smiles_column: Column of SMILES; by default the one that the run was trained on.
        bag_column: Column that names the bag of each row; by default recognised by its name.
        device: "auto", "cpu" or "cuda".
        progress: Show progress on stderr if it is a terminal.
        separator: What separates the cells of a text file: a character, or comma, tab, semicolon or space; by default
            it is recognised.
        encoding: Encoding of a text file; by default UTF-8, or UTF-16 if it has a byte-order mark.

    Returns:
        A table with one row per input, in the same order: ``smiles``, ``node`` or ``bag``, the vector in the columns
        ``v0``, ``v1``, ..., float32, and ``error``, which says why there is no vector; its values are then missing.

    Raises:
        FileNotFoundError: If there is no such run or file.
        ValueError: If the model has no encoder, or an input is not as for :func:`predict`.

    Example:
        >>> import tempfile, xgraph
        >>> short = dict(epochs=1, pretrain_epochs=0, hidden_channels=4, num_layers=1)
        >>> run = xgraph.train("nci-pains", out=tempfile.mkdtemp(), **short)
        >>> frame = embed(run.path, ["CCO", "C1CC"])
        >>> list(frame.columns), frame["v0"].notna().tolist()
        (['smiles', 'v0', 'v1', 'v2', 'v3', 'error'], [True, False])
    """
    state, path = _state_of(run)
    header = state[HEADER]
    if header["model"] == RANK_MEAN:
        raise ValueError(
            f"run: {path} keeps the mean of the ranks of two models, which has no vectors; those of its network are "
            f"had with {path.with_name(NETWORK)}"
        )
    if registry("model")[header["model"]].fitted:
        raise ValueError(
            f"run: model {header['model']!r} of {path} has no encoder and so no vectors; it is fitted to features, "
            f"which xgraph.data.{'bag_statistics' if header['kind'] == 'bag' else 'describe'} computes"
        )
    members = Members([state], [path], choose_device(device), progress)
    model = rebuild(state).to(members.device)
    form = {"separator": separator, "encoding": encoding}
    if header["kind"] == "graph":
        return _molecules(members, model, items, smiles_column, **form)
    if header["kind"] == "node":
        return _nodes(members, model, items, **form)
    return _bags(members, model, items, bag_column, smiles_column, **form)


def _state_of(run: str | Path) -> tuple[dict[str, Any], Path]:
    """Read the checkpoint of a single run."""
    paths = checkpoints(run)
    if len(paths) > 1:
        folds = ", ".join(path.parent.name for path in paths)
        raise ValueError(f"run: {run} is a run over folds; choose the directory of one of them ({folds})")
    return read_checkpoint(paths[0]), paths[0]


def _molecules(
    members: Members, model: Any, items: Any, smiles_column: str | None, **form: str | None
) -> "pd.DataFrame":
    from xgraph.training.prediction.scorer import CHUNK, features_of, read_ahead
    from xgraph.training.prediction.smiles import read_items

    state = members.states[0]
    kinds, reading = features_of(state), Reading.of(state[HEADER])
    found = as_molecules(items)
    if found is not None and not isinstance(found, list):
        data = found.with_features(kinds) if kinds else found
        return _table("graph", range(len(data)), _of_molecules(model, data, members.device), [""] * len(data))
    given = read_items(members, items if found is None else found, smiles_column, **form)
    texts, parts, errors = given.texts, [], []
    chunks = (texts[i : i + CHUNK] for i in range(0, len(texts), CHUNK))
    with data_progress(members.progress) as report:
        for part in chain.from_iterable(read_ahead(chunks, {reading: kinds})):
            data = part.data[reading]
            vectors = np.full((len(part.errors), _width(model)), np.nan, dtype=np.float32)
            if len(data):
                data = data.with_features(kinds)
                check_featurizer(state, data.featurizer)
                vectors[data.row.numpy()] = _of_molecules(model, data, members.device)
            vectors[[bool(error) for error in part.errors]] = np.nan
            parts.append(vectors)
            errors += part.errors
            if report is not None:
                report(len(errors), len(texts), "embedding")
    errors = [given.errors.get(row, error) for row, error in enumerate(errors)]
    vectors = np.concatenate(parts) if parts else np.empty((0, _width(model)), dtype=np.float32)
    frame = _table("smiles", given.inputs, vectors, errors)
    return frame if given.index is None else frame.set_axis(given.index)


def _of_molecules(model: Any, data: "MoleculeDataset", device: str) -> Vectors:
    from xgraph.training.scoring.inference import EVAL_BATCH_SIZE, batches_for, in_order

    collate = batches_for(model, data)
    with torch.inference_mode():
        parts = [model.embed(collate(rows).to(device)).float().cpu() for rows in in_order(len(data), EVAL_BATCH_SIZE)]
    return torch.cat(parts).numpy()


def _width(model: Any) -> int:
    """Number of values of a molecule's vector."""
    first = next(module for module in model.head.modules() if isinstance(module, nn.Linear))
    return int(first.in_features)


def _nodes(members: Members, model: Any, items: Any, **form: str | None) -> "pd.DataFrame":
    from xgraph.data.tables.dialect import TextFormat
    from xgraph.nn import InEdges, layerwise
    from xgraph.training.prediction.new_nodes import graph_form, read_nodes_to_score
    from xgraph.training.prediction.nodes import COLUMN, names_of, positions

    graph = graph_form(items)
    given = None if graph is not None else as_graph(items, model.in_channels)
    names: Any = None
    if graph is not None:
        new = read_nodes_to_score(members, Path(items).expanduser(), graph, None, TextFormat(**form))
        x, edges, names = new.x, InEdges.from_edge_index(new.edge_index, len(new.x)), new.names
        numbers = new.rows.numpy()
    elif given is not None:
        x, edges = given[0], InEdges.from_edge_index(given[1], len(given[0]))
        numbers = np.arange(len(x))
    else:
        (source,) = members.own_sources("graph", "nodes")
        x, edges = source.data.data.x, source.in_edges  # type: ignore[attr-defined]
        numbers = positions(items, source.data, **form)
        names = names_of(source.data, numbers[numbers >= 0])
    filled = numbers >= 0
    model.head = nn.Identity()
    with data_progress(members.progress) as report:
        vectors = layerwise(model, x, edges, torch.from_numpy(numbers[filled]), progress=report).float().cpu().numpy()
    frame = _table(COLUMN, numbers[filled] if names is None else names, vectors, [""] * len(vectors))
    return spread_rows(frame, filled)


def _bags(
    members: Members,
    model: Any,
    items: Any,
    bag_column: str | None,
    smiles_column: str | None,
    **form: str | None,
) -> "pd.DataFrame":
    from xgraph.data import BagDataset
    from xgraph.training.prediction.bags import COLUMN, OwnBags, find_bags, positions
    from xgraph.training.prediction.new_bags import bags_of_conformers, makes_conformers
    from xgraph.training.prediction.smiles import read_items
    from xgraph.training.scoring.bag_scores import embed_bags

    if isinstance(items, BagDataset):
        check_bags(items, members.states)
        return _known_bags(members, model, items, np.arange(len(items)))
    if items is not None and makes_conformers(members.states[0]):
        given = read_items(members, items, smiles_column, **form)
        with data_progress(members.progress) as report:
            found: Any = bags_of_conformers(given.texts, members.states[0], report)
        column, index = "smiles", given.index
    elif isinstance(items, str | Path) and os.path.isdir(items):
        return _folder(members, model, Path(items))
    else:
        found, column, index = find_bags(members, items, bag_column, smiles_column, **form), COLUMN, None
    if isinstance(found, OwnBags):
        (source,) = members.own_sources("data set", "bags")
        return _known_bags(members, model, source.data, positions(found.names, source.data))
    vectors = np.full((len(found.names), model.hidden_channels), np.nan, dtype=np.float32)
    if found.data is not None:
        every = torch.arange(len(found.data))
        with data_progress(members.progress) as report:
            vectors[found.place] = embed_bags(model, found.data, every, device=members.device, progress=report)
    frame = _table(column, found.names, vectors, found.errors)
    return frame if index is None else frame.set_axis(index)


def _folder(members: Members, model: Any, folder: Path) -> "pd.DataFrame":
    """Embed the bags of a folder, one after another; a bag that cannot be read has an error."""
    from xgraph.data.bags.folder.new import open_folder
    from xgraph.data.storage.root import root
    from xgraph.training.prediction.bags import COLUMN
    from xgraph.training.scoring.bag_scores import embed_bags

    new = open_folder(folder, instance_shape(members.header), root())
    errors, vectors = list(new.errors), np.full((len(new.names), model.hidden_channels), np.nan, dtype=np.float32)
    with data_progress(members.progress) as report:
        for position, place in enumerate(new.place):
            try:
                vectors[place] = embed_bags(model, new.data, torch.tensor([position]), device=members.device)[0]  # type: ignore[arg-type]
            except (ValueError, OSError) as error:
                errors[place] = str(error)
            if report is not None:
                report(position + 1, len(new.place), "embedding")
    return _table(COLUMN, new.names, vectors, errors)


def _known_bags(members: Members, model: Any, data: "BagDataset", places: npt.NDArray[np.int64]) -> "pd.DataFrame":
    from xgraph.training.prediction.bags import COLUMN
    from xgraph.training.scoring.bag_scores import embed_bags

    index = torch.from_numpy(places[places >= 0])
    with data_progress(members.progress) as report:
        vectors = embed_bags(model, data, index, device=members.device, progress=report)
    frame = _table(COLUMN, [data.bag_names[i] for i in index], vectors, [""] * len(vectors))
    return spread_rows(frame, places >= 0)


def _table(column: str, names: Iterable[Any], vectors: Vectors, errors: Sequence[str]) -> "pd.DataFrame":
    import pandas as pd

    numbered = pd.DataFrame(vectors, columns=[f"v{i}" for i in range(vectors.shape[1])])
    numbered.insert(0, column, list(names))
    return numbered.assign(error=list(errors))
