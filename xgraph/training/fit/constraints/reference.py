"""Losses of a reference run on the training part, above which a robust loss counts those of this run."""

import inspect
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from xgraph.messages import listed
from xgraph.options import OptionError
from xgraph.training.config.build import TrainConfig, registry
from xgraph.training.files.checkpoint import HEADER
from xgraph.training.files.leaks import LEARNED
from xgraph.training.files.members import leaf_folders
from xgraph.training.files.rundir import BEST
from xgraph.training.fit.constraints.earlier import Earlier, scoring_device

if TYPE_CHECKING:
    from xgraph.training.sources import Source


def takes_reference(loss: type) -> bool:
    """Whether a loss can be computed above that of a reference model."""
    return "reference" in inspect.signature(loss).parameters


def reference_losses(config: TrainConfig, source: "Source", loss: Any) -> Tensor:
    """Return the losses of the reference run, ``[n, T]``; NaN outside of the training part and for missing labels.

    Of a run over folds, a molecule's score is the mean over the models that were not trained on it.

    Args:
        config: The settings of the run, with `reference`.
        source: Its data.
        loss: A loss of the same kind without a reference.

    Raises:
        OptionError: If the reference does not have all tasks of this run, or the run is not for labels 0 and 1.

    Warns:
        UserWarning: If all models of the reference were trained on some of the training items.
    """
    if source.several_classes or source.numbers:
        raise OptionError("reference: expected tasks with labels 0 and 1")
    train = source.splits["train"]
    runs = [Earlier.read(path, source, "reference") for path in checkpoints(str(config.reference))]
    total = np.zeros((2, len(train), source.num_tasks))  # of models that have not seen an item, and of all
    count = np.zeros((2, len(train)))
    for run in runs:
        columns = run.columns(source.task_names)
        if missing := [name for number, name in enumerate(source.task_names) if number not in columns]:
            raise OptionError(
                f"reference: {run.path} has not learned {listed(missing)}; its tasks are {listed(run.tasks)}"
            )
        logits = run.score(train, scoring_device(config))[:, [columns[number] for number in range(source.num_tasks)]]
        unseen = ~learned(run.state[HEADER], source)[train.numpy()]
        for place, used in enumerate((unseen, np.ones_like(unseen))):
            total[place, used] += logits[used]
            count[place, used] += 1
    known = count[0] > 0
    if not known.all():
        many = "it was" if len(runs) == 1 else f"all of its {len(runs)} models were"
        warnings.warn(
            f"reference: {many} trained on {int((~known).sum())} of the {len(train)} {source.noun} of the training "
            "part, whose losses are too low in it; give a run over folds (--fold all), of which each model scores the "
            f"{source.noun} that it has not seen",
            stacklevel=5,
        )
    logits = np.where(known[:, None], total[0], total[1]) / np.where(known, count[0], count[1])[:, None]
    table = torch.full((len(source), source.num_tasks), torch.nan)
    table[train] = loss.per_item(torch.from_numpy(logits).float(), source.targets(train))
    return table


def learned(header: dict[str, Any], source: "Source") -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Return which items of the data a run was trained on; none if it is known to have been trained on other data."""
    bits = header.get(LEARNED)  # not recorded by earlier versions
    if bits is None or header["dataset"] != source.name or header["num_items"] != len(source):
        return np.zeros(len(source), dtype=bool)
    return np.unpackbits(bits.numpy(), count=len(source)).astype(bool)


def checkpoints(run: str) -> list[Path]:
    """Return the best checkpoints of a run; for a run over folds or seeds, those of all of them."""
    path = Path(run)
    if path.is_file():
        return [path]
    found = [folder / BEST for folder in leaf_folders(path)]
    if lacking := [file for file in found if not file.is_file()]:
        raise FileNotFoundError(f"reference: expected a finished run, but {lacking[0].parent} has no {BEST}")
    return found


def check_reference(config: TrainConfig) -> None:
    """Raise `OptionError` if the loss takes no reference."""
    if config.reference is not None and not takes_reference(registry("loss")[config.loss]):
        fitting = [name for name, cls in registry("loss").items() if takes_reference(cls)]
        raise OptionError(
            f"reference = {config.reference!r}: loss {config.loss!r} takes no reference; losses that do: "
            f"{', '.join(fitting)}"
        )
