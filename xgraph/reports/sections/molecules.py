"""The top-ranked molecules of the test part and the worst errors, and how far they are from the training molecules."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from xgraph.reports.figures.scores import against, distribution
from xgraph.reports.measures.names import PARTS
from xgraph.reports.page.blocks import Block, Card, Cards, Figure, LeftOut, Section, Table, Text
from xgraph.reports.predictions import Scores
from xgraph.reports.source import Source
from xgraph.training.files.checkpoint import HEADER, read_checkpoint
from xgraph.training.files.rundir import BEST

TOP = 12
"""Number of top-ranked molecules that are drawn, and of errors."""

COMPARED = 500
"""Number of molecules of the test part that are compared with the training part."""

MOST_ITEMS = 200_000
"""Size of the data set up to which it is read again for the comparison."""

STEPS = 32
"""Steps of integrated gradients, for a picture."""


def section(source: Source) -> Section | None:
    """Return the drawn molecules and the applicability domain; None for other items."""
    if source.is_encoder or source.kind != "graph":
        return None
    own = source.first
    part = "test" if "test" in own.parts else "valid"
    scores = own.scores(part)
    if scores is None or "smiles" not in own.predictions.header:
        source.left_out.append(LeftOut("drawn molecules", "the run has no predictions with SMILES"))
        return None
    task = _task(scores)
    labels, values = scores.labels[:, task], scores.scores[:, task]
    top, wrong = choose(labels, values)
    shown = list(dict.fromkeys([*top.tolist(), *wrong.tolist()]))
    read = list(dict.fromkeys([*shown, *_compared(len(values)).tolist()]))
    smiles = dict(zip(read, own.predictions.texts("smiles", scores.rows[read]), strict=True))
    pictures, about = _pictures(source, own, [smiles[i] for i in shown], own.tasks[task])
    near, domain = _domain(source, own, part, smiles, np.abs(labels - values), shown)
    cards = {
        i: _card(picture, smiles[i], labels[i], values[i], near.get(i))
        for i, picture in zip(shown, pictures, strict=True)
    }
    which = "" if len(own.tasks) == 1 else f" Task: {own.tasks[task]}, the one with most positives."
    blocks: list[Block] = [
        Cards([cards[i] for i in top.tolist()], f"The {len(top)} molecules with the highest scores.{which}"),
    ]
    if len(wrong):
        text = "The worst errors: negatives with the highest scores, and positives with the lowest."
        blocks.append(Cards([cards[i] for i in wrong.tolist()], text))
    blocks.append(Text(about))
    if near:
        rows = [[values[i], _known(labels[i]), smiles[i], *near[i]] for i in shown if i in near]
        columns = ["score", "label", "molecule", "similarity", "nearest training molecule"]
        blocks.append(Table(columns, rows, sortable=True, caption="Nearest training molecules", folded=True))
    fold = f", {own.path.name}" if own is not source else ""
    return Section("Molecules", [*blocks, *domain], f"{PARTS[part].capitalize()} part{fold}")


def choose(
    labels: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the positions of the highest scores, and of the worst errors, half of them negatives if possible.

    Ranks are compared, not differences, since scores after a ranking loss are no probabilities.
    """
    order = np.argsort(-scores, kind="stable")
    above = order[labels[order] == 0][: TOP // 2]
    below = order[labels[order] == 1][::-1][: TOP - len(above)]
    return order[:TOP], np.concatenate([above, below])


def _compared(count: int) -> npt.NDArray[np.int64]:
    """Return the positions of the molecules of a part that are compared with the training part."""
    return np.unique(np.linspace(0, count - 1, min(count, COMPARED)).round().astype(np.int64))


def _task(scores: Scores) -> int:
    """Return the number of the task with most positives."""
    return int(np.nansum(scores.labels == 1, axis=0).argmax())


def _pictures(source: Source, own: Source, smiles: Sequence[str], task: str) -> tuple[list[str], str]:
    """Draw molecules; without colours, and with the reason, if they cannot be explained."""
    from xgraph.explanations import draw, draw_molecule, explain
    from xgraph.explanations.drawing import legend

    coloured: dict[tuple[int, str], str] = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame = explain(own.path, list(smiles), task=task, steps=STEPS, device="cpu")
        coloured = draw(frame)
        method = f"Method: {frame.attrs['method']}. {frame.attrs['note']}".strip().rstrip(".")
        about = f"{legend(frame.attrs['unit'])} {method}."
    except Exception as error:  # of many types: a report comes without what it cannot have
        source.left_out.append(LeftOut("colours of atoms by their attributions", str(error) or type(error).__name__))
        about = "Atoms are not coloured by their attributions, which this run does not have."
    pictures = []
    for i, text in enumerate(smiles):
        picture = coloured.get((i, task), "")
        if not picture:
            try:
                picture = draw_molecule(text)
            except ValueError as error:
                source.left_out.append(LeftOut("the picture of a molecule", str(error)))
        pictures.append(picture)
    return pictures, about


def _known(label: float) -> str:
    return "no label" if np.isnan(label) else ("positive" if label == 1 else "negative")


def _card(picture: str, smiles: str, label: float, score: float, near: tuple[float, str] | None) -> Card:
    mark = "" if np.isnan(label) else ("good" if label == 1 else "bad")
    text = smiles if len(smiles) <= 80 else f"{smiles[:77]}..."
    similar = [] if near is None else [f"similarity to training: {near[0]:.2f}"]
    return Card(picture, [f"{score:.3g}, {_known(label)}", *similar, text], alt=smiles, mark=mark)


def _domain(
    source: Source,
    own: Source,
    part: str,
    smiles: Mapping[int, str],
    errors: npt.NDArray[np.float64],
    shown: Sequence[int],
) -> tuple[dict[int, tuple[float, str]], list[Block]]:
    """Return the nearest training molecule of those that are shown, and figures of the similarities of a part."""
    from xgraph.explanations.domain import nearest

    try:
        training = _training(own)
        found = nearest(list(smiles.values()), training)
    except Exception as error:  # of many types: a report comes without what it cannot have
        source.left_out.append(LeftOut("similarity to the training molecules", str(error) or type(error).__name__))
        return {}, []
    near = {
        i: (float(found.similarity[k]), training[found.place[k]])
        for k, i in enumerate(smiles)
        if i in shown and found.place[k] >= 0
    }
    rows = _compared(len(errors))
    similarity = dict(zip(smiles, found.similarity.tolist(), strict=True))
    own_part = np.array([similarity[i] for i in rows.tolist()])
    kept = np.isfinite(own_part)
    if not kept.any():
        return near, []
    some = f"{kept.sum():,} of the {len(errors):,} molecules of the part; " if kept.sum() < len(errors) else ""
    compared = f"{found.compared:,} of {len(training):,}" if found.compared < len(training) else f"{found.compared:,}"
    about = f"{some}compared with {compared} training molecules by Tanimoto similarity of Morgan fingerprints."
    blocks: list[Block] = [
        Figure(
            distribution({PARTS[part]: own_part[kept]}, x="similarity to the nearest training molecule"),
            f"Applicability domain: {about}",
        )
    ]
    scored = kept & np.isfinite(errors[rows])
    if scored.sum() > 1:
        points = binned(own_part[scored], errors[rows][scored])
        blocks.append(
            Figure(
                against(*points, ("similarity to the nearest training molecule", "mean error of the score")),
                "Mean difference between score and label, in bins of equal size. Scores of a ranking loss are no "
                "probabilities, so that only the slope counts.",
            )
        )
    return near, blocks


def binned(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], bins: int = 10
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the means of x and y in bins with about as many items each, in order of x."""
    groups = np.array_split(np.argsort(x, kind="stable"), min(bins, len(x)))
    return np.array([x[rows].mean() for rows in groups]), np.array([y[rows].mean() for rows in groups])


def _training(own: Source) -> list[str]:
    """Return the SMILES of the training molecules."""
    from xgraph.training.prediction.own_data import own_source

    path = own.path / BEST
    state: dict[str, Any] = read_checkpoint(path)
    count = state[HEADER]["num_items"]
    if count > MOST_ITEMS:
        raise ValueError(f"the data set has {count:,} molecules, and at most {MOST_ITEMS:,} are read again")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they were given in training
        data = own_source(state, path, False)
    return [data.data.smiles[i] for i in data.splits["train"].tolist()]
