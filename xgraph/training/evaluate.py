"""`xgraph.evaluate`: metrics of a finished run on one of its splits, computed anew from its best checkpoint."""

from pathlib import Path

from xgraph.options import OptionError
from xgraph.training.checkpoint import HEADER, check_same_data, load_model, read_checkpoint
from xgraph.training.config import registry
from xgraph.training.folds import summarize_folds
from xgraph.training.inference import choose_device
from xgraph.training.metrics import partial_metrics
from xgraph.training.rundir import BEST, Run, fold_folders
from xgraph.training.scoring import score_split
from xgraph.training.train import load_data


def evaluate(
    run: str | Path,
    split: str = "test",
    *,
    max_fpr: float | None = None,
    min_tpr: float | None = None,
    device: str = "auto",
    progress: bool = False,
) -> dict[str, float]:
    """Score a run's best epoch on a split of its data set.

    Args:
        run: A run directory. For a run over all folds, the mean over them is given.
        split: "train", "valid" or "test".
        max_fpr: Give the partial areas under the ROC curve at this highest false positive rate too.
        min_tpr: And the two-way one at this lowest true positive rate.
        device: "auto", "cpu" or "cuda".
        progress: Show progress on stderr, if that is a terminal.

    Returns:
        Metrics by name, those of `xgraph.training.metrics.METRICS` and what was asked for besides; NaN where the
        split has one class only.

    Raises:
        FileNotFoundError: If there is no such run.
        ValueError: If there is no such split, a rate is out of range, or the data set is not what it was.

    Example:
        >>> import tempfile, xgraph
        >>> short = dict(epochs=1, pretrain_epochs=0, hidden_channels=4, num_layers=1)
        >>> run = xgraph.train("nci-pains", out=tempfile.mkdtemp(), **short)
        >>> evaluate(run.path) == run.metrics["test"]
        True
        >>> "pauc_area_fpr0.1" in evaluate(run.path, max_fpr=0.1)
        True
    """
    limits = {"max_fpr": max_fpr, "min_tpr": min_tpr}
    try:
        further = {} if set(limits.values()) == {None} else partial_metrics(**limits)
    except ValueError as error:
        raise OptionError(str(error)) from None
    path = Path(run)
    folders = fold_folders(path)
    if folders:
        parts = [{"test": evaluate(folder, split, **limits, device=device, progress=progress)} for folder in folders]
        mean: dict[str, float] = summarize_folds(parts)["test"]["mean"]
        return mean
    where = choose_device(device)
    config = Run.open(path).config
    state = read_checkpoint(path / BEST)
    source = load_data(config, progress)
    if split not in source.splits:
        raise OptionError(f"split: {source.name!r} has {', '.join(source.splits)}, got {split!r}")
    check_same_data(state[HEADER], source, path)
    positions = source.splits[split]
    logits = source.score(load_model(state), positions, device=where)
    return score_split(
        source.name,
        source.targets(positions).numpy(),
        logits,
        further,
        several_classes=source.several_classes,
        link=registry("loss")[config.loss].link,  # type: ignore[attr-defined]
    )
