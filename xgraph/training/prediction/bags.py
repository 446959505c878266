"""Scores of runs on bags: of new ones, or of those that the runs were trained on."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from xgraph.options import nearest
from xgraph.training.config.names import distinct
from xgraph.training.files.checkpoint import HEADER
from xgraph.training.files.saved_model import load_model, loss_link
from xgraph.training.fit.bars import data_progress
from xgraph.training.prediction.ensemble import Ensemble
from xgraph.training.prediction.new_bags import (
    NewBags,
    bags_of_conformers,
    bags_of_table,
    makes_conformers,
    read_frame_of_bags,
)
from xgraph.training.prediction.own_data import check_same_items, own_source
from xgraph.training.scoring.bag_scores import Explained, explain_bags
from xgraph.training.scoring.inference import as_scores

if TYPE_CHECKING:
    import pandas as pd

    from xgraph.data import BagDataset

COLUMN = "bag"


class Frames(NamedTuple):
    """What is predicted.

    Args:
        bags: A row a bag.
        instances: A row an instance.
    """

    bags: "pd.DataFrame"
    instances: "pd.DataFrame"


def predict_bags(
    states: list[dict[str, Any]],
    paths: Sequence[Path],
    tasks: list[str],
    items: Sequence[Any] | str | Path | None,
    device: str,
    ensemble: Ensemble,
    *,
    bag_column: str | None = None,
    smiles_column: str | None = None,
    progress: bool = False,
) -> Frames:
    """Score bags, all instances of each, and their instances."""
    _check_alike(states, paths)
    if items is None:
        return _own(states, paths, tasks, None, device, ensemble, progress)
    if makes_conformers(states[0]):
        return _conformers(states, tasks, items, smiles_column, device, ensemble, progress)
    if not isinstance(items, str | Path):
        return _own(states, paths, tasks, _names(items), device, ensemble, progress)
    frame, column = read_frame_of_bags(Path(items), states[0], bag_column)
    if list(frame.columns) == [column]:
        cells = ["" if cell != cell else str(cell).strip() for cell in frame[column]]
        return _own(states, paths, tasks, cells, device, ensemble, progress)
    with data_progress(progress) as report:
        new = bags_of_table(frame, column, states[0], Path(items), smiles_column, report)
    return _score_new(states, tasks, new, COLUMN, device, ensemble, progress)


def _conformers(
    states: list[dict[str, Any]],
    tasks: list[str],
    items: Sequence[Any] | str | Path,
    smiles_column: str | None,
    device: str,
    ensemble: Ensemble,
    progress: bool,
) -> Frames:
    from xgraph.data.molecules.table import read_smiles
    from xgraph.data.storage.root import root

    if isinstance(items, str | Path):
        if not Path(items).is_file():
            raise FileNotFoundError(f"items: no file {str(items)!r}; to score SMILES themselves, pass a list of them")
        texts = read_smiles(items, smiles_column)
    else:
        texts = _names(items)
    with data_progress(progress) as report:
        new = bags_of_conformers(texts, states[0], root(), report)
    return _score_new(states, tasks, new, "smiles", device, ensemble, progress)


def _score_new(
    states: list[dict[str, Any]],
    tasks: list[str],
    new: NewBags,
    called: str,
    device: str,
    ensemble: Ensemble,
    progress: bool,
) -> Frames:
    """Scores of new bags; missing where there is an error."""
    import pandas as pd

    own = np.full((2, len(new.rows), len(tasks)), np.nan)  # scores and weights of the instances
    if new.data is not None:
        every = torch.arange(len(new.data))
        found, order = _score_all(states, [new.data] * len(states), every, device, ensemble, progress)
        own[:, new.instance_place[order]] = found
    else:
        for _ in states:
            ensemble.add(np.empty((0, len(tasks))))
    bags = pd.DataFrame({called: new.names})
    for name, values in ensemble.columns(tasks, (called, "error")).items():
        bags[name] = np.nan
        bags.loc[new.place, name] = values
    bags["error"] = new.errors
    instances = _instance_columns(new.rows[["bag", "row"]].copy(), tasks, own[0], own[1])
    instances["error"] = list(new.rows["error"])
    return Frames(bags, instances.rename(columns={"bag": called}))


def _own(
    states: list[dict[str, Any]],
    paths: Sequence[Path],
    tasks: list[str],
    names: list[str] | None,
    device: str,
    ensemble: Ensemble,
    progress: bool,
) -> Frames:
    """Scores of bags that the runs know; a row for each name, without anything where that is empty."""
    import pandas as pd

    check_same_items(states, paths, "data set", "bags")
    sources = [own_source(state, path, progress) for state, path in zip(states, paths, strict=True)]
    data = sources[0].data
    wanted = _positions(names, data)
    there = torch.from_numpy(wanted[wanted >= 0])
    found, order = _score_all(states, [source.data for source in sources], there, device, ensemble, progress)
    bags = pd.DataFrame({COLUMN: [data.bag_names[i] for i in there]})
    for name, values in ensemble.columns(tasks, [COLUMN]).items():
        bags[name] = values
    if len(bags) < len(wanted):
        bags = bags.set_axis(np.flatnonzero(wanted >= 0)).reindex(range(len(wanted)))
    owner = np.repeat(there.numpy(), data.sizes[there].numpy())
    rows = order if data.instance_row is None else data.instance_row.numpy()[order]
    instances = pd.DataFrame({COLUMN: [data.bag_names[i] for i in owner], "row": rows})
    return Frames(bags, _instance_columns(instances, tasks, *found))


def _score_all(
    states: list[dict[str, Any]],
    data: "list[BagDataset]",
    positions: torch.Tensor,
    device: str,
    ensemble: Ensemble,
    progress: bool,
) -> tuple[tuple[npt.NDArray[np.float64], ...], npt.NDArray[np.int64]]:
    """Add the runs' scores of bags to an ensemble; means of scores and weights of instances, and which these are."""
    total: list[npt.NDArray[np.float64]] = []
    explained: Explained | None = None
    for state, bags in zip(states, data, strict=True):
        link = loss_link(state)
        with data_progress(progress) as report:
            explained = explain_bags(load_model(state), bags, positions, device=device, progress=report)  # type: ignore[arg-type]
        ensemble.add(as_scores(explained.logits, link))
        new = [as_scores(explained.scores, link), explained.weights]
        total = [a + b for a, b in zip(total, new, strict=True)] if total else new
    if explained is None:
        raise ValueError("run: expected at least one run, got none")
    return tuple(part / len(states) for part in total), explained.instance


def _instance_columns(
    frame: "pd.DataFrame", tasks: list[str], scores: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]
) -> "pd.DataFrame":
    """Add weights and scores to the rows of instances."""
    names = [("weight", "score")] if len(tasks) == 1 else [(f"{task}_weight", f"{task}_score") for task in tasks]
    flat = distinct([name for pair in names for name in pair], taken=[*frame.columns, "error"])
    for t in range(len(tasks)):
        frame[flat[2 * t]], frame[flat[2 * t + 1]] = weights[:, t], scores[:, t]
    return frame


def _positions(names: list[str] | None, data: "BagDataset") -> npt.NDArray[np.int64]:
    """Positions of the bags that are named; -1 where no name is."""
    if names is None:
        return np.arange(len(data))
    place = {name: i for i, name in reversed(list(enumerate(data.bag_names)))}
    unknown = next((name for name in names if name and name not in place), None)
    if unknown is not None:
        raise ValueError(f"items: {data.name!r} has no bag {unknown!r}{nearest(unknown, place)}")
    return np.array([place[name] if name else -1 for name in names], dtype=np.int64)


def _names(items: Sequence[Any]) -> list[str]:
    """Names as strings; numbers are names too, and what is missing is an empty one."""
    import pandas as pd

    if isinstance(items, str) or not hasattr(items, "__iter__"):
        raise TypeError(f"items: expected a list of names or the path of a CSV file, got {items!r}")
    listed = ["" if pd.api.types.is_scalar(item) and pd.isna(item) else item for item in items]
    wrong = [item for item in listed if isinstance(item, bool) or not isinstance(item, str | int | np.integer)]
    if wrong:
        raise TypeError(f"items: expected names, got {wrong[0]!r}")
    return [str(item).strip() for item in listed]


def _check_alike(states: list[dict[str, Any]], paths: Sequence[Path]) -> None:
    """Refuse an ensemble of runs that want different instances."""

    def wants(state: dict[str, Any]) -> dict[str, Any]:
        header = state[HEADER]
        return {
            "shape of an instance": list(header["model_arguments"].get("instance_shape", [])),
            "features": list(header.get("feature_names", [])),
            "made features": header["featurizer"],
            "standardize": header["standardize"],
        }

    first = wants(states[0])
    for state, path in zip(states[1:], paths[1:], strict=True):
        for what, value in wants(state).items():
            if value != first[what]:
                raise ValueError(
                    f"run: an ensemble needs runs on the same instances, but {what} is {_short(first[what])} in "
                    f"{paths[0]} and {_short(value)} in {path}"
                )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
