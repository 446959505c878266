"""`xgraph.predict`: scores of one run, or of several as an ensemble, for new molecules or bags, or a graph's nodes."""

import gzip
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xgraph.options import OptionError
from xgraph.training.files.checkpoint import HEADER, check_feature_names, read_checkpoint
from xgraph.training.files.rundir import BEST, CONFIG, fold_folders
from xgraph.training.files.saved_model import check_scores, load_model
from xgraph.training.files.writing import write_atomically
from xgraph.training.fit.bars import data_progress
from xgraph.training.prediction.ensemble import Ensemble, check_finished, check_members
from xgraph.training.scoring.inference import choose_device, probability, score

if TYPE_CHECKING:
    import pandas as pd


def predict(
    run: str | Path | Sequence[str | Path],
    items: Sequence[Any] | str | Path | None = None,
    *,
    combine: str = "mean",
    smiles_column: str | None = None,
    bag_column: str | None = None,
    instances_out: str | Path | None = None,
    device: str = "auto",
    progress: bool = False,
) -> "pd.DataFrame":
    """Score molecules, nodes or bags with a trained run, or with several as an ensemble.

    Args:
        run: A run directory, or several of them, an ensemble. A run over all folds is the ensemble of its folds.
        items: Of a run on molecules, SMILES strings (None or NaN is a missing one); of a run on the nodes of a graph,
            node numbers, or None for all nodes; or the path of a CSV file with a column of them (of nodes: `node`). Of
            a run on bags, the path of a CSV file of bags, a row an instance, with the columns that the run was trained
            on; names of bags of the run's own data, or None for all. Of a run on conformers, SMILES again.
        combine: How the members of an ensemble become one score: the "mean" of their scores, or of the "rank" that
            each gives a row among those that are scored, from 0 for the lowest to 1 for the highest; it depends on
            which rows these are. Not for classes that exclude each other.
        smiles_column: Column of SMILES; found by itself if not given.
        bag_column: Column that names the bag of each row; found by itself if not given.
        instances_out: CSV file to write, of a run on bags: a row an instance, with its `bag`, its `row` in the file or
            source, its `weight` in the bag (they sum to one) and its own `score`, as if it were alone in a bag; of
            several tasks these have the task's name in front.
        device: "auto", "cpu" or "cuda".
        progress: Show progress on stderr, if that is a terminal.

    Returns:
        One row per input in its order. Of molecules: `smiles` as given, for each task a score between 0 and 1 (the
        sigmoid of the model's logit; for ranking losses such as SOAP it orders molecules and is no probability),
        and `error`, empty unless the row could not be read; its scores are missing then. Of nodes: `node`, for
        classes that exclude each other the `predicted` one, and a score for each task or class (after `ce` the
        softmax); all of them missing where a row of the file holds no node number. Of bags, in the order in which they
        first appear: `bag`, a score for each task, and of new bags `error`, empty unless a feature of the bag is no
        finite number, or none of its molecules can be read. Of several members, the scores are followed by a column
        `<task>_std` each, the sample standard deviation over the members.

    Raises:
        FileNotFoundError: If there is no such run or file, or a member of an ensemble has not finished.
        TypeError: If something in `items` is neither a string nor missing, or is no node number.
        ValueError: If runs do not have the same tasks or are on the nodes of several graphs, a checkpoint or the file
            is not readable or lacks a column, or a node or bag is not in the data.

    Example:
        >>> import tempfile, xgraph
        >>> short = dict(epochs=1, pretrain_epochs=0, hidden_channels=4, num_layers=1)
        >>> run = xgraph.train("nci-pains", out=tempfile.mkdtemp(), **short)
        >>> frame = predict(run.path, ["CCO", "c1ccccc1O", "C1CC"])
        >>> list(frame.columns), frame["pains"].notna().tolist()
        (['smiles', 'pains', 'error'], [True, True, False])
    """
    where = choose_device(device)
    ensemble = Ensemble(combine)
    paths = checkpoints(run)
    states = [read_checkpoint(path) for path in paths]
    for state, path in zip(states, paths, strict=True):
        check_scores(state, path)
    check_members(states, paths)
    tasks: list[str] = states[0][HEADER]["task_names"]
    kind = states[0][HEADER]["kind"]
    if kind == "bag":
        from xgraph.training.prediction.bags import predict_bags

        columns = {"bag_column": bag_column, "smiles_column": smiles_column}
        frames = predict_bags(states, paths, tasks, items, where, ensemble, **columns, progress=progress)
        if instances_out is not None:
            write_predictions(frames.instances, instances_out)
        return frames.bags
    for name, value in (("bag_column", bag_column), ("instances_out", instances_out)):
        if value is not None:
            raise OptionError(f"{name} = {str(value)!r}: it is for runs on bags")
    if kind == "node":
        from xgraph.training.prediction.nodes import predict_nodes

        if smiles_column is not None:
            raise OptionError(f"smiles_column = {smiles_column!r}: it is for molecules, and the run is on nodes")
        return predict_nodes(states, paths, tasks, items, where, combine, progress)
    if items is None:
        raise ValueError("items: a run on molecules needs SMILES, or a CSV file with a column of them")
    return _predict_molecules(states, tasks, items, smiles_column, where, ensemble, progress)


def run_kind(run: str | Path) -> str:
    """What a run was trained on: "graph" (molecules), "node" or "bag"."""
    return str(read_checkpoint(checkpoints(run)[0])[HEADER]["kind"])


def _predict_molecules(
    states: list[dict[str, Any]],
    tasks: list[str],
    smiles: Sequence[Any] | str | Path,
    smiles_column: str | None,
    where: str,
    ensemble: Ensemble,
    progress: bool,
) -> "pd.DataFrame":
    import pandas as pd

    from xgraph.data.molecules.table import read_smiles

    if isinstance(smiles, str | Path):
        given = texts = read_smiles(_existing(smiles), smiles_column)
    else:
        if not isinstance(smiles, Iterable):
            raise TypeError(f"smiles: expected a list of strings or the path of a CSV file, got {smiles!r}")
        given = list(smiles)
        texts = ["" if _missing(text) else text for text in given]
        wrong = [text for text in texts if not isinstance(text, str)]
        if wrong:
            raise TypeError(f"smiles: expected strings, got {wrong[0]!r}")
    scores = np.zeros((len(states), len(texts), len(tasks)))
    errors = ["" if text.strip() else "empty: no SMILES in this row" for text in texts]
    for standardize in sorted({bool(state[HEADER]["standardize"]) for state in states}):
        group = [m for m, state in enumerate(states) if state[HEADER]["standardize"] == standardize]
        own = [states[m] for m in group], [scores[m] for m in group]
        _score_rows(texts, *own, standardize, where, progress, errors)
    readable = np.array([not error for error in errors], dtype=bool)
    for one in scores:
        ensemble.add(one[readable])
    frame = pd.DataFrame({"smiles": given})
    taken = ("smiles", "error")
    names = [f"{name}_score" if name in taken else name for name in tasks]
    for name, values in ensemble.columns(names, taken).items():
        frame[name] = np.nan
        frame.loc[readable, name] = values
    frame["error"] = errors
    return frame


def write_predictions(frame: "pd.DataFrame", path: str | Path) -> None:
    """Write what `predict` gave as CSV; the file is there completely or not at all."""
    content = frame.to_csv(index=False, lineterminator="\n").encode()
    if Path(path).suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    write_atomically(Path(path), lambda file: file.write(content))


def _score_rows(
    texts: list[str],
    states: list[dict[str, Any]],
    scores: "list[np.ndarray[Any, np.dtype[np.float64]]]",
    standardize: bool,
    device: str,
    progress: bool,
    errors: list[str],
) -> None:
    """Write the scores of runs that read molecules in the same way to `scores`, and complain in `errors`."""
    from xgraph.data import MoleculeDataset

    given = [i for i, text in enumerate(texts) if text.strip()]
    if not given:
        return
    kinds = [_features_of(state) for state in states]
    with data_progress(progress) as report:
        data = MoleculeDataset.from_smiles([texts[i] for i in given], standardize=standardize, progress=report)
        for error in data.errors:
            errors[given[error.row]] = error.message
        rows = np.array(given)[data.row.numpy()]
        if not len(rows):
            return
        every = data.with_features(list(dict.fromkeys(chain(*kinds))), keep=False, progress=report)
        for state, own, found in zip(states, kinds, scores, strict=True):
            data = every.with_features(own)
            if state[HEADER]["featurizer"] != data.featurizer:
                raise ValueError(
                    f"run: trained on features {state[HEADER]['featurizer']!r} by xgraph "
                    f"{state[HEADER]['version']}, but this version makes {data.featurizer!r}; train again"
                )
            logits = score(load_model(state), data, device=device, progress=report)
            found[rows] = probability(logits)


def _features_of(state: dict[str, Any]) -> list[str]:
    """The kinds of features that a run takes beside the graph, which can be made here as they were."""
    kinds: list[str] = state[HEADER]["config"].get("features") or []
    names: list[str] = []
    if kinds:
        from xgraph.data import descriptor_names

        try:
            names = descriptor_names(kinds)
        except (TypeError, ValueError) as error:
            raise ValueError(f"run: trained by xgraph {state[HEADER]['version']} on others: {error}") from None
    check_feature_names(state[HEADER], names, f"a run on {state[HEADER]['dataset']!r}")
    return kinds


def checkpoints(run: str | Path | Sequence[str | Path]) -> list[Path]:
    """The best checkpoints of runs, of all folds where a run has them."""
    found = []
    runs = [run] if isinstance(run, str | Path) else list(run)
    for path in map(Path, runs):
        if path.is_file():
            found.append(path)
            continue
        folders = fold_folders(path) or [path]
        for folder in folders:
            if not (folder / BEST).is_file():
                what = "has no best epoch yet" if (folder / CONFIG).is_file() else "is not a run directory"
                raise FileNotFoundError(f"run: {folder} {what} (no {BEST})")
            found.append(folder / BEST)
    if not found:
        raise ValueError("run: expected at least one run directory, got none")
    check_finished(runs)
    return found


def _missing(value: object) -> bool:
    """Whether it is None, NaN or pandas' NA, as columns of tables have them."""
    import pandas as pd

    return not isinstance(value, str) and pd.api.types.is_scalar(value) and bool(pd.isna(value))


def _existing(path: str | Path) -> Path:
    if not Path(path).is_file():
        raise FileNotFoundError(f"smiles: no file {str(path)!r}; to score SMILES themselves, pass a list of them")
    return Path(path)
