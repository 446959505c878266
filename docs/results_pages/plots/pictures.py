"""Draws the pictures of the results pages from ``benchmarks/results/*.json``.

``python docs/plots.py DIR`` writes them to a folder, and ``--overview FILE`` the one picture of the README's first
page. The same data give the same bytes: no dates, no random names. Every picture stands on a white card, so that it can
be read on light and on dark pages.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from results_pages.plots.bags import bags, bags_cost
from results_pages.plots.feature_momentum import feature_momentum, step_times
from results_pages.plots.losses import losses
from results_pages.plots.objectives import auc_margin, objectives, partial_areas
from results_pages.plots.objectives_study import objectives_study
from results_pages.plots.overview import overview
from results_pages.plots.sampling import sampling
from results_pages.plots.style import STYLE

PICTURES: dict[str, Callable[[], Figure]] = {
    "losses": losses,
    "sampling": sampling,
    "feature-momentum": feature_momentum,
    "step-times": step_times,
    "bags": bags,
    "bags-cost": bags_cost,
    "objectives-study": objectives_study,
    "objectives": objectives,
    "partial-areas": partial_areas,
    "auc-margin": auc_margin,
}


def save(make: Callable[[], Figure], file: Path) -> None:
    """Write one picture as SVG; the same data give the same bytes."""
    with mpl.rc_context(STYLE):
        fig = make()
        metadata = {"Date": None, "Creator": None}
        fig.savefig(file, format="svg", metadata=metadata, facecolor="white", edgecolor=fig.get_edgecolor())
        plt.close(fig)


def draw(folder: Path) -> None:
    """Write all pictures of the pages into a folder."""
    mpl.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in PICTURES.items():
        save(make, folder / f"{name}.svg")


def main() -> None:
    """Draw what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="for the pictures of the results pages")
    parser.add_argument("--overview", type=Path, metavar="FILE", help="write the README's picture")
    options = parser.parse_args()
    if options.folder is None and options.overview is None:
        parser.error("name a folder, or --overview FILE")
    if options.folder is not None:
        draw(options.folder)
    if options.overview is not None:
        mpl.use("Agg")
        save(overview, options.overview)
