"""The instances that decide about the bags with the highest scores and the worst errors."""

import base64
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from xgraph.reports.figures.places import heat_map
from xgraph.reports.measures.names import PARTS
from xgraph.reports.page.blocks import Block, Card, Cards, Figure, LeftOut, Section, Table, Text
from xgraph.reports.sections.molecules import choose
from xgraph.reports.source import Source
from xgraph.training.files.checkpoint import read_checkpoint
from xgraph.training.files.rundir import BEST
from xgraph.training.files.saved_model import load_model, loss_link
from xgraph.training.prediction.new_bags import CONFORMERS

BAGS = 4
"""Number of bags with the highest scores, and of errors."""

INSTANCES = 5
"""Number of instances of a bag that are shown."""

MOST = 100_000
"""Number of instances up to which a bag is explained."""

MOST_ITEMS = 5_000_000
"""Number of instances up to which the data are read again."""


def section(source: Source) -> Section | None:
    """Return the deciding instances of some bags; None for other items."""
    if source.is_encoder or source.kind != "bag":
        return None
    own = source.first
    part = "test" if "test" in own.parts else "valid"
    scores = own.scores(part)
    if scores is None:
        source.left_out.append(LeftOut("deciding instances of bags", "the run has no predictions"))
        return None
    from xgraph.training.prediction.own_data import own_source

    state = read_checkpoint(own.path / BEST)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they were given in training
        data = own_source(state, own.path / BEST, False)
    if data.data.num_instances > MOST_ITEMS:
        raise ValueError(f"the data have {data.data.num_instances:,} instances, more than {MOST_ITEMS:,}")
    task = int(np.nansum(scores.labels == 1, axis=0).argmax())
    labels, values = scores.labels[:, task], scores.scores[:, task]
    top, wrong = choose(labels, values)
    ends = [wrong[labels[wrong] == 0][: BAGS // 2], wrong[labels[wrong] == 1][: BAGS // 2]]
    chosen = list(dict.fromkeys([*top[:BAGS].tolist(), *np.concatenate(ends).tolist()]))
    positions = data.splits[part].tolist()
    model, blocks = load_model(state), []
    for number in chosen:
        known = "no label" if np.isnan(labels[number]) else ("positive" if labels[number] == 1 else "negative")
        bag = positions[number]
        title = f"Bag {data.data.bag_names[bag]}: score {values[number]:.3g}, {known}"
        blocks += _of_bag(model, data.data, bag, task, loss_link(state), title)
    which = "" if len(own.tasks) == 1 else f" Task: {own.tasks[task]}, the one with most positives."
    about = (
        "The bags with the highest scores, then the worst errors. Of each, the instances without which the score would "
        f"fall most.{which}"
    )
    fold = f", {own.path.name}" if own is not source else ""
    return Section("Deciding instances", [Text(about), *blocks], f"{PARTS[part].capitalize()} part{fold}")


def _of_bag(model: Any, data: Any, bag: int, task: int, link: str, title: str) -> list[Block]:
    """Return the instances of a bag that count most."""
    from xgraph.explanations.bags import of_bag
    from xgraph.explanations.methods import network_of

    size = int(data.sizes[bag])
    if size > MOST:
        raise ValueError(f"a bag has {size:,} instances, more than {MOST:,}")
    _, weights, scores, _, falls = of_bag(model, network_of(model), data, bag, link, "cpu")
    fall = falls[:, task] if size > 1 else np.zeros(1)
    batch = data.batch([bag])
    rows = batch.instance if data.instance_row is None else data.instance_row[batch.instance]
    order = np.argsort(-fall, kind="stable")[:INSTANCES].tolist()
    lines = [
        [f"instance {int(rows[i])}", f"fall of the log-odds {fall[i]:+.3g}"]
        + ([f"weight {weights[i, task]:.2f}, score {scores[i, task]:.2g}"] if np.isfinite(weights[i, task]) else [])
        for i in order
    ]
    shape = data.instance_shape
    if len(shape) == 3 and shape[0] in (1, 3):
        cards = [
            Card(lines=line, image=_png(batch.x[i].numpy()), alt=line[0]) for i, line in zip(order, lines, strict=True)
        ]
        return [Cards(cards, title)]
    if str(data.featurizer).startswith(CONFORMERS):
        return [Cards(_conformers(data, bag, order, lines), title)]
    blocks: list[Block] = [_table(title, lines)]
    coordinates = coordinates_of(data, bag)
    if coordinates is not None:
        blocks.append(Figure(heat_map(coordinates, fall), f"{title}. Where the deciding instances are."))
    return blocks


def _conformers(data: Any, bag: int, order: list[int], lines: list[list[str]]) -> list[Card]:
    """Return conformers of a molecule, drawn as they were generated for training."""
    from xgraph.data.bags.conformers import conformers_of
    from xgraph.data.molecules.drawing import draw_conformer

    smiles = data.bag_names[bag]
    molecule, ids = conformers_of(smiles, data.featurizer)
    cards = []
    for i, line in zip(order, lines, strict=True):
        picture = draw_conformer(molecule, ids[i]) if len(ids) == int(data.sizes[bag]) else ""
        cards.append(Card(picture, [f"conformer {i}", *line[1:]], alt=f"conformer {i} of {smiles}"))
    return cards


def _table(title: str, lines: list[list[str]]) -> Table:
    columns = ["instance", "fall of the log-odds without it", "weight and score"]
    rows = [
        [one[0].removeprefix("instance "), one[1].rpartition(" ")[2], one[2] if len(one) > 2 else ""] for one in lines
    ]
    return Table(columns, rows, caption=title)


def coordinates_of(data: Any, bag: int) -> npt.NDArray[np.float64] | None:
    """Return the places of a bag's instances in its slide, ``[n, 2]``; None if there are none."""
    found = getattr(data.store, "coords", None)  # of bags in a folder
    places = None if found is None else found(bag)
    return None if places is None else np.asarray(places, dtype=np.float64)[:, :2]


def _png(image: npt.NDArray[Any]) -> str:
    """Return an image ``[channels, height, width]`` as a data URI, from its lowest to its highest value."""
    import io

    from PIL import Image

    low, high = float(image.min()), float(image.max())
    scaled = (255 * (image - low) / max(high - low, 1e-12)).astype(np.uint8)
    pixels = scaled[0] if len(scaled) == 1 else scaled.transpose(1, 2, 0)
    picture = Image.fromarray(pixels)
    factor = max(96 // max(picture.size), 1)
    picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
