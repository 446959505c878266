"""Bags on disk are scored one after another, and their instances written as they are scored."""

import gzip
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch

from xgraph.data.bags.passes import grouped, instances_per_pass
from xgraph.training.files.checkpoint import HEADER, instance_shape
from xgraph.training.files.saved_model import load_model, loss_link
from xgraph.training.files.writing import write_atomically
from xgraph.training.fit.bars import data_progress
from xgraph.training.prediction.members import Members
from xgraph.training.prediction.new_bags import instance_columns
from xgraph.training.prediction.output.names import short_names
from xgraph.training.scoring.bag_scores import explain_bags, score_bags
from xgraph.training.scoring.ensemble import Ensemble
from xgraph.training.scoring.inference import as_scores

if TYPE_CHECKING:
    import pandas as pd

    from xgraph.data import BagDataset
    from xgraph.data.bags.folder.store import FolderStore

Write = Callable[["pd.DataFrame"], None]
_AXES = {1: ["x"], 2: ["x", "y"], 3: ["x", "y", "z"]}


def on_disk(data: "BagDataset") -> bool:
    """Whether the instances of a data set are in a folder of bags."""
    from xgraph.data.bags.folder.store import FolderStore

    return isinstance(data.store, FolderStore)


def predict_folder(
    members: Members, folder: Path, ensemble: Ensemble, instances_out: str | Path | None
) -> "pd.DataFrame":
    """Score the bags of a folder; a bag that cannot be read has an error and no scores."""
    import pandas as pd

    from xgraph.data.bags.folder.new import open_folder
    from xgraph.data.storage.root import root

    header = members.states[0][HEADER]
    shape = instance_shape(header)
    if not shape:
        raise ValueError(f"items: the run is on bags of molecules, but {folder} is a folder of files with features")
    if header.get("feature_names"):
        warnings.warn(
            f"the run was trained on named columns, but the files of {folder} have none: their features are taken in "
            f"the order {', '.join(header['feature_names'][:5])}, ...",
            stacklevel=2,
        )
    new = open_folder(folder, shape, root())
    errors = list(new.errors)
    bags = pd.DataFrame({"bag": new.names})
    every = torch.arange(0 if new.data is None else len(new.data))
    failed: dict[int, str] = {}
    frame = score_on_disk(members, [new.data] * len(members.states), every, ensemble, instances_out, failed)
    for position, error in failed.items():
        errors[new.place[position]] = error
    good = [place for position, place in enumerate(new.place) if position not in failed]
    if frame.columns[-1] == "error":  # of scores that are not finite
        for place, error in zip(good, frame.pop("error"), strict=True):
            errors[place] = error
    scores = frame.iloc[:, 1:].set_axis(good).reindex(range(len(bags)))
    return pd.concat([bags, scores], axis=1).assign(error=errors)


def score_on_disk(
    members: Members,
    data: "Sequence[BagDataset | None]",
    positions: torch.Tensor,
    ensemble: Ensemble,
    instances_out: str | Path | None,
    failed: dict[int, str] | None = None,
) -> "pd.DataFrame":
    """Return the scores of bags, and write those of their instances while they are computed.

    Args:
        members: The runs.
        data: The same bags as each run has them; None if there are no bags.
        positions: The bags to score.
        ensemble: Combines the scores of the runs.
        instances_out: The file to write.
        failed: Is filled with the reason for each bag that cannot be read; by default this raises the error.
    """
    import pandas as pd

    first = data[0]
    names = [] if first is None else [first.bag_names[i] for i in positions]
    logits = np.full((len(members.states), len(names), len(members.tasks)), np.nan)

    def score(write: Write | None) -> None:
        if first is not None:
            with data_progress(members.progress) as report:
                for place, frame in _scored(members, data, positions, logits, failed):  # type: ignore[arg-type]
                    if write is not None:
                        write(_located(frame, first, int(positions[place])))
                    if report is not None:
                        report(place + 1, len(names), "scoring")

    if instances_out is None:
        score(None)
    else:
        path = Path(instances_out)
        nothing = pd.DataFrame(columns=["bag", "row", *_axes(first)])
        empty = instance_columns(nothing, members.tasks, *np.empty((2, 0, len(members.tasks))))
        write_atomically(path, lambda file: _write(file, path.suffix == ".gz", empty, score))
    good = np.array([position not in (failed or {}) for position in range(len(names))], dtype=bool)
    for own in logits:
        ensemble.add(own[good])
    kinds = {"spread": len(members.states) > 1, "predicted": members.several_classes, "error": False}
    columns = short_names(members.tasks, "bag", **kinds, more=members.uncertainty)
    kept = [name for name, fine in zip(names, good, strict=True) if fine]
    return pd.DataFrame({"bag": kept, **columns.columns(members.tasks, ensemble.score, ensemble.std, None)})


def _scored(
    members: Members,
    data: "Sequence[BagDataset]",
    positions: torch.Tensor,
    logits: npt.NDArray[np.float64],
    failed: dict[int, str] | None,
) -> Iterator[tuple[int, "pd.DataFrame"]]:
    """Score bags by all runs, fill in `logits`, and yield for each bag its place in `positions` and its instances.

    Instances have no scores, and their tables are empty, if a run is fitted to whole bags.
    """
    import pandas as pd

    models = [(load_model(state), loss_link(state)) for state in members.states]
    whole = bool(members.of_whole_bags)

    def explain(group: list[int]) -> Iterator[tuple[int, pd.DataFrame]]:
        bags = positions[group]
        explained = []
        try:
            for (model, _), own in zip(models, data, strict=True):
                one: Any = (score_bags if whole else explain_bags)(model, own, bags, device=members.device)  # type: ignore[arg-type]
                explained.append(one)
        except ValueError as error:
            if failed is None:
                raise
            if len(group) > 1:
                for place in group:
                    yield from explain([place])
            else:
                failed[group[0]] = str(error)
            return
        if whole:
            for i, (one, (_, link)) in enumerate(zip(explained, models, strict=True)):
                logits[i, group] = as_scores(one, link)
            yield from ((place, pd.DataFrame()) for place in group)
            return
        scores, weights = np.zeros(()), np.zeros(())
        for i, (one, (_, link)) in enumerate(zip(explained, models, strict=True)):
            logits[i, group] = as_scores(one.logits, link)
            scores = scores + as_scores(one.scores, link) / len(models)
            weights = weights + one.weights / len(models)
        for number, place in enumerate(group):
            rows = np.flatnonzero(explained[0].bag == number)
            frame = pd.DataFrame({"bag": data[0].bag_names[positions[place]], "row": np.arange(len(rows))})
            yield place, instance_columns(frame, members.tasks, scores[rows], weights[rows])

    for group in grouped(data[0].sizes[positions], instances_per_pass(data[0])):
        yield from explain(group)


def _axes(data: "BagDataset | None") -> list[str]:
    """Return the names of the columns of coordinates."""
    number = 0 if data is None else max(cast("FolderStore", data.store).located)
    return _AXES.get(number) or [f"coordinate_{i}" for i in range(number)]


def _located(frame: "pd.DataFrame", data: "BagDataset", bag: int) -> "pd.DataFrame":
    """Add the coordinates of the instances of a bag, empty if it has none."""
    coords = cast("FolderStore", data.store).coords(bag)
    for i, axis in enumerate(_axes(data)):
        frame.insert(2 + i, axis, coords[:, i] if coords is not None and i < coords.shape[1] else np.nan)
    return frame


def _write(file: IO[bytes], packed: bool, empty: "pd.DataFrame", score: Callable[[Write], None]) -> None:
    """Write the header, and then what is scored."""
    out: Any = gzip.GzipFile(fileobj=file, mode="wb", mtime=0) if packed else file
    out.write(empty.to_csv(index=False, lineterminator="\n").encode())
    score(lambda frame: out.write(frame.to_csv(index=False, header=False, lineterminator="\n").encode()))
    if packed:
        out.close()
