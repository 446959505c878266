"""Nominal against measured coverage of conformal sets: ``python -m benchmarks.conformal`` (needs XGRAPH_MIRROR).

Protocol, written before the first run. Molecules: `bace`, `bbbp`, `nci-pains`, `sider` and `tox21` with a forest of
100 trees on Morgan counts, and `bace` and `bbbp` with `mlp` on the same features (20 epochs), whose best epoch the
validation part selects. Each is cut into five folds, at random and by scaffold: one fold is the test part, the next
one calibrates, three are trained on. Nodes: `cora` with `sage` (20 epochs, selected on validation), random splits of
five seeds. Settings are the defaults otherwise, and nothing is chosen. The sets are those of ``xgraph predict
--alpha``, for an alpha of 0.1 and 0.2: Mondrian p-values, so each class should be covered with a probability of at
least 1 - alpha if the parts are exchangeable, which parts by scaffold are not. Reported are means and sample standard
deviations over the five parts of the share of test items whose set holds their class, for all, for the negatives and
the positives (of several tasks the mean over tasks), of the number of classes in a set, and of the Brier score and
calibration error of the scores and after temperature scaling and isotonic regression.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import xgraph
from benchmarks._report import RESULTS, parser, report
from xgraph.training.files.predictions import read_parts
from xgraph.training.scoring.calibrators import asked_figures

FOREST: dict[str, Any] = {"model": "forest", "trees": 100, "features": ["morgan"]}
MLP: dict[str, Any] = {"model": "mlp", "features": ["morgan"], "epochs": 20, "loss": "bce"}
MOLECULES = [(data, FOREST) for data in ("bace", "bbbp", "nci-pains", "sider", "tox21")]
MOLECULES += [(data, MLP) for data in ("bace", "bbbp")]
ALPHAS = (0.1, 0.2)
WAYS = ("temperature", "isotonic")
PARTS = 5


def main() -> None:
    """Train, measure, write ``benchmarks/results/conformal.json``, print a table."""
    arguments = parser(__doc__)
    default = RESULTS.parent / "runs" / "conformal"
    arguments.add_argument("out", nargs="?", type=Path, default=default, help="folder for runs (default: %(default)s)")
    options = arguments.parse_args()
    rows = []
    for data, settings in MOLECULES:
        for split in ("random", "scaffold"):
            where = options.out / f"{data}-{settings['model']}-{split}"
            run = trained(where, dataset=data, split=split, folds=PARTS, **settings)
            rows += measured(data, settings["model"], split, run.members)
    runs = [
        trained(options.out / f"cora-{seed}", dataset="cora", split="random", seed=seed, epochs=20)
        for seed in range(PARTS)
    ]
    rows += measured("cora", "sage", "random", runs)
    report("conformal", rows, protocol=f"{PARTS} folds, or seeds of cora; see python -m benchmarks.conformal --help")


def trained(path: Path, **settings: Any) -> xgraph.Run:
    """Return a finished run, which is resumed or trained if need be."""
    if (path / "metrics.json").is_file():
        return xgraph.Run.open(path)
    resume = (path / "config.toml").is_file()
    return xgraph.train(out=path, resume=True) if resume else xgraph.train(out=path, **settings)


def measured(data: str, model: str, split: str, runs: list[xgraph.Run]) -> list[dict[str, Any]]:
    """Return a row for each alpha."""
    rows = []
    for alpha in ALPHAS:
        each: dict[str, list[float]] = {}
        for run in runs:
            parts, classes = read_parts(run.path, run.config), "classes" in run.metrics
            valid, test = parts["valid"], parts["test"]
            figures: dict[str, float] = {}
            for way in WAYS:
                figures |= asked_figures(valid[1:], test.y, test.scores, alpha, way, several_classes=classes)
            for name, value in figures.items():
                each.setdefault(name, []).append(value)
        row: dict[str, Any] = {"data": data, "model": model, "split": split, "alpha": alpha, "n": len(runs)}
        for name, values in each.items():
            row |= {name: statistics.mean(values), f"{name} std": statistics.stdev(values)}
        rows.append(row)
    return rows


if __name__ == "__main__":
    main()
