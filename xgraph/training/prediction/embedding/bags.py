"""Vectors of bags."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from xgraph.training.files.checkpoint import instance_shape
from xgraph.training.fit.bars import data_progress
from xgraph.training.prediction.embedding.table import vector_table
from xgraph.training.prediction.members import Members, spread_rows
from xgraph.training.prediction.objects import check_bags

if TYPE_CHECKING:
    import pandas as pd

    from xgraph.data import BagDataset


def embed_some_bags(
    members: Members,
    model: Any,
    items: Any,
    bag_column: str | None,
    smiles_column: str | None,
    **form: str | None,
) -> "pd.DataFrame":
    """Return a table with the vectors of bags."""
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
    frame = vector_table(column, found.names, vectors, found.errors)
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
    return vector_table(COLUMN, new.names, vectors, errors)


def _known_bags(members: Members, model: Any, data: "BagDataset", places: npt.NDArray[np.int64]) -> "pd.DataFrame":
    from xgraph.training.prediction.bags import COLUMN
    from xgraph.training.scoring.bag_scores import embed_bags

    index = torch.from_numpy(places[places >= 0])
    with data_progress(members.progress) as report:
        vectors = embed_bags(model, data, index, device=members.device, progress=report)
    frame = vector_table(COLUMN, [data.bag_names[i] for i in index], vectors, [""] * len(vectors))
    return spread_rows(frame, places >= 0)
