"""Compares the default objective with SOAP and plain cross-entropy: ``python -m benchmarks.default``.

All are trained as ``xgraph train`` trains them on the embedded data set, on scaffold and on random splits. Results:
``docs/results/objectives.md``.
"""

from __future__ import annotations

import statistics
from itertools import product
from pathlib import Path
from typing import Any

import xgraph
from benchmarks._jobs import Job, results
from benchmarks._report import RESULTS, parser, report, spread
from xgraph.training.config.build import TrainConfig

SEEDS = range(5)
LENGTH = TrainConfig().epochs
ARMS: dict[str, dict[str, str]] = {
    "default": {},
    "soap": {"loss": "soap"},
    "cross-entropy": {"loss": "bce"},
}
REFERENCE = "cross-entropy"
SPLITS = ("scaffold", "random")
METRICS = ("valid_ap", "test_ap", "test_prc_auc", "test_roc_auc")


def main() -> None:
    arguments = parser(__doc__)
    default = RESULTS.parent / "runs" / "default"
    arguments.add_argument(
        "out", nargs="?", type=Path, default=default, help="folder for finished runs (default: %(default)s)"
    )
    measure(arguments.parse_args().out)


def measure(out: Path) -> None:
    """Train all arms. They share model, optimiser, epochs, split and selection, and differ in loss and batches."""
    runs = results(job(out, split, seed, arm) for split, seed, arm in product(SPLITS, SEEDS, ARMS))
    runs = [{key: one[key] for key in ("split", "arm", "seed", *METRICS, "seconds")} for one in runs]
    rows: list[dict[str, object]] = []
    gains: dict[str, dict[str, object]] = {}
    for split in SPLITS:
        for arm in ARMS:
            mine = [one for one in runs if (one["split"], one["arm"]) == (split, arm)]
            row: dict[str, object] = {"split": split, "arm": arm, "seeds": len(mine)}
            row |= {name: spread([one[name] for one in mine], 3) for name in METRICS}
            rows.append({**row, "seconds": statistics.median(one["seconds"] for one in mine)})
        test = {arm: [one["test_ap"] for one in runs if (one["split"], one["arm"]) == (split, arm)] for arm in ARMS}
        for arm in [arm for arm in ARMS if arm != REFERENCE]:
            gain = [ours - theirs for ours, theirs in zip(test[arm], test[REFERENCE], strict=True)]
            mine = {"mean": statistics.mean(gain), "std": statistics.stdev(gain), "each": gain}
            gains.setdefault(split, {})[arm] = mine
    report(
        "default",
        rows,
        runs=runs,
        paired_test_ap_gain=gains,
        protocol=f"nci-pains, {LENGTH} epochs in all; the epoch with the best validation AP is tested; "
        "the random split is drawn by the seed",
    )


def job(out: Path, split: str, seed: int, arm: str) -> Job:
    """Return one run of ``xgraph train`` as a job; an interrupted run is resumed."""

    def run() -> dict[str, Any]:
        folder = out / f"{split}-{arm}-{seed}"
        metrics = xgraph.train(out=folder, resume=folder.exists(), split=split, seed=seed, **ARMS[arm]).metrics
        values = {"valid_ap": metrics["valid"]["ap"]}
        values |= {f"test_{name}": metrics["test"][name] for name in ("ap", "prc_auc", "roc_auc")}
        return {"split": split, "arm": arm, "seed": seed, **values}

    settings = {"split": split, "seed": seed, **ARMS[arm]}
    return Job(out / f"{split}-{arm}-{seed}.json", settings, run, lambda result: f"test AP {result['test_ap']:.3f}")


if __name__ == "__main__":
    main()
