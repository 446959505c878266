"""`xgraph.pretrain`: pretrain an encoder on several data sets, for other runs to start from."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgraph.options import OptionError
from xgraph.signals import handled
from xgraph.training.config.build import read_config
from xgraph.training.files.lock import locked
from xgraph.training.files.rundir import (
    CONFIG,
    LAST,
    METRICS,
    Run,
    check_files,
    check_free,
    make_run_directory,
    new_run_directory,
)
from xgraph.training.files.writing import write_json, write_text
from xgraph.training.fit.launch.guard import guarded
from xgraph.training.fit.seeding import own_random_streams
from xgraph.training.loggers.names import check_installed
from xgraph.training.pretraining.joining import full_paths, load_joined, load_texts, summary
from xgraph.training.pretraining.settings import PretrainConfig, build_pretrain_config
from xgraph.training.scoring.inference import choose_device

if TYPE_CHECKING:
    from xgraph.data import JoinedDataset
    from xgraph.training.files.callback import CheckpointCallback
    from xgraph.training.fit.task import Task


def pretrain(
    datasets: str | Path | Sequence[str | Path] | None = None,
    *,
    config: str | Path | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool = False,
    **settings: Any,
) -> Run:
    r"""Pretrain an encoder of molecules on several data sets, as the command ``xgraph pretrain`` does.

    The data sets are joined (:func:`xgraph.data.join`) without the excluded molecules. By default, the encoder learns
    all their labels by cross-entropy. With ``objective="contrastive"`` it uses no labels: it learns to match two views
    of the same molecule among all others (:class:`xgraph.losses.SogCLRLoss`). With ``objective="two-tower"`` and
    ``text_column`` it learns to match molecules with the texts that describe them
    (:class:`xgraph.losses.TwoTowerLoss`). To start a run from the encoder, train
    the same model with the same options and ``init=run.path``; the run gets a new head.

    Args:
        datasets: Names of data sets or paths of CSV files; a single string may list several, separated by commas.
        config: A TOML file with settings, such as the ``config.toml`` of another pretraining run.
        out: The run directory, which must be new or empty; by default a new directory under ``runs/``.
        resume: Resume the interrupted run in ``out``. The result is bit-identical to that of an uninterrupted run.
        progress: Show progress on stderr.
        settings: Any setting of :class:`xgraph.training.PretrainConfig` (``objective``, ``exclude``, ``model``,
            ``epochs``, ...) and any option of the model.

    Returns:
        The finished run, with its path and metrics. ``metrics["valid"]`` is measured on held-out molecules after the
        last epoch; ``metrics["joined"]`` counts the molecules that were joined and excluded.

    Raises:
        OptionError: If a setting does not exist, is for the other objective, or has an invalid value. It is a
            ``ValueError``.
        ValueError: If a data set is unknown or does not hold molecules, too few molecules remain, or training diverges.
        FileExistsError: If ``out`` is not empty.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> folder = Path(tempfile.mkdtemp())
        >>> rows = [f"{'C' * n}{end},{int(end == 'N')}" for n in range(1, 20) for end in "OCN"]
        >>> _ = (folder / "amines.csv").write_text("smiles,amine\n" + "\n".join(rows))
        >>> small = {"hidden_channels": 8, "num_layers": 2}
        >>> run = pretrain(folder / "amines.csv", objective="contrastive", epochs=1, batch_size=16,
        ...                out=folder / "pretrained", **small)
        >>> list(run.metrics["valid"])
        ['loss', 'alignment', 'uniformity', 'top1']
        >>> from xgraph.training import train
        >>> later = train(folder / "amines.csv", init=run.path, split="random", epochs=1,
        ...               pretrain_epochs=0, out=folder / "run", **small)
    """
    if datasets is not None:
        settings["datasets"] = _listed("datasets", datasets)
    if settings.get("exclude") is not None:
        settings["exclude"] = _listed("exclude", settings["exclude"])
    base = None if config is None else read_config(config)
    if resume:
        chosen, out = settings_to_resume(settings, base, out)
    else:
        chosen = _with_places(build_pretrain_config(settings, base))
        if out is not None:
            check_free(out)  # fail before the data are read, which may take long
    check_installed(chosen.logger)
    device = choose_device(chosen.device)
    with handled(), own_random_streams(chosen.seed, chosen.threads):
        return _pretrain(chosen, out, resume, progress, device)


def _listed(what: str, names: str | Path | Sequence[str | Path]) -> list[str]:
    if isinstance(names, str):
        return [name.strip() for name in names.split(",") if name.strip()]
    if isinstance(names, Path):
        return [str(names)]
    if not isinstance(names, Sequence) or not all(isinstance(name, str | Path) for name in names):
        raise TypeError(f"{what}: expected names or paths, got {names!r}")
    return [str(name) for name in names]


def settings_to_resume(
    settings: dict[str, Any], base: dict[str, Any] | None, out: str | Path | None
) -> tuple[PretrainConfig, Path]:
    """Return the settings of the run in `out`; settings that are given explicitly must not contradict them."""
    if out is None:
        raise OptionError("resume: give the directory of the run to resume with out (--out)")
    path = Path(out)
    own = read_config(path / CONFIG) if (path / CONFIG).is_file() else _of_checkpoint(path)
    before = build_pretrain_config({}, own)
    now = build_pretrain_config(settings, own if base is None else base)
    now = _with_places(now)
    old, new = ({**vars(one), **one.model_options, "model_options": None} for one in (before, now))
    for name in {**old, **new}:
        if old.get(name) != new.get(name) and name not in PretrainConfig.may_change:
            raise OptionError(
                f"resume: {name} is {old.get(name)!r} in {path} and cannot become {new.get(name)!r}; "
                f"only {', '.join(sorted(PretrainConfig.may_change))} can change"
            )
    return now, path


def _of_checkpoint(path: Path) -> dict[str, Any]:
    """Return the settings in the last checkpoint of a run whose file of settings is missing."""
    from xgraph.training.files.checkpoint import HEADER
    from xgraph.training.files.resume import read_last

    if not (path / LAST).is_file():
        raise FileNotFoundError(f"resume: {path} is not a run directory (no {CONFIG})")
    settings: dict[str, Any] = read_last(path)[HEADER].get("pretraining", {})
    if not settings.get("datasets"):
        raise FileNotFoundError(
            f"resume: {path} has no {CONFIG}, and {LAST} is not of a pretraining run; `xgraph train --resume` resumes "
            "runs of training"
        )
    return settings


def _with_places(config: PretrainConfig) -> PretrainConfig:
    """Return the settings with the full paths of files."""
    places = {"datasets": full_paths(config.datasets), "exclude": config.exclude and full_paths(config.exclude)}
    return config.model_copy(update=places)


def _pretrain(config: PretrainConfig, out: str | Path | None, resume: bool, progress: bool, device: str) -> Run:
    """Pretrain. Call it within `own_random_streams`."""
    data = load_joined(config, progress)
    task = _make_task(config, data)
    training = task.config
    if resume and out is not None:
        path = Path(out)
    elif out is not None:
        path = make_run_directory(out, training)
    else:
        path = new_run_directory(f"pretrain-{config.objective}-{config.model}-s{config.seed}")
    if progress:
        sys.stderr.write(summary(config, data, path))
    with guarded(path, resume=resume, command="pretrain"), locked(path):
        if not resume:
            check_free(path)  # another process may have written to it in the meantime
        check_files(path)
        return Run(path, _fit(task, config, data, path, device, resume, progress))


def _make_task(config: PretrainConfig, data: JoinedDataset) -> Task:
    from xgraph.training.pretraining.tasks import ContrastiveTask, MultitaskTask  # Lightning takes seconds to import
    from xgraph.training.pretraining.views import ViewSource
    from xgraph.training.sources import make_source

    if config.objective == "two-tower":
        from xgraph.training.pretraining.two_tower import TextSource, TwoTowerTask

        return TwoTowerTask(config, TextSource(data, load_texts(config, data), config))
    if config.objective == "contrastive":
        return ContrastiveTask(config, ViewSource(data, config))
    source = make_source(data, config.training(data.name))
    y = source.targets(source.splits["train"])
    if not bool(((y == 1).any(0) & (y == 0).any(0)).any()):
        raise ValueError(f"datasets: no task of {data.name!r} has both labels, 0 and 1, in the training part")
    return MultitaskTask(config, source, data.sources)


def _fit(
    task: Task, config: PretrainConfig, data: JoinedDataset, path: Path, device: str, resume: bool, progress: bool
) -> dict[str, Any]:
    """Train, write the run directory, and return the contents of `metrics.json`."""
    from xgraph.training.files.callback import CheckpointCallback
    from xgraph.training.files.checkpoint import HEADER, read_checkpoint
    from xgraph.training.files.environment import write_environment
    from xgraph.training.fit.engine import resume_point, run_epochs
    from xgraph.training.fit.progress import EpochBar, EpochLines
    from xgraph.training.loggers.callback import epoch_loggers
    from xgraph.training.loggers.logbook import Logbook, logged

    callback = CheckpointCallback(path, task.metric, "last", config.checkpoint_every)
    last = resume_point(task, callback) if resume else None
    if last is not None:
        _check_same(task.header["pretraining"], read_checkpoint(last)[HEADER].get("pretraining", {}), last)
    _write_config(path, config)
    write_environment(path, device)
    shown = (EpochBar if sys.stderr.isatty() else EpochLines)(task.metric)
    book = Logbook(path, config.logger, config.to_dict())
    with logged(book):
        book.open()
        callbacks = [*([shown] if progress else []), *epoch_loggers(book, callback)]
        run_epochs(task, callback, last, device=device, callbacks=callbacks)
        metrics = _metrics(callback, config, data)
        write_json(path / METRICS, metrics)
        book.results(metrics)
    return metrics


def _metrics(callback: CheckpointCallback, config: PretrainConfig, data: JoinedDataset) -> dict[str, Any]:
    """Return the contents of `metrics.json`."""
    row = callback.history[-1]
    return {
        "valid": {name.removeprefix("valid_"): value for name, value in row.items() if name.startswith("valid_")},
        "objective": config.objective,
        "last_epoch": row["epoch"],
        "epochs": callback.epochs,
        "dataset": data.name,
        "molecules": len(data),
        "tasks": data.num_tasks if config.objective == "multitask" else 0,
        "joined": asdict(data.counts),
        "unreadable_rows": len(data.errors),
    }


def _check_same(now: dict[str, Any], before: dict[str, Any], last: Path) -> None:
    """Raise `OptionError` if the settings are not those of the last checkpoint."""
    for name in before.keys() & now.keys() - PretrainConfig.may_change - {"datasets", "exclude"}:
        if before[name] != now[name]:
            raise OptionError(
                f"resume: {name} is {now[name]!r} in {last.with_name(CONFIG)}, but {last} was written with "
                f"{before[name]!r}; change it back"
            )


def _write_config(path: Path, config: PretrainConfig) -> None:
    """Write `config.toml`, from which `--config` repeats the run."""
    import tomli_w

    values = config.to_dict()
    for name in ("datasets", "exclude"):
        if name in values:
            values[name] = full_paths(values[name])
    write_text(path / CONFIG, tomli_w.dumps(values))
