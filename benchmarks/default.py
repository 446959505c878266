"""SOAP and cross-entropy on the embedded data set, as ``xgraph train`` runs them: ``python -m benchmarks.default``."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

import xgraph
from benchmarks._report import RESULTS, report
from xgraph.training.config import TrainConfig

SEEDS = range(5)
LENGTH = TrainConfig().epochs + TrainConfig().pretrain_epochs
ARMS = {
    "soap": {"loss": "soap"},
    "cross-entropy": {"loss": "bce", "epochs": LENGTH, "pretrain_epochs": 0},
}


def main(out: Path) -> None:
    """Same model, optimiser, epochs, split and selection by validation; the arms differ in their loss and batches."""
    runs = []
    for seed in SEEDS:
        for arm, settings in ARMS.items():
            folder = out / f"{arm}-{seed}"
            started = time.perf_counter()
            if (folder / "metrics.json").exists():  # an interrupted benchmark goes on
                metrics = json.loads((folder / "metrics.json").read_text())
            else:
                metrics = xgraph.train(out=folder, resume=folder.exists(), seed=seed, **settings).metrics
            runs.append(
                {
                    "arm": arm,
                    "seed": seed,
                    "valid_ap": metrics["valid"]["ap"],
                    **{f"test_{name}": metrics["test"][name] for name in ("ap", "prc_auc", "roc_auc")},
                    "seconds": time.perf_counter() - started,
                }
            )
            print(runs[-1], file=sys.stderr)
    rows = []
    for arm in ARMS:
        mine = [run for run in runs if run["arm"] == arm]
        row: dict[str, object] = {"arm": arm, "seeds": len(mine)}
        for name in ("valid_ap", "test_ap", "test_prc_auc", "test_roc_auc"):
            values = [run[name] for run in mine]
            row[name] = f"{statistics.mean(values):.3f} ± {statistics.stdev(values):.3f}"
        rows.append({**row, "seconds": statistics.median(run["seconds"] for run in mine)})
    gain = [a["test_ap"] - b["test_ap"] for a, b in zip(runs[::2], runs[1::2], strict=True)]
    report(
        "default",
        rows,
        runs=runs,
        paired_test_ap_gain={"mean": statistics.mean(gain), "std": statistics.stdev(gain), "each": gain},
        protocol=f"nci-pains, scaffold split, {LENGTH} epochs in all; the epoch with the best validation AP is tested",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS.parent / "runs" / "default")
