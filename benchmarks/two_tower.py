"""Measures the temperatures of two towers, molecules and their descriptions: ``python -m benchmarks.two_tower``.

The 6,601 pairs of ChEBI-20's validation and test parts, which are what the mirror holds, are joined (stereoisomers
are one molecule); a random tenth is held out. An encoder of molecular graphs and one of n-grams are trained on the rest
by each kind of temperature, and each held-out molecule is then looked for by its description among all held-out ones,
and the other way round. The last epoch is taken, and nothing is selected by what is reported. This is not the published
protocol of ChEBI-20, whose training part the mirror does not hold. Needs ``XGRAPH_MIRROR``. Results:
``docs/results/contrastive.md``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import xgraph
from benchmarks._report import RESULTS, parser, report

SETTINGS: dict[str, Any] = {
    **{"objective": "two-tower", "text_column": "description", "model": "gine", "hidden_channels": 128},
    **{"num_layers": 3, "batch_size": 128, "epochs": 12, "valid_share": 0.1, "threads": 1},
}
KINDS: dict[str, dict[str, Any]] = {
    "constant .1": {"temperature": 0.1},
    "constant .1, the batch alone (γ = 1)": {"temperature": 0.1, "gamma": 1.0},
    "constant .05": {"temperature": 0.05},
    "global": {"temperature": "global"},
    "individual": {"temperature": "individual"},
    "predicted": {"temperature": "predicted"},
    "constant .02": {"temperature": 0.02},
    "global, ρ 2": {"temperature": "global", "rho": 2.0, "min_temperature": 0.01},
    "individual, ρ 2": {"temperature": "individual", "rho": 2.0, "min_temperature": 0.01},
    "predicted, ρ 2": {"temperature": "predicted", "rho": 2.0, "min_temperature": 0.01},
}
"""The first six were fixed before the first run, the last four after it, from what it showed."""

SEEDS = (0, 1, 2)


def main() -> None:
    arguments = parser(__doc__)
    default = RESULTS.parent / "runs" / "two-tower"
    arguments.add_argument("out", nargs="?", type=Path, default=default, help="folder for the runs")
    measure(arguments.parse_args().out)


def measure(out: Path) -> None:
    """Train with each temperature and seed, and write the results. Finished runs are kept."""
    folder = Path(os.environ["XGRAPH_MIRROR"]) / "molecule_text"
    files = [folder / f"chebi20_{part}.txt.gz" for part in ("validation", "test")]
    rows: list[dict[str, Any]] = []
    for seed in SEEDS:
        for number, (name, settings) in enumerate(KINDS.items()):
            path = out / f"{number}-{seed}"
            if not (path / "metrics.json").is_file():
                sys.stderr.write(f"{name}, seed {seed}\n")
                xgraph.pretrain(files, out=path, resume=path.exists(), seed=seed, **SETTINGS, **settings)
            run = xgraph.Run.open(path)
            values = dict(run.metrics["valid"])
            learned = values.pop("temperature", None)
            rows.append(
                {"kind": name, "seed": seed, "molecules": run.metrics["molecules"], "learned": learned, **values}
            )
    report("two_tower", rows, settings={**SETTINGS, "kinds": KINDS}, protocol="held-out tenth, last epoch")


if __name__ == "__main__":
    main()
