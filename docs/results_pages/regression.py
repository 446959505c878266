"""Tables and figures of ``docs/results/regression.md``."""

from __future__ import annotations

import statistics

from results_pages.data import read
from results_pages.formats import markdown, share, spread

TITLES = {"ogbg-molesol": "ESOL", "ogbg-molfreesolv": "FreeSolv", "ogbg-mollipo": "lipophilicity"}
ARMS = {
    "gine": "GINE on the graph",
    "gine, descriptors": "GINE, with RDKit's descriptors",
    "mlp, descriptors": "perceptron on RDKit's descriptors",
    "mlp, minimol": "perceptron on MiniMol",
    "forest": "forest on descriptors and fingerprints",
    "svm": "support vectors on descriptors and fingerprints",
    "kernel-ridge": "kernel ridge on Morgan counts",
    "kernel-ridge, minimol": "kernel ridge on MiniMol",
}


def values(dataset: str, arm: str, metric: str = "rmse") -> list[float]:
    """The test scores of an arm, one per seed."""
    found = [run[metric] for run in read("regression")["runs"] if (run["dataset"], run["arm"]) == (dataset, arm)]
    if not found:
        raise KeyError(f"{dataset}, {arm}")
    return found


def regression_scores(metric: str = "rmse") -> str:
    """Mean ± standard deviation over the seeds, by arm and data set."""
    rows = []
    for arm, title in ARMS.items():
        cells = [_spread(values(dataset, arm, metric)) for dataset in TITLES]
        rows.append([title, *cells])
    return markdown(["", *TITLES.values()], rows)


CONFORMERS = {
    "attention": "attention over conformations",
    "extra-trees": "extra-trees on their statistics",
    "gine": "GINE on the graph",
    "gine, descriptors": "GINE, with RDKit's descriptors",
    "forest": "forest on descriptors and fingerprints",
}


def conformer_scores() -> str:
    """Root mean squared errors of models of conformations and of graphs."""
    known = {(run["dataset"], run["arm"]) for run in read("regression")["runs"]}
    rows = []
    for arm, title in CONFORMERS.items():
        rows.append(
            [title, *(_spread(values(d, arm)) if (d, arm) in known else "" for d in ("thrombin", "CHEMBL2468"))]
        )
    return markdown(["", "thrombin (n = 10 splits)", "CHEMBL2468 (n = 3 seeds)"], rows)


def regression_rmse(dataset: str, arm: str) -> str:
    """The test RMSE of an arm: mean ± standard deviation."""
    return _spread(values(dataset, arm))


def regression_r2(dataset: str, arm: str) -> str:
    """The mean of the test R² of an arm over its seeds."""
    return share(statistics.mean(values(dataset, arm, "r2")), 2)


def _spread(each: list[float]) -> str:
    return share(statistics.mean(each)) if len(set(each)) == 1 else spread(each)
