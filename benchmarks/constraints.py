"""What constraints gain and cost: ``python -m benchmarks.constraints`` (needs XGRAPH_MIRROR).

Protocol, written before the first run; nothing is chosen by the test part.

German credit (fairness): the graph and the parts of NIFTY's code (100 clients to train on, 250 to validate and 250 to
test, drawn by Python's ``random`` with the seed 20), a graph convolutional network (GCN) with one layer of 16 channels,
as theirs, and the same network on a graph whose only edges are self-loops, which is a multi-layer perceptron (MLP). 150
epochs of cross-entropy on all training nodes at a learning rate of .01; the epoch with the best ROC AUC on the
validation part is kept. Two arms each: groups are compared only, and ``--fair-column`` with its defaults (rho 10,
tolerance .02). Five seeds. Sex is among the features, as in their code.

Tox21 (zero forgetting): four of its endpoints one after the other, with ``mlp`` on Morgan counts and the scaffold
split, 10 epochs each, keeping the last; each run starts from the one before (``--init``) and its loss is that of the
new endpoint alone. Arms: ``--retain`` with its default rho 10, and with rho 1e-6, which is no constraint.
Three seeds. Reported are, after the last endpoint, the largest rise over the three old endpoints of the mean loss on
the training and test parts above that of the run in which the endpoint was learned, and the mean ROC AUC on the test
part of the old endpoints and of the newest one.
"""

from __future__ import annotations

import random
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import xgraph
from benchmarks._report import RESULTS, parser, report
from xgraph.data import load

ENDPOINTS = ["NR-AR", "NR-AhR", "SR-ARE", "SR-MMP"]
GERMAN: dict[str, Any] = {
    **{"model": "gcn", "hidden_channels": 16, "num_layers": 1, "num_neighbors": [-1], "epochs": 150, "lr": 0.01},
    **{"batch_size": 128, "sampler": "shuffle", "loss": "bce", "weight_decay": 1e-5, "threads": 1},
    **{"split_column": "set", "split": "given", "fair_column": "sex", "metric": "roc_auc"},
}
TOX21: dict[str, Any] = {
    **{"model": "mlp", "features": ["morgan"], "loss": "bce", "sampler": "shuffle", "epochs": 10, "keep": "last"},
    **{"threads": 1, "baseline": False},
}
SEEDS, CHAINS = 5, 3


def main() -> None:
    """Train, measure, write ``benchmarks/results/constraints.json``, print a table."""
    arguments = parser(__doc__)
    default = RESULTS.parent / "runs" / "constraints"
    arguments.add_argument("out", nargs="?", type=Path, default=default, help="folder for runs (default: %(default)s)")
    out = arguments.parse_args().out
    rows = [*german(out / "german"), *tox21(out / "tox21")]
    report("constraints", rows, protocol="see python -m benchmarks.constraints --help")


def german(out: Path) -> list[dict[str, Any]]:
    """Return a row for each network and arm: means and sample standard deviations over seeds."""
    rows = []
    for network in ("gcn", "mlp"):
        graph = written(out / network, loops=network == "mlp")
        for rho in (0.0, 10.0):
            runs = [
                trained(out / f"{network}-{rho:g}-{seed}", dataset=str(graph), fair_rho=rho, seed=seed, **GERMAN)
                for seed in range(SEEDS)
            ]
            each: dict[str, list[float]] = {}
            for run in runs:
                fair = run.metrics["constraints"]["fair"]["test"]["label"]
                figures = {name: fair[name] for name in ("statistical_parity", "equal_opportunity", "roc_gap")}
                for name, value in {"roc_auc": run.metrics["test"]["roc_auc"], **figures}.items():
                    each.setdefault(name, []).append(value)
            rows.append({"data": "german", "model": network, "rho": rho, "n": SEEDS, **summary(each)})
    return rows


def written(folder: Path, loops: bool) -> Path:
    """Write the graph as a folder of tables with NIFTY's parts; return its path."""
    data: Any = load("german", fair_column="Gender")
    y = data.y[:, 0].numpy().astype(int)
    part = np.full(len(y), "", dtype=object)
    random.seed(20)
    classes = [np.flatnonzero(y == label) for label in (0, 1)]
    for members in classes:
        random.shuffle(members)
    for members in classes:
        half, rest = int(0.5 * len(members)), int(0.75 * len(members))
        part[members[: min(half, 50)]], part[members[half:rest]], part[members[rest:]] = "train", "valid", "test"
    folder.mkdir(parents=True, exist_ok=True)
    nodes = pd.DataFrame(data.data.x.numpy(), columns=[f"f{i}" for i in range(data.num_features)])
    sex = [data.groups.names[code] for code in data.groups.codes]
    nodes.assign(id=range(len(y)), sex=sex, label=y, set=part).to_csv(folder / "nodes.csv", index=False)
    edges = np.stack([np.arange(len(y))] * 2) if loops else data.data.edge_index.numpy()
    pd.DataFrame(edges.T, columns=["source", "target"]).to_csv(folder / "edges.csv", index=False)
    return folder


def tox21(out: Path) -> list[dict[str, Any]]:
    """Return a row for each arm: means and sample standard deviations over seeds."""
    rows = []
    for rho in (1e-6, 10.0):
        each: dict[str, list[float]] = {}
        for seed in range(CHAINS):
            run = trained(out / f"first-{seed}", dataset="tox21", target_columns=ENDPOINTS[:1], seed=seed, **TOX21)
            learned: dict[str, dict[str, float]] = {}
            kept: list[dict[str, Any]] = []
            for step in range(2, len(ENDPOINTS) + 1):
                before = run
                chain = {"target_columns": ENDPOINTS[:step], "init": str(run.path), "retain": [str(run.path)]}
                path = out / f"{rho:g}-{step}-{seed}"
                run = trained(path, dataset="tox21", retain_rho=rho, seed=seed, **chain, **TOX21)
                kept = run.metrics["constraints"]["retain"]
                newest = before.metrics["tasks"][-1]
                learned[newest] = next({p: row[p]["before"] for p in PARTS} for row in kept if row["task"] == newest)
            after = {row["task"]: {p: row[p]["after"] for p in PARTS} for row in kept}
            areas = {name: one["roc_auc"] for name, one in run.metrics["details"]["test"]["tasks"].items()}
            figures = {f"rise_{p}": max(after[task][p] - learned[task][p] for task in learned) for p in PARTS}
            figures |= {"old_roc_auc": statistics.mean(areas[task] for task in learned)}
            figures |= {"new_roc_auc": areas[ENDPOINTS[-1]]}
            for name, value in figures.items():
                each.setdefault(name, []).append(value)
        rows.append({"data": "tox21", "model": "mlp", "rho": rho, "n": CHAINS, **summary(each)})
    return rows


PARTS = ("train", "test")


def trained(path: Path, **settings: Any) -> xgraph.Run:
    """Return a finished run, which is resumed or trained if need be."""
    if (path / "metrics.json").is_file():
        return xgraph.Run.open(path)
    resume = (path / "config.toml").is_file()
    return xgraph.train(out=path, resume=True) if resume else xgraph.train(out=path, **settings)


def summary(each: dict[str, list[float]]) -> dict[str, float]:
    """Return mean and sample standard deviation of each figure."""
    found = {}
    for name, values in each.items():
        found |= {name: statistics.mean(values), f"{name} std": statistics.stdev(values)}
    return found


if __name__ == "__main__":
    main()
