"""Draws which instances of the first positive test bags had the largest weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

import xgraph
from benchmarks._report import RESULTS
from xgraph.training.files.checkpoint import read_checkpoint
from xgraph.training.files.rundir import BEST
from xgraph.training.files.saved_model import load_model
from xgraph.training.prediction.own_data import own_source
from xgraph.training.scoring.bag_scores import explain_bags

SHOWN = 6
WIDEST = 14
"""Images drawn per bag."""
RUNS: dict[str, dict[str, Any]] = {
    "digits": {"dataset": "digits-bags", "epochs": 30},
    "conformers": {"dataset": "chembl-conformers", "target_columns": ["CHEMBL2468"], "epochs": 40},
}
COMMON = {"model": "attention", "loss": "auc-margin", "instances": 4, "pretrain_epochs": 0, "threads": 1}
ELEMENTS = {6: "0.35", 7: "tab:blue", 8: "tab:red", 9: "tab:green", 16: "goldenrod", 17: "tab:green", 35: "brown"}


class Bag(NamedTuple):
    """A bag in a picture, its instances sorted by falling weight."""

    name: str
    logit: float
    rows: NDArray[np.int64]
    """Rows of the instances in the store."""
    weights: NDArray[np.float64]
    """Weights of the instances; they sum to one."""
    place: NDArray[np.int64]
    """Positions of the instances in the bag, from 0."""


def draw(runs: list[Path], root: Path) -> None:
    """Draw each run as ``instances.svg`` beside its checkpoint; without runs, the two pictures of the results."""
    for run in runs:
        print(picture(run, run / "instances.svg"))
    if not runs:
        for name, settings in RUNS.items():
            run = root / name
            if not (run / BEST).exists():
                xgraph.train(**settings, **COMMON, out=run)
            print(picture(run, RESULTS / f"mil_{name}.svg"))


def picture(run: Path, path: Path) -> Path:
    """Draw the first positive bags of a run's test part: images, conformers, or bars of the weights."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": run.name, "font.size": 8}
    from matplotlib import pyplot as plt

    state = read_checkpoint(run / BEST)
    data: Any = own_source(state, run / BEST, progress=False).data
    chosen = first_positives(load_model(state), data)
    if len(data.instance_shape) == 3:
        figure = images(data, chosen)
    else:
        figure = conformers(data, chosen) if data.featurizer.startswith("conformers") else bars(chosen)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path


def first_positives(model: Any, data: Any) -> list[Bag]:
    """Return the first positive test bags with the weights of their instances for the first task."""
    test = torch.as_tensor(data.splits["test"])
    bags = test[data.y[test, 0] == 1][:SHOWN]
    explained = explain_bags(model, data, bags)
    shown = []
    for place, bag in enumerate(bags.tolist()):
        own = np.flatnonzero(explained.bag == place)
        order = np.argsort(-explained.weights[own, 0], kind="stable")
        weights, rows = explained.weights[own, 0][order], explained.instance[own][order]
        shown.append(Bag(data.bag_names[bag], float(explained.logits[place, 0]), rows, weights, order))
    return shown


def images(data: Any, bags: list[Bag]) -> Any:
    """Draw rows of images by falling weight; images labelled positive have a frame."""
    from matplotlib import pyplot as plt

    across = min(max(len(bag.rows) for bag in bags), WIDEST)
    size = (0.62 * across + 0.9, 0.86 * len(bags) + 0.4)
    figure, axes = plt.subplots(len(bags), across, figsize=size, squeeze=False, layout="constrained")
    labels = data.instance_y
    for line, bag in zip(axes, bags, strict=True):
        for axis in line:
            axis.set_axis_off()
        for axis, row, weight in zip(line, bag.rows, bag.weights, strict=False):
            image = data.store.take(torch.tensor([row])).x[0].mean(0)
            axis.imshow(image.numpy(), cmap="gray_r", interpolation="nearest")
            positive = labels is not None and bool(labels[row, 0] == 1)
            axis.set_axis_on()
            axis.set(xticks=[], yticks=[])
            axis.set_xlabel(f"{weight:.2f}", labelpad=2, color="tab:red" if positive else "black")
            for spine in axis.spines.values():
                spine.set(visible=positive, color="tab:red", linewidth=2)
        left = len(bag.rows) - across
        more = f"\n{left} more, {bag.weights[across:].sum():.2f}" if left > 0 else ""
        line[0].set_ylabel(f"bag {bag.name}{more}", rotation=0, ha="right", va="center")
    figure.suptitle("Positive test bags: images by weight; a red frame marks the ones that make a bag positive")
    return figure


def bars(bags: list[Bag]) -> Any:
    """Draw the weights of each bag as bars, for instances that have no picture."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(len(bags), figsize=(6, 1.1 * len(bags) + 0.4), squeeze=False, layout="constrained")
    for axis, bag in zip(axes[:, 0], bags, strict=True):
        weight_bars(axis, bag)
        axis.set_title(f"bag {bag.name}, logit {bag.logit:.2f}", fontsize=8, loc="left")
    axes[-1, 0].set_xlabel("instance of the bag")
    return figure


def weight_bars(axis: Any, bag: Bag) -> None:
    """Draw a bar for each instance in the order of the bag, and a line at equal weights."""
    axis.bar(bag.place, bag.weights, color="tab:blue")
    axis.axhline(1 / len(bag.weights), color="black", linewidth=0.8, linestyle=":")
    axis.set(ylabel="weight", xlim=(-0.6, len(bag.weights) - 0.4), ylim=(0, None))
    if len(bag.weights) <= 20:
        axis.set_xticks(range(len(bag.weights)))
    axis.spines[["top", "right"]].set_visible(False)


def conformers(data: Any, bags: list[Bag]) -> Any:
    """Draw each molecule's formula, its conformers' weights, and the shapes with the largest and smallest weight."""
    from matplotlib import pyplot as plt

    size = (9.2, 1.75 * len(bags) + 0.3)
    ratios = {"width_ratios": [1.5, 1.6, 1.2, 1.2]}
    figure, axes = plt.subplots(len(bags), 4, figsize=size, squeeze=False, layout="constrained", gridspec_kw=ratios)
    for line, bag in zip(axes, bags, strict=True):
        molecule = shapes(bag.name, int(data.featurizer.split("+")[-2]), int(data.featurizer.split("+")[-1]))
        line[0].imshow(formula(bag.name))
        line[0].set_axis_off()
        weight_bars(line[1], bag)
        for axis, which in ((line[2], 0), (line[3], -1)):
            shape(axis, molecule, int(bag.place[which]))
            axis.set_title(f"conformer {bag.place[which]}: {bag.weights[which]:.2f}", fontsize=8)
    for axis, title in zip(axes[0], ("molecule", "weights", "largest weight", "smallest weight"), strict=True):
        axis.set_title(title + (f"\n{axis.get_title()}" if axis.get_title() else ""), fontsize=8)
    axes[-1, 1].set_xlabel("conformer")
    figure.suptitle(f"{data.task_names[0]}, the first active molecules of the test part")
    return figure


def shapes(smiles: str, number: int, seed: int) -> Any:
    """Return a molecule with the conformers of the data set, without hydrogens."""
    from rdkit import Chem

    from xgraph.data.bags.conformers import _embed, _Options
    from xgraph.data.molecules.molecule import parse

    molecule = Chem.AddHs(parse(smiles))
    _embed(molecule, smiles, _Options(number, seed, False, (), None))
    return Chem.RemoveHs(molecule)


def formula(smiles: str) -> NDArray[np.uint8]:
    """Return the structural formula as an image."""
    from io import BytesIO

    from matplotlib import image
    from rdkit import Chem
    from rdkit.Chem.Draw import rdMolDraw2D

    drawer = rdMolDraw2D.MolDraw2DCairo(360, 260)
    drawer.DrawMolecule(Chem.MolFromSmiles(smiles))
    drawer.FinishDrawing()
    pixels = image.imread(BytesIO(drawer.GetDrawingText()), format="png")
    return (pixels[..., :3] * 255).astype(np.uint8)


def shape(axis: Any, molecule: Any, conformer: int) -> None:
    """Draw the bonds of a conformer along its shortest axis; those further away are paler."""
    from matplotlib.collections import LineCollection

    position = np.array(molecule.GetConformers()[conformer].GetPositions())
    position = position - position.mean(0)
    position = position @ np.linalg.svd(position, full_matrices=False)[2].T
    depth = (position[:, 2] - position[:, 2].min()) / max(np.ptp(position[:, 2]), 1e-9)
    pieces: list[tuple[float, Any, str]] = []
    for bond in molecule.GetBonds():
        ends = [bond.GetBeginAtom(), bond.GetEndAtom()]
        colors = [ELEMENTS.get(end.GetAtomicNum(), "purple") for end in ends]
        a, b = (position[end.GetIdx()] for end in ends)
        one, other = (depth[end.GetIdx()] for end in ends)
        if colors[0] == colors[1]:
            pieces.append(((one + other) / 2, (a[:2], b[:2]), colors[0]))
        else:  # each half in the colour of its atom
            middle = (a + b) / 2
            pieces += [(one, (a[:2], middle[:2]), colors[0]), (other, (b[:2], middle[:2]), colors[1])]
    pieces.sort(key=lambda piece: piece[0])  # the nearest on top
    depths, segments, shown = zip(*pieces, strict=True)
    axis.add_collection(LineCollection(segments, colors=shown, alpha=[0.35 + 0.65 * d for d in depths], linewidths=2))
    axis.autoscale()
    axis.set_aspect("equal")
    axis.set_axis_off()
