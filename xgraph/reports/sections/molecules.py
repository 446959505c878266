"""The top-ranked molecules of the test part and the worst errors, and how far they are from the training molecules."""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np

from xgraph.reports.figures.scores import against, distribution
from xgraph.reports.measures.items import Items, binned, evenly, read_again
from xgraph.reports.measures.names import PARTS
from xgraph.reports.page.blocks import Block, Card, Cards, Figure, LeftOut, Section, Table, Text
from xgraph.reports.source import Source

COMPARED = 500
"""Number of molecules of the test part that are compared with the training part."""

MOST_ITEMS = 200_000
"""Size of the data set up to which it is read again for the comparison."""

STEPS = 32
"""Steps of integrated gradients, for a picture."""


def section(source: Source) -> Section | None:
    """Return the drawn molecules and the applicability domain; None for other items."""
    items = Items.of(source, "graph", "drawn molecules")
    if items is None:
        return None
    own, values = items.own, items.values
    if "smiles" not in own.predictions.header:
        source.left_out.append(LeftOut("drawn molecules", "the predictions of the run have no SMILES"))
        return None
    top, wrong = items.choose()
    shown = list(dict.fromkeys([*top.tolist(), *wrong.tolist()]))
    read = list(dict.fromkeys([*shown, *evenly(len(values), COMPARED).tolist()]))
    smiles = dict(zip(read, own.predictions.texts("smiles", items.scores.rows[read]), strict=True))
    pictures, about = _pictures(source, own, [smiles[i] for i in shown], own.tasks[items.task])
    near, domain = _domain(items, smiles, shown)
    cards = {i: _card(items, i, picture, smiles[i], near.get(i)) for i, picture in zip(shown, pictures, strict=True)}
    blocks: list[Block] = [
        Cards(
            [cards[i] for i in top.tolist()], f"The {len(top)} molecules with the highest {items.word}s.{items.which}"
        ),
    ]
    if len(wrong):
        text = "The worst errors: negatives with the highest scores, and positives with the lowest."
        text = "The largest errors." if source.predicts_numbers else text
        blocks.append(Cards([cards[i] for i in wrong.tolist()], text))
    blocks.append(Text(about))
    if near:
        rows = [[values[i], items.known(i), smiles[i], *near[i]] for i in shown if i in near]
        columns = [items.word, "label", "molecule", "similarity", "nearest training molecule"]
        blocks.append(Table(columns, rows, sortable=True, caption="Nearest training molecules", folded=True))
    return Section("Molecules", [*blocks, *domain], items.note)


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


def _card(items: Items, position: int, picture: str, smiles: str, near: tuple[float, str] | None) -> Card:
    label = items.labels[position]
    mark = "" if np.isnan(label) or items.source.predicts_numbers else ("good" if label == 1 else "bad")
    text = smiles if len(smiles) <= 80 else f"{smiles[:77]}..."
    similar = [] if near is None else [f"similarity to training: {near[0]:.2f}"]
    about = f"{items.values[position]:.3g}, {items.known(position)}"
    return Card(picture, [about, *similar, text], alt=smiles, mark=mark)


def _domain(
    items: Items, smiles: Mapping[int, str], shown: Sequence[int]
) -> tuple[dict[int, tuple[float, str]], list[Block]]:
    """Return the nearest training molecule of those that are shown, and figures of the similarities of a part."""
    from xgraph.explanations.domain import nearest

    try:
        training = _training(items.own)
        found = nearest(list(smiles.values()), training)
    except Exception as error:  # of many types: a report comes without what it cannot have
        items.source.left_out.append(
            LeftOut("similarity to the training molecules", str(error) or type(error).__name__)
        )
        return {}, []
    near = {
        i: (float(found.similarity[k]), training[found.place[k]])
        for k, i in enumerate(smiles)
        if i in shown and found.place[k] >= 0
    }
    errors = np.abs(items.labels - items.values)
    rows = evenly(len(errors), COMPARED)
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
            distribution({PARTS[items.part]: own_part[kept]}, x="similarity to the nearest training molecule"),
            f"Applicability domain: {about}",
        )
    ]
    scored = kept & np.isfinite(errors[rows])
    if scored.sum() > 1:
        points = binned(own_part[scored], errors[rows][scored])
        text = (
            "Mean difference between score and label, in bins of equal size. Scores of a ranking loss are no "
            "probabilities, so that only the slope counts."
        )
        text = "Mean absolute error, in bins of equal size." if items.source.predicts_numbers else text
        blocks.append(
            Figure(
                against(*points, ("similarity to the nearest training molecule", f"mean error of the {items.word}")),
                text,
            )
        )
    return near, blocks


def _training(own: Source) -> list[str]:
    """Return the SMILES of the training molecules."""
    _, data = read_again(own, MOST_ITEMS, "molecules")
    return [data.data.smiles[i] for i in data.splits["train"].tolist()]
