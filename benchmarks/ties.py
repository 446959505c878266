"""Shows what ties do to areas under the precision-recall curve: ``python -m benchmarks.ties``.

Three models are trained on the first fold of AICures; nothing is tuned. Their test scores are then measured as ``xgraph
evaluate RUN --ties`` does. The third model follows the settings that are published for SOAP on HIV: after cross-entropy
a new head, margin 10, one active in a batch of 64. Needs ``XGRAPH_MIRROR``. Results:
``docs/results/published-soap-figures.md``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import xgraph
from benchmarks._report import RESULTS, parser, report
from xgraph.training.prediction.evaluate import evaluate_in_detail

FOLD: dict[str, Any] = {"dataset": "aicures", "fold": 0, "features": ["morgan"], "threads": 1}
ENTROPY: dict[str, Any] = {**FOLD, "model": "mlp", "loss": "bce", "epochs": 20, "baseline": False}
RUNS: dict[str, dict[str, Any]] = {
    "random forest": {**FOLD, "model": "forest", "trees": 100},
    "network, cross-entropy": ENTROPY,
    "network, SOAP as published": {
        **ENTROPY,
        "loss": "soap",
        "margin": 10.0,
        "sampling_rate": 1 / 64,
        "epochs": 40,
        "pretrain_epochs": 20,
        "lr": 5e-4,
        "weight_decay": 5e-5,
    },
}
"""Fixed before the first run."""


def main() -> None:
    arguments = parser(__doc__)
    default = RESULTS.parent / "runs" / "ties"
    arguments.add_argument("out", nargs="?", type=Path, default=default, help="folder for the runs")
    measure(arguments.parse_args().out)


def measure(out: Path) -> None:
    """Train the models, measure their scores, and write the results. Finished runs are kept."""
    rows: list[dict[str, Any]] = []
    for number, (name, settings) in enumerate(RUNS.items()):
        folder = out / str(number)
        if not (folder / "metrics.json").is_file():
            sys.stderr.write(f"{name}\n")
            xgraph.train(out=folder, resume=folder.exists(), progress=True, **settings)
        details = evaluate_in_detail(folder, device="cpu", ties=True).details
        counts = [details["tasks"][task] for task in details["tasks"]]
        positives, negatives = (sum(one[key] for one in counts) for key in ("positives", "negatives"))
        for one in details["ties"]:
            rows.append({"run": name, "positives": positives, "items": positives + negatives, **one})
    report("ties", rows, settings=RUNS, protocol="test part; settings fixed in advance, epochs selected by AP")


if __name__ == "__main__":
    main()
