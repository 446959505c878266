"""Trains networks and fitted models on continuous labels: ``python -m benchmarks.regression``.

ESOL, FreeSolv and lipophilicity by OGB's scaffold split, and bags of conformers beside graphs of the same molecules.
Needs XGRAPH_MIRROR; the arms with ``minimol`` need the extra ``pretrained``. Results: ``docs/results/regression.md``.
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
"""Settings of each arm on the sets of molecules; everything else is a default. The forest is the figure to beat."""
_TARGET = {"target_columns": ["CHEMBL2468"]}
_CONFORMERS = {"dataset": "chembl-conformers-pki", **_TARGET}
_GRAPHS = {"dataset": "chembl-pki", **_TARGET}
CONFORMERS: dict[str, dict[str, dict[str, Any]]] = {
    "thrombin": {
        model: {"dataset": "thrombin", "split": "random", "model": model} for model in ("attention", "extra-trees")
    },
    "CHEMBL2468": {
        "attention": {**_CONFORMERS, "model": "attention"},
        "extra-trees": {**_CONFORMERS, "model": "extra-trees"},
        "gine": {**_GRAPHS, "model": "gine"},
        "gine, descriptors": {**_GRAPHS, "model": "gine", "features": ["rdkit"]},
        "forest": {**_GRAPHS, "model": "forest"},
    },
}
"""Arms on bags of conformations, and on graphs of the same molecules. The parts of thrombin are drawn by the seed."""
CASES = {data: {arm: {"dataset": data, **own} for arm, own in ARMS.items()} for data in DATASETS} | CONFORMERS
SEEDS = {**dict.fromkeys(CASES, 3), "thrombin": 10}
METRICS = ("rmse", "mae", "r2", "spearman")
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
    jobs = [job(out, data, arm, seed) for data, arms in CASES.items() for arm in arms for seed in range(SEEDS[data])]
    runs = [
        {key: one[key] for key in ("dataset", "arm", "seed", *METRICS, "valid_rmse", "seconds")}
        for one in results(jobs)
    ]
    rows: list[dict[str, object]] = []
    for data, arms in CASES.items():
        for arm in arms:
            mine = [one for one in runs if (one["dataset"], one["arm"]) == (data, arm)]
            row: dict[str, object] = {"dataset": data, "arm": arm, "seeds": len(mine)}
            row |= {name: spread([one[name] for one in mine], 3) for name in (*METRICS, "valid_rmse")}
            rows.append({**row, "seconds": statistics.median(one["seconds"] for one in mine)})
    report(
        "regression",
        rows,
        runs=runs,
        protocol="OGB's scaffold split for its sets, a scaffold split for CHEMBL2468, random splits for thrombin; "
        f"networks are trained for {LENGTH} epochs, of which the one with the lowest validation RMSE is tested; "
        "nothing else was chosen, and test parts were scored once",
    )


def job(out: Path, data: str, arm: str, seed: int) -> Job:
    """Return one run of ``xgraph train`` as a job; an interrupted run is resumed."""
    settings: dict[str, Any] = {**CASES[data][arm], "seed": seed}
    name = f"{data}-{arm.replace(', ', '-')}-{seed}"

    def run() -> dict[str, Any]:
        folder = out / name
        metrics = xgraph.train(out=folder, resume=folder.exists(), **settings).metrics
        values = {metric: metrics["test"][metric] for metric in METRICS}
        return {"dataset": data, "arm": arm, "seed": seed, "valid_rmse": metrics["valid"]["rmse"], **values}

    return Job(out / f"{name}.json", settings, run, lambda result: f"test RMSE {result['rmse']:.3f}")


if __name__ == "__main__":
    main()
