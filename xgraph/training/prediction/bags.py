"""Predictions of runs on bags, for new bags or for those of the runs' own data."""

import os
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from xgraph.data.tables.frame import FrameTable
from xgraph.messages import shown
from xgraph.options import OptionError, nearest
from xgraph.training.files.checkpoint import HEADER, instance_shape
from xgraph.training.files.saved_model import load_model, loss_link
from xgraph.training.fit.bars import data_progress
from xgraph.training.prediction.folder_bags import on_disk, predict_folder, score_on_disk
from xgraph.training.prediction.members import Members, checked_path, spread_rows
from xgraph.training.prediction.new_bags import NewBags, bags_of_conformers, instance_columns, makes_conformers
from xgraph.training.prediction.objects import check_bags
from xgraph.training.prediction.output.kept import as_table, table_of_bags
from xgraph.training.prediction.output.names import short_names
from xgraph.training.prediction.scorer import spread
from xgraph.training.prediction.smiles import read_items
from xgraph.training.prediction.table_bags import bags_of_table, read_frame_of_bags
from xgraph.training.scoring.bag_scores import explain_bags, score_bags
from xgraph.training.scoring.ensemble import Ensemble
from xgraph.training.scoring.inference import as_scores

if TYPE_CHECKING:
    import pandas as pd

    from xgraph.data import BagDataset

COLUMN = "bag"


class Frames(NamedTuple):
    """Predictions: one row per bag, and one row per instance."""

    bags: "pd.DataFrame"
    instances: "pd.DataFrame | None"  # None if they have been written already, or have no scores
    table: "pd.DataFrame | None" = None
    """Columns of the table that was scored, in the rows of `bags`."""


class OwnBags(NamedTuple):
    """Names of bags of the runs' own data; None for all, and an empty name for a row without one."""

    names: list[str] | None


def predict_bags(
    members: Members,
    items: Any,
    ensemble: Ensemble,
    *,
    bag_column: str | None = None,
    smiles_column: str | None = None,
    instances_out: str | Path | None = None,
    keep: bool = False,
    separator: str | None = None,
    encoding: str | None = None,
) -> Frames:
    """Score whole bags and each of their instances; with `keep`, return the columns to keep of a table too."""
    from xgraph.data import BagDataset

    form = {"separator": separator, "encoding": encoding}
    _check_alike(members)
    if instances_out is not None and (whole := members.of_whole_bags):
        raise OptionError(
            f"instances_out = {str(instances_out)!r}: the model of {whole[0]} is fitted to statistics of whole bags, "
            "so instances have neither scores nor weights; leave it out, or use runs of other models, such as attention"
        )
    if isinstance(items, BagDataset):
        check_bags(items, members.states)
        return _known(members, [items] * len(members.states), np.arange(len(items)), ensemble, instances_out)
    if items is not None and makes_conformers(members.states[0]):
        frames = _conformers(members, items, smiles_column, ensemble, **form)
        return frames._replace(table=as_table(items, **form) if keep else None)
    if isinstance(items, str | Path) and os.path.isdir(items):
        return Frames(predict_folder(members, Path(items), ensemble, instances_out), None)
    found = find_bags(members, items, bag_column, smiles_column, **form)
    if isinstance(found, NewBags):
        frames = _score_new(members, found, COLUMN, ensemble)
        return frames._replace(table=table_of_bags(found, **form) if keep else None)
    sources = list(members.own_sources("data set", "bags"))
    datas = [source.data for source in sources]
    frames = _known(members, datas, positions(found.names, datas[0]), ensemble, instances_out)
    return frames._replace(table=as_table(items, **form) if keep else None)


def find_bags(
    members: Members, items: Any, bag_column: str | None, smiles_column: str | None, **form: str | None
) -> NewBags | OwnBags:
    """Return new bags, or names of bags of the runs' own data."""
    from xgraph.data.objects import is_frame

    if items is None or not (isinstance(items, str | Path) or is_frame(items)):
        return OwnBags(None if items is None else _names(items))
    if is_frame(items):
        path: Any = FrameTable(items)
    else:
        path = checked_path(items, "items", "bags of the run's own data by name")
    frame, column = read_frame_of_bags(path, members.states[0], bag_column, **form)
    if list(frame.columns) == [column]:
        return OwnBags(["" if cell != cell else str(cell).strip() for cell in frame[column]])
    with data_progress(members.progress) as report:
        return bags_of_table(frame, column, members, path, smiles_column, report)


def _conformers(
    members: Members,
    items: Sequence[Any] | str | Path,
    smiles_column: str | None,
    ensemble: Ensemble,
    **form: str | None,
) -> Frames:
    given = read_items(members, items, smiles_column, **form)
    with data_progress(members.progress) as report:
        new = bags_of_conformers(given.texts, members.states[0], report)
    frames = _score_new(members, new, "smiles", ensemble)
    return frames if given.index is None else frames._replace(bags=frames.bags.set_axis(given.index))


def _score_new(members: Members, new: NewBags, called: str, ensemble: Ensemble) -> Frames:
    """Score new bags; scores are missing where a bag has an error."""
    import pandas as pd

    tasks = members.tasks
    own = np.full((2, len(new.rows), len(tasks)), np.nan)  # scores and weights of the instances
    if new.data is not None:
        every = torch.arange(len(new.data))
        values, order = _score_all(members, [new.data] * len(members.states), every, ensemble)
        if values is not None:
            own[:, new.instance_place[order]] = values
    else:
        for _ in members.states:
            ensemble.add(np.empty((0, len(tasks))))
    read = np.zeros(len(new.names), dtype=bool)
    read[new.place] = True
    std = None if ensemble.std is None else spread(ensemble.std, read)
    kinds = {"spread": std is not None, "predicted": members.several_classes}
    names = short_names(tasks, called, **kinds, more=members.uncertainty)
    bags = pd.DataFrame({called: new.names, **names.columns(tasks, spread(ensemble.score, read), std, new.errors)})
    if members.of_whole_bags:
        return Frames(bags, None)
    instances = instance_columns(new.rows[["bag", "row"]].copy(), tasks, own[0], own[1])
    instances["error"] = list(new.rows["error"])
    return Frames(bags, instances.rename(columns={"bag": called}))


def _known(
    members: Members,
    datas: "list[BagDataset]",
    places: npt.NDArray[np.int64],
    ensemble: Ensemble,
    instances_out: str | Path | None,
) -> Frames:
    """Score bags of data sets, one for each run; a row of missing values for a place of -1."""
    import pandas as pd

    data = datas[0]
    index = torch.from_numpy(places[places >= 0])
    if on_disk(data):
        frame = score_on_disk(members, datas, index, ensemble, instances_out)
        return Frames(spread_rows(frame, places >= 0), None)
    values, order = _score_all(members, datas, index, ensemble)
    several = {"spread": len(members.states) > 1, "predicted": members.several_classes}
    columns = short_names(members.tasks, COLUMN, error=False, **several, more=members.uncertainty)
    scores = columns.columns(members.tasks, ensemble.score, ensemble.std, None)
    bags = pd.DataFrame({COLUMN: [data.bag_names[i] for i in index], **scores})
    if values is None:
        return Frames(spread_rows(bags, places >= 0), None)
    owner = np.repeat(index.numpy(), data.sizes[index].numpy())
    rows = order if data.instance_row is None else data.instance_row.numpy()[order]
    instances = pd.DataFrame({COLUMN: [data.bag_names[i] for i in owner], "row": rows})
    return Frames(spread_rows(bags, places >= 0), instance_columns(instances, members.tasks, *values))


def _score_all(
    members: Members, data: "Sequence[BagDataset]", positions: torch.Tensor, ensemble: Ensemble
) -> tuple[npt.NDArray[np.float64] | None, npt.NDArray[np.int64]]:
    """Add the runs' bag scores to an ensemble; return the mean instance scores and weights, and the instances' rows.

    Instances have no scores if a run is fitted to whole bags.
    """
    total, order = np.zeros(()), np.empty(0, dtype=np.int64)
    for state, bags in zip(members.states, data, strict=True):
        model: Any = load_model(state)
        link = loss_link(state)
        with data_progress(members.progress) as report:
            how: Any = {"device": members.device, "progress": report}
            if members.of_whole_bags:
                ensemble.add(as_scores(score_bags(model, bags, positions, **how), link))
                continue
            explained = explain_bags(model, bags, positions, **how)
        ensemble.add(as_scores(explained.logits, link))
        total = total + np.stack([as_scores(explained.scores, link), explained.weights])
        order = explained.instance
    return None if members.of_whole_bags else total / len(members.states), order


def positions(names: list[str] | None, data: "BagDataset") -> npt.NDArray[np.int64]:
    """Return the positions of bags by name; -1 for an empty name."""
    if names is None:
        return np.arange(len(data))
    place = {name: i for i, name in reversed(list(enumerate(data.bag_names)))}
    unknown = next((name for name in names if name and name not in place), None)
    if unknown is not None:
        raise ValueError(f"items: {data.name!r} has no bag {shown(unknown)}{nearest(unknown, place)}")
    return np.array([place[name] if name else -1 for name in names], dtype=np.int64)


def _names(items: Sequence[Any]) -> list[str]:
    """Return names as strings; numbers are converted, and missing values become empty names."""
    import pandas as pd

    if isinstance(items, str | bytes | Mapping | AbstractSet | pd.DataFrame) or not hasattr(items, "__iter__"):
        raise TypeError(f"items: expected a list of bag names or the path of a CSV file, got {shown(items)}")
    listed = ["" if pd.api.types.is_scalar(item) and pd.isna(item) else item for item in items]
    wrong = [item for item in listed if isinstance(item, bool) or not isinstance(item, str | int | np.integer)]
    if wrong:
        raise TypeError(f"items: expected bag names (strings or integers), got {shown(wrong[0])}")
    return [str(item).strip() for item in listed]


def _check_alike(members: Members) -> None:
    """Raise `ValueError` if the runs of an ensemble were trained on different instances."""

    def wants(state: dict[str, Any]) -> dict[str, Any]:
        header = state[HEADER]
        return {
            "shape of an instance": list(instance_shape(header)),
            "features": list(header.get("feature_names", [])),
            "featuriser": header["featurizer"],
            "standardize": header["standardize"],
        }

    first = wants(members.states[0])
    for state, path in zip(members.states[1:], members.paths[1:], strict=True):
        for what, value in wants(state).items():
            if value != first[what]:
                raise ValueError(
                    f"run: the runs of an ensemble must be trained on the same instances, but {what} is "
                    f"{shown(first[what])} in {members.paths[0]} and {shown(value)} in {path}"
                )
