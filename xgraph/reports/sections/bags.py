"""The instances that decide about the bags with the highest scores and the worst errors."""

import base64
from typing import Any

import numpy as np
import numpy.typing as npt

from xgraph.reports.figures.places import heat_map
from xgraph.reports.measures.items import Items, read_again
from xgraph.reports.page.blocks import Block, Card, Cards, Figure, Section, Table, Text
from xgraph.reports.source import Source
from xgraph.training.files.saved_model import load_model, loss_link
from xgraph.training.prediction.new_bags import CONFORMERS

BAGS = 4
"""Number of bags with the highest scores, and of errors."""

INSTANCES = 5
"""Number of instances of a bag that are shown."""

MOST = 100_000
"""Number of instances up to which a bag is explained."""

MOST_BAGS, MOST_ITEMS = 1_000_000, 5_000_000
"""Number of bags, and of instances, up to which the data are read again."""


def section(source: Source) -> Section | None:
    """Return the deciding instances of some bags; None for other items."""
    items = Items.of(source, "bag", "deciding instances of bags")
    if items is None:
        return None
    state, data = read_again(items.own, MOST_BAGS, "bags")
    if data.data.num_instances > MOST_ITEMS:
        raise ValueError(f"the data have {data.data.num_instances:,} instances, more than {MOST_ITEMS:,}")
    labels, (top, wrong) = items.labels, items.choose()
    ends = [wrong[labels[wrong] == 0][: BAGS // 2], wrong[labels[wrong] == 1][: BAGS // 2]]
    ends = [wrong[:BAGS]] if source.predicts_numbers else ends
    chosen = list(dict.fromkeys([*top[:BAGS].tolist(), *np.concatenate(ends).tolist()]))
    positions = data.splits[items.part].tolist()
    model, blocks = load_model(state), []
    for number in chosen:
        bag = positions[number]
        title = f"Bag {data.data.bag_names[bag]}: {items.word} {items.values[number]:.3g}, {items.known(number)}"
        blocks += _of_bag(model, data.data, bag, items.task, loss_link(state), title)
    about = (
        f"The bags with the highest {items.word}s, then the worst errors. Of each, the instances without which the "
        f"{items.word} would fall most.{items.which}"
    )
    return Section("Deciding instances", [Text(about), *blocks], items.note)


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
    what = "prediction" if link == "identity" else "log-odds"
    lines = [
        [f"instance {int(rows[i])}", f"fall of the {what} {fall[i]:+.3g}"]
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
    columns = ["instance", f"{lines[0][1].rpartition(' ')[0]} without it", "weight and score"]
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
