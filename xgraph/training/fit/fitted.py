"""Runs of models that are fitted in a single step; their run directories look like those of one epoch."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgraph.nn import FittedModel
from xgraph.options import OptionError
from xgraph.training.config.build import TrainConfig, registry
from xgraph.training.files.callback import CheckpointCallback
from xgraph.training.files.checkpoint import HEADER, check_same_run, describe, write_checkpoint
from xgraph.training.files.environment import write_environment
from xgraph.training.files.resume import check_same_settings, read_last
from xgraph.training.files.rundir import BEST, LAST, write_config
from xgraph.training.fit.bars import data_progress
from xgraph.training.fit.labels.numbers import predict_numbers
from xgraph.training.fit.results import write_results
from xgraph.training.fit.seeding import random_state
from xgraph.training.scoring.scores import measure

if TYPE_CHECKING:
    from xgraph.training.sources import Source


class FittedTask:
    """The model to fit and the data to fit it to."""

    def __init__(self, config: TrainConfig, source: "Source") -> None:
        self.config, self.source = config, source
        self.metric = config.metric or source.metric
        make: Any = registry("model")[config.model]
        try:
            self.model: FittedModel = make(source.num_tasks, **source.model_arguments, **config.model_options)
        except ValueError as error:  # an option is out of range
            raise OptionError(str(error)) from None
        if source.numbers:
            predict_numbers(self.model, source)

    @property
    def link(self) -> str:
        """What turns the outputs of the model into scores."""
        return "identity" if self.source.numbers else "sigmoid"


def fit_in_single_step(
    task: FittedTask,
    path: Path,
    *,
    device: str,
    resume: bool = False,
    progress: bool = False,
    threads: int | None = None,
) -> dict[str, Any]:
    """Fit and test, and write the run directory. Call it within `own_random_streams`.

    Args:
        task: What to fit.
        path: The run directory.
        device: Where to score.
        resume: Keep what has been fitted there.
        progress: Whether to show progress.
        threads: Number of CPU threads, if the settings do not say.
    """
    config, source = task.config, task.source
    last = path / LAST if resume and (path / LAST).exists() else None
    state = None if last is None else read_last(path)
    if last is not None and state is not None:
        check_same_settings(state[HEADER], config, last)
        check_same_run(state[HEADER], config, source, last)
        if not isinstance(state.get("history"), list) or not state["history"]:
            raise ValueError(f"resume: {last} has no history; delete {path} and train again")
    write_config(path, config)
    write_environment(path, device)
    if state is None:
        state = _fit(task, device, progress, threads)
        for name in (BEST, LAST):
            write_checkpoint(state, path / name)
    callback = CheckpointCallback(path, task.metric, "best" if "valid" in source.splits else "last")
    callback.load_state_dict({"history": state["history"], "best": state["history"][-1]})
    callback.write_history()
    return write_results(source, task.link, callback, device)


def learn(task: FittedTask, progress: bool = False, threads: int | None = None) -> None:
    """Fit the model to the training part; `threads` are used if the settings name no number of them."""
    config, source = task.config, task.source
    train = source.splits["train"]
    with data_progress(progress) as report:
        task.model.fit(
            source.table(train, report),
            source.targets(train),
            weight=None if source.weights is None else source.weights[train],
            seed=config.seed,
            threads=config.threads or threads,
            progress=report,
        )


def _fit(task: FittedTask, device: str, progress: bool, threads: int | None) -> dict[str, Any]:
    """Fit the model and return the contents of its checkpoint."""
    config, source = task.config, task.source
    valid = source.splits.get("valid")
    began = time.perf_counter()
    learn(task, progress, threads)
    seconds = round(time.perf_counter() - began, 3)
    values = {}
    if valid is not None:
        logits = source.score(task.model, valid, device=device)
        y = source.targets(valid).numpy()
        values = measure(y, logits, several_classes=source.several_classes, link=task.link)
    row = {"epoch": 1, "stage": "main", "train_loss": None, "lr": None, "seconds": seconds}
    row |= {f"valid_{name}": value for name, value in values.items()}
    if progress:
        shown = f"valid_{task.metric}={values[task.metric]:.4f} " if values else ""
        sys.stderr.write(f"model={config.model} {shown}seconds={seconds:.1f}\n")
    return {
        HEADER: describe(config, source),
        "state_dict": {f"model.{name}": tensor.cpu() for name, tensor in task.model.state_dict().items()},
        "epochs_done": 1,
        "sampler": {},
        "random_state": random_state(),
        "history": [row],
    }
