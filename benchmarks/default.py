"""Compares the default objective with SOAP and plain cross-entropy: ``python -m benchmarks.default``.

All are trained as ``xgraph train`` trains them: on the embedded data set, with scaffold and with random splits; on
nodes; and on molecules with several tasks. Needs XGRAPH_MIRROR. Results: ``docs/results/objectives.md``.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import xgraph
from benchmarks._jobs import Job, results
from benchmarks._report import RESULTS, parser, report, spread
from xgraph.training.config.build import TrainConfig

MINIMOL = {"model": "mlp", "features": ["minimol"]}
CASES: dict[str, tuple[dict[str, Any], int]] = {
    "scaffold": ({"split": "scaffold"}, 5),
    "random": ({"split": "random"}, 5),
    "tolokers": ({"dataset": "tolokers"}, 3),
    "tox21": ({"dataset": "tox21", **MINIMOL}, 3),
    "sider": ({"dataset": "sider", **MINIMOL}, 3),
}
"""Settings and number of seeds by case; the first two are splits of the embedded data set."""
LENGTH = TrainConfig().epochs
ARMS: dict[str, dict[str, str]] = {
    "balanced": {"loss": "bce", "sampler": "dual"},
    "soap": {"loss": "soap"},
    "cross-entropy": {"loss": "bce"},
}
REFERENCE = "cross-entropy"
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
    jobs = [job(out, case, seed, arm) for case, (_, seeds) in CASES.items() for seed in range(seeds) for arm in ARMS]
    runs = [{key: one[key] for key in ("case", "arm", "seed", *METRICS, "seconds")} for one in results(jobs)]
    rows: list[dict[str, object]] = []
    gains: dict[str, dict[str, object]] = {}
    for case in CASES:
        of_arms = {arm: [one for one in runs if (one["case"], one["arm"]) == (case, arm)] for arm in ARMS}
        for arm, mine in of_arms.items():
            row: dict[str, object] = {"case": case, "arm": arm, "seeds": len(mine)}
            row |= {name: spread([one[name] for one in mine], 3) for name in METRICS}
            rows.append({**row, "seconds": statistics.median(one["seconds"] for one in mine)})
        for arm in [arm for arm in ARMS if arm != REFERENCE]:
            pairs = zip(of_arms[arm], of_arms[REFERENCE], strict=True)
            gain = [ours["test_ap"] - theirs["test_ap"] for ours, theirs in pairs]
            mine_gain = {"mean": statistics.mean(gain), "std": statistics.stdev(gain), "each": gain}
            gains.setdefault(case, {})[arm] = mine_gain
    report(
        "default",
        rows,
        runs=runs,
        paired_test_ap_gain=gains,
        protocol=f"{LENGTH} epochs in all; the epoch with the best validation metric is tested; random splits are "
        "drawn by the seed; scaffold and random are splits of nci-pains",
    )


def job(out: Path, case: str, seed: int, arm: str) -> Job:
    """Return one run of ``xgraph train`` as a job; an interrupted run is resumed."""
    settings: dict[str, Any] = {**CASES[case][0], **ARMS[arm], "seed": seed}

    def run() -> dict[str, Any]:
        folder = out / f"{case}-{arm}-{seed}"
        metrics = xgraph.train(out=folder, resume=folder.exists(), **settings).metrics
        values = {"valid_ap": metrics["valid"]["ap"]}
        values |= {f"test_{name}": metrics["test"][name] for name in ("ap", "prc_auc", "roc_auc")}
        return {"case": case, "arm": arm, "seed": seed, **values}

    return Job(out / f"{case}-{arm}-{seed}.json", settings, run, lambda result: f"test AP {result['test_ap']:.3f}")


if __name__ == "__main__":
    main()
