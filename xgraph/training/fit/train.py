"""`xgraph.train`: train one run, or one per fold and seed, from settings to a finished run directory."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xgraph.distributed import rank
from xgraph.distributed.processes import from_first, joined
from xgraph.options import OptionError
from xgraph.signals import handled
from xgraph.training.config.build import read_config
from xgraph.training.config.traits import RECOGNISED
from xgraph.training.files.rundir import Run, check_free
from xgraph.training.fit.launch.guard import Interrupted as Interrupted
from xgraph.training.fit.launch.members import train_any
from xgraph.training.fit.launch.processes import check_same, processes_to_start, start
from xgraph.training.fit.launch.resume import build, settings_to_resume
from xgraph.training.loggers.logbook import also_logged_by, split_loggers
from xgraph.training.loggers.names import check_installed
from xgraph.training.scoring.inference import choose_device


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
            that name, it is given to the model; prefix it to give it to the loss (``loss_gamma``). ``logger`` also
            takes loggers of Lightning that you have made, which are not kept for resuming.

    Returns:
        The finished run, with its path and metrics. With several folds (``fold="all"``), each fold is a run in its own
        directory, and the metrics hold the mean and standard deviation over the folds. With several seeds
        (``seeds=5``), the same holds for the seeds, and ``metrics["ensemble"]`` has the metrics of their mean scores.

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
    given, asked = None, dict(settings)
    base = None if config is None else read_config(config)
    if isinstance(dataset, str | Path):
        settings["dataset"] = str(dataset)
    elif dataset is not None:
        from xgraph.data.objects import settings_of

        of_file = {name: value for name, value in (base or {}).items() if name not in RECOGNISED}
        given, known = dataset, settings_of(dataset, {**of_file, **settings})
        settings = {**known, **settings, "dataset": known["dataset"]}
    settings = {name: str(value) if isinstance(value, Path) else value for name, value in settings.items()}
    settings, objects = split_loggers(settings)
    if isinstance(settings.get("checkpoint_every"), int):
        settings["checkpoint_every"] = str(settings["checkpoint_every"])
    chosen = build(settings, base, config)
    if resume:
        chosen, out = settings_to_resume(settings, chosen if config is not None else None, out)
    check_installed(chosen.logger)
    device = choose_device(chosen.device)
    count = processes_to_start(chosen, device)
    several = chosen.fold == "all" or isinstance(chosen.fold, list) or chosen.seeds > 1
    if objects and (several or count > 1):
        raise OptionError("logger: an object logs a single run in this process; give loggers of several by name")
    if count > 1:
        again = {"dataset": dataset, "config": config, "out": out, "resume": resume, "progress": progress}
        return Run.open(start(count, _train_there, {**again, **asked}))
    with handled(), joined(device), _quiet_but_first(), also_logged_by(objects):
        check_same(chosen)
        progress = progress and rank() == 0
        if out is not None and not resume:
            from_first(lambda: check_free(out))  # fail before the data are read, which may take long
        return train_any(chosen, out, resume, progress, device, given)


def _train_there(**options: Any) -> Path:
    """Train as one of several processes and return the place of the run."""
    return train(**options).path


@contextmanager
def _quiet_but_first() -> Iterator[None]:
    """Show the warnings of the first process only, since all have the same."""
    with warnings.catch_warnings():
        if rank() > 0:
            warnings.simplefilter("ignore")
        yield
