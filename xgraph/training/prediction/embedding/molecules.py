"""Vectors of molecules."""

from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from xgraph.training.files.checkpoint import HEADER
from xgraph.training.fit.bars import data_progress
from xgraph.training.prediction.embedding.table import Vectors, vector_table
from xgraph.training.prediction.members import Members, Reading, check_featurizer
from xgraph.training.prediction.objects import as_molecules

if TYPE_CHECKING:
    import pandas as pd

    from xgraph.data import MoleculeDataset


def embed_molecules(
    members: Members, model: Any, items: Any, smiles_column: str | None, **form: str | None
) -> "pd.DataFrame":
    """Return a table with the vectors of molecules."""
    from xgraph.training.prediction.scorer import CHUNK, features_of, read_ahead
    from xgraph.training.prediction.smiles import read_items

    state = members.states[0]
    kinds, reading = features_of(state), Reading.of(state[HEADER])
    found = as_molecules(items)
    if found is not None and not isinstance(found, list):
        data = found.with_features(kinds) if kinds else found
        return vector_table("graph", range(len(data)), _of_molecules(model, data, members.device), [""] * len(data))
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
    frame = vector_table("smiles", given.inputs, vectors, errors)
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
