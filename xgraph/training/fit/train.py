"""`xgraph.train`: train one fold or several, from settings to a finished run directory."""

import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgraph.options import OptionError
from xgraph.training.config.build import TrainConfig, build_config, differences, read_config
from xgraph.training.config.folds import chosen_folds, summarize_folds
from xgraph.training.files.lock import locked
from xgraph.training.files.rundir import (
    CONFIG,
    METRICS,
    PATHS,
    Run,
    check_free,
    discard,
    make_run_directory,
    move,
    write_config,
)
from xgraph.training.files.writing import write_json
from xgraph.training.fit.announce import announcement
from xgraph.training.fit.loading import load_again, load_data
from xgraph.training.fit.seeding import own_random_streams
from xgraph.training.scoring.details import mean_details
from xgraph.training.scoring.inference import choose_device

if TYPE_CHECKING:
    from lightning.pytorch.callbacks import Callback


# The settings that may change when a run is resumed.
_MAY_CHANGE = {"epochs", "device", "storage", "threads", "baseline"}


class Interrupted(KeyboardInterrupt):
    """The user stopped a run, which can be resumed.

    Args:
        path: The run directory.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path


def train(
    dataset: Any = None,
    *,
    config: str | Path | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool = False,
    **settings: Any,
) -> Run:
    r"""Train a model on a data set, as the command ``xgraph train`` does.

    Args:
        dataset: Name of a data set or path of a CSV file; by default that of ``config``, or ``nci-pains``. Or the data
            themselves:

            - a pandas DataFrame, which is read like a CSV file with the same columns and takes the same settings;
            - a :class:`~xgraph.data.MoleculeDataset`, :class:`~xgraph.data.NodeDataset` or
              :class:`~xgraph.data.BagDataset`;
            - a graph of PyG (``Data``), whose nodes have labels ``y``, with its masks;
            - a list of PyG graphs with labels ``y`` of 0 and 1, if they are molecules: with ``smiles``, or with the
              integer features of the Open Graph Benchmark.

            Data without a split are split as a file of their kind is, with a warning; ``split`` chooses. To resume,
            evaluate or predict items of such a run, pass the data again.
        config: A TOML file with settings, such as the ``config.toml`` of another run.
        out: The run directory, which must be new or empty; by default a new directory under ``runs/``.
        resume: Resume the interrupted run in ``out``. The result is bit-identical to that of an uninterrupted run.
        progress: Show progress on stderr.
        settings: Any setting of :class:`xgraph.training.TrainConfig` (``loss``, ``model``, ``epochs``, ``lr``, ...)
            and any option of the chosen loss and model (``gamma``, ``hidden_channels``, ...). If both have an option of
            that name, it is given to the model; prefix it to give it to the loss (``loss_gamma``).

    Returns:
        The finished run, with its path and metrics. With several folds (``fold="all"``), each fold is a run in its own
        directory, and the metrics hold the mean and standard deviation over the folds.

    Raises:
        OptionError: If a setting does not exist or has an invalid value. It is a ``ValueError``.
        TypeError: If nothing can be trained on such data.
        ValueError: If the data cannot be trained on, or training diverges.
        FileExistsError: If ``out`` is not empty.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> folder = Path(tempfile.mkdtemp())
        >>> rows = [f"{'C' * n}{end},{int(end == 'N')}" for n in range(1, 20) for end in "OCN"]
        >>> _ = (folder / "amines.csv").write_text("smiles,amine\n" + "\n".join(rows))
        >>> run = train(folder / "amines.csv", loss="soap", split="random", out=folder / "run",
        ...             epochs=1, pretrain_epochs=0, batch_size=16, hidden_channels=8, num_layers=2)
        >>> list(run.metrics["test"])[:3]
        ['ap', 'prc_auc', 'roc_auc']
    """
    given = None
    if isinstance(dataset, str | Path):
        settings["dataset"] = str(dataset)
    elif dataset is not None:
        from xgraph.data.objects import settings_of

        given, known = dataset, settings_of(dataset, settings)
        settings = {**known, **settings, "dataset": known["dataset"]}
    settings = {name: str(value) if isinstance(value, Path) else value for name, value in settings.items()}
    base = None if config is None else read_config(config)
    chosen = _build(settings, base, config)
    if resume:
        chosen, out = _settings_to_resume(settings, chosen if config is not None else None, out)
    elif out is not None:
        check_free(out)  # fail before the data are read, which may take long
    device = choose_device(chosen.device)
    if chosen.fold == "all" or isinstance(chosen.fold, list):
        return _train_folds(chosen, out, resume, progress, device, given)
    with own_random_streams(chosen.seed, chosen.threads):
        return _train_one(chosen, out, resume, progress, device, given)


def _build(
    settings: Mapping[str, Any], base: Mapping[str, Any] | None, source: str | Path | None, saved: bool = False
) -> TrainConfig:
    try:
        return build_config(settings, base, saved=saved)
    except OptionError as error:
        if source is None:
            raise
        raise OptionError(f"{error} (in {source})") from None


def _settings_to_resume(
    settings: Mapping[str, Any], from_file: TrainConfig | None, out: str | Path | None
) -> tuple[TrainConfig, Path]:
    """Return the settings of the run in `out`; settings that are given explicitly must not contradict them."""
    if out is None:
        raise OptionError("resume: give the directory of the run to resume with out (--out)")
    path = Path(out)
    if not (path / CONFIG).is_file():
        raise FileNotFoundError(f"resume: {path} is not a run directory (no {CONFIG})")
    saved = read_config(path / CONFIG)
    old = _build({}, saved, path / CONFIG, saved=True)
    # More epochs are more epochs of the loss.
    kept = {} if old.fitted else {"pretrain_epochs": old.pretrain_epochs}
    new = from_file or _build({**kept, **settings}, saved, path / CONFIG, saved=True)
    changes = differences(old, new)
    same = {}
    for name in sorted(changes, key=lambda name: name not in settings):  # explicit settings first
        before, after = changes[name]
        if name in PATHS and _same_file(before, after):
            same[name] = before
        elif name not in _MAY_CHANGE and not (name in PATHS and _moved(before, after)):
            raise OptionError(
                f"resume: {name} is {before!r} in {path} and cannot become {after!r}; "
                f"only {', '.join(sorted(_MAY_CHANGE))} can change, and the place of files with the same content"
            )
    return new.replace(**same), path


def _same_file(one: object, other: object) -> bool:
    return Path(str(one)).resolve() == Path(str(other)).resolve()


def _moved(before: object, after: object) -> bool:
    """Whether a setting may be the same file at another place; the checkpoint tells whether the content is the same."""
    from xgraph.data.cards.named import names

    return before not in (None, *names()) and after not in (None, *names())


def _train_one(
    config: TrainConfig, out: str | Path | None, resume: bool, progress: bool, device: str, given: Any = None
) -> Run:
    """Train one run. Call it within `own_random_streams`."""
    source = load_again(config, out, progress, given) if resume else load_data(config, progress, given)
    import torch

    from xgraph.training.fit.baseline import add_baseline
    from xgraph.training.fit.check import check_data
    from xgraph.training.fit.choice import check_choice, choose, restore_network
    from xgraph.training.fit.engine import fit, prepare  # Lightning takes seconds to import

    check_data(source)
    check_choice(config, source)
    threads = torch.get_num_threads()  # a small network may take fewer
    task = prepare(config, source)
    path = Path(out) if resume and out is not None else make_run_directory(out, config)
    if progress:
        parts = ", ".join(f"{len(source.splits[name])} {name}" for name in ("train", *source.scored))
        sys.stderr.write(f"{source.name}: {parts} {source.noun}; run directory {path}\n")
        sys.stderr.writelines(f"{line}\n" for line in announcement(source))
    callbacks = _callbacks(task.metric) if progress else []
    try:
        with locked(path):
            if not resume:
                check_free(path)  # another process may have written to it in the meantime
            restore_network(path)
            metrics = fit(task, path, device=device, resume=resume, callbacks=callbacks)
            if config.baseline:
                metrics = add_baseline(config, source, path, metrics, device=device, threads=threads, progress=progress)
            if config.choose:
                metrics = choose(config, source, path, metrics, device=device, progress=progress)
            return Run(path, metrics)
    except KeyboardInterrupt:
        raise Interrupted(path) from None
    except FileExistsError:
        raise
    except Exception:
        if not resume:
            discard(path)
        raise


def _train_folds(
    config: TrainConfig, out: str | Path | None, resume: bool, progress: bool, device: str, given: Any = None
) -> Run:
    """Train one run per fold and summarise them; finished folds are not trained again."""
    from xgraph.training.fit.baseline import summarize_baselines

    folds = chosen_folds(config, given)
    if not resume:
        _check_folds(config, folds, given)
    path = Path(out) if resume and out is not None else make_run_directory(out, config)
    write_config(path, config)
    runs = []
    for fold in folds:
        folder = path / f"fold_{fold}"
        one = config.replace(fold=fold)
        started = (folder / CONFIG).is_file()
        if started and _is_finished(folder, config):
            runs.append(Run.open(folder))
            if any(getattr(runs[-1].config, name) != getattr(config, name) for name in PATHS):
                move(folder, one)
            continue
        if progress:
            sys.stderr.write(f"fold={fold}\n")
        try:
            with own_random_streams(config.seed, config.threads):
                runs.append(_train_one(one, folder, started, progress, device, given))
        except Interrupted:
            raise Interrupted(path) from None
        except Exception:
            discard(path)
            raise
    metrics = summarize_folds([run.metrics for run in runs])
    known = [run.metrics["details"] for run in runs if "details" in run.metrics]
    if len(known) == len(runs):
        metrics["details"] = {part: mean_details([one[part] for one in known]) for part in known[0]}
    if "pretrained" in runs[0].metrics:
        metrics["pretrained"] = runs[0].metrics["pretrained"]
    if config.baseline:
        metrics["baseline"] = summarize_baselines([run.metrics for run in runs])
    if config.choose:
        metrics["chosen"] = [run.metrics["chosen"] for run in runs]
    write_json(path / METRICS, metrics)
    return Run(path, metrics)


def _is_finished(folder: Path, config: TrainConfig) -> bool:
    """Whether nothing is left to do for a fold."""
    if not (folder / METRICS).is_file():
        return False
    run = Run.open(folder)
    wanted = [name for name, set_ in (("baseline", config.baseline), ("chosen", config.choose)) if set_]
    return run.config.epochs == config.epochs and all(name in run.metrics for name in wanted)


def _check_folds(config: TrainConfig, folds: list[int], given: Any) -> None:
    """Refuse folds of one's own table that cannot be trained on before the first one is trained."""
    if given is None and not Path(config.dataset).is_file():
        return
    from xgraph.training.fit.check import check_data

    for fold in folds:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they come again when the fold is trained
            source = load_data(config.replace(fold=fold), False, given)
            try:
                check_data(source)
            except ValueError as error:
                raise ValueError(f"fold {fold}: {error}") from None


def _callbacks(metric: str) -> "list[Callback]":
    from xgraph.training.fit.progress import EpochBar, EpochLines

    if sys.stderr.isatty():
        return [EpochBar(metric)]
    return [EpochLines(metric)]
