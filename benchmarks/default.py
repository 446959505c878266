"""SOAP and cross-entropy on the embedded data set, as ``xgraph train`` runs them: ``python -m benchmarks.default``."""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import xgraph
from benchmarks._report import RESULTS, report
from xgraph.training.config.build import TrainConfig

SEEDS = range(5)
LENGTH = TrainConfig().epochs + TrainConfig().pretrain_epochs
ARMS = {
    "soap": {"loss": "soap"},
    "cross-entropy": {"loss": "bce", "epochs": LENGTH, "pretrain_epochs": 0},
}


SPLITS = ("scaffold", "random")
METRICS = ("valid_ap", "test_ap", "test_prc_auc", "test_roc_auc")


def main(out: Path) -> None:
    """Same model, optimiser, epochs, split and selection by validation; the arms differ in their loss and batches."""
    runs = [run(out, split, seed, arm) for split in SPLITS for seed in SEEDS for arm in ARMS]
    rows, gains = [], {}
    for split in SPLITS:
        for arm in ARMS:
            mine = [one for one in runs if (one["split"], one["arm"]) == (split, arm)]
            row: dict[str, object] = {"split": split, "arm": arm, "seeds": len(mine)}
            for name in METRICS:
                values = [one[name] for one in mine]
                row[name] = f"{statistics.mean(values):.3f} ± {statistics.stdev(values):.3f}"
            rows.append({**row, "seconds": statistics.median(one["seconds"] for one in mine)})
        of_split = [one["test_ap"] for one in runs if one["split"] == split]
        gain = [soap - entropy for soap, entropy in zip(of_split[::2], of_split[1::2], strict=True)]
        gains[split] = {"mean": statistics.mean(gain), "std": statistics.stdev(gain), "each": gain}
    report(
        "default",
        rows,
        runs=runs,
        paired_test_ap_gain=gains,
        protocol=f"nci-pains, {LENGTH} epochs in all; the epoch with the best validation AP is tested; "
        "the random split is drawn by the seed",
    )


def run(out: Path, split: str, seed: int, arm: str) -> dict[str, Any]:
    """One run; an interrupted benchmark goes on where it was."""
    folder = out / f"{split}-{arm}-{seed}"
    started = time.perf_counter()
    if (folder / "metrics.json").exists():
        metrics = json.loads((folder / "metrics.json").read_text())
        seconds = json.loads((folder / "seconds.json").read_text())
    else:
        metrics = xgraph.train(out=folder, resume=folder.exists(), split=split, seed=seed, **ARMS[arm]).metrics
        seconds = time.perf_counter() - started
        (folder / "seconds.json").write_text(json.dumps(seconds))
    values = {"valid_ap": metrics["valid"]["ap"]}
    values |= {f"test_{name}": metrics["test"][name] for name in ("ap", "prc_auc", "roc_auc")}
    print(split, arm, seed, values, file=sys.stderr)
    return {"split": split, "arm": arm, "seed": seed, **values, "seconds": seconds}


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS.parent / "runs" / "default")
