"""Trains networks and fitted models on continuous labels: ``python -m benchmarks.regression``.

ESOL, FreeSolv and lipophilicity by OGB's scaffold split, three seeds. Needs XGRAPH_MIRROR; the arms with ``minimol``
need the extra ``pretrained``. Results: ``docs/results/regression.md``.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import xgraph
from benchmarks._jobs import Job, results
from benchmarks._report import RESULTS, parser, report, spread
from xgraph.training.config.build import TrainConfig

DATASETS = ("ogbg-molesol", "ogbg-molfreesolv", "ogbg-mollipo")
SEEDS = 3
ARMS: dict[str, dict[str, Any]] = {
    "gine": {"model": "gine"},
    "gine, descriptors": {"model": "gine", "features": ["rdkit"]},
    "forest": {"model": "forest"},
    "svm": {"model": "svm"},
    "kernel-ridge": {"model": "kernel-ridge"},
    "mlp, descriptors": {"model": "mlp", "features": ["rdkit"]},
    "mlp, minimol": {"model": "mlp", "features": ["minimol"]},
    "kernel-ridge, minimol": {"model": "kernel-ridge", "features": ["minimol"], "kernel": "rbf"},
}
"""Settings of each arm; everything else is a default. The forest is the figure to beat."""
REFERENCE = "forest"
METRICS = ("rmse", "mae", "r2", "spearman")
NETWORKS = tuple(arm for arm, settings in ARMS.items() if settings["model"] in ("gine", "mlp"))
LENGTH = TrainConfig().epochs


def main() -> None:
    arguments = parser(__doc__)
    default = RESULTS.parent / "runs" / "regression"
    arguments.add_argument(
        "out", nargs="?", type=Path, default=default, help="folder for finished runs (default: %(default)s)"
    )
    measure(arguments.parse_args().out)


def measure(out: Path) -> None:
    """Train all arms on the same parts; the epoch of a network is chosen by its validation RMSE."""
    jobs = [job(out, data, arm, seed) for data in DATASETS for arm in ARMS for seed in range(SEEDS)]
    runs = [
        {key: one[key] for key in ("dataset", "arm", "seed", *METRICS, "valid_rmse", "seconds")}
        for one in results(jobs)
    ]
    rows: list[dict[str, object]] = []
    for data in DATASETS:
        for arm in ARMS:
            mine = [one for one in runs if (one["dataset"], one["arm"]) == (data, arm)]
            row: dict[str, object] = {"dataset": data, "arm": arm, "seeds": len(mine)}
            row |= {name: spread([one[name] for one in mine], 3) for name in (*METRICS, "valid_rmse")}
            rows.append({**row, "seconds": statistics.median(one["seconds"] for one in mine)})
    report(
        "regression",
        rows,
        runs=runs,
        protocol=f"OGB's scaffold split; networks are trained for {LENGTH} epochs, of which the one with the lowest "
        "validation RMSE is tested; nothing else was chosen, and test parts were scored once",
    )


def job(out: Path, data: str, arm: str, seed: int) -> Job:
    """Return one run of ``xgraph train`` as a job; an interrupted run is resumed."""
    settings: dict[str, Any] = {"dataset": data, **ARMS[arm], "seed": seed}
    name = f"{data}-{arm.replace(', ', '-')}-{seed}"

    def run() -> dict[str, Any]:
        folder = out / name
        metrics = xgraph.train(out=folder, resume=folder.exists(), **settings).metrics
        values = {metric: metrics["test"][metric] for metric in METRICS}
        return {"dataset": data, "arm": arm, "seed": seed, "valid_rmse": metrics["valid"]["rmse"], **values}

    return Job(out / f"{name}.json", settings, run, lambda result: f"test RMSE {result['rmse']:.3f}")


if __name__ == "__main__":
    main()
