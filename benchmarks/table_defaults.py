"""Which defaults suit the models of features: ``python -m benchmarks.table_defaults`` (needs XGRAPH_MIRROR).

The tasks are those of the first eight tuning sets of benchmarks/objectives, which that study never reports, in the
cells of 500 and 2,000 training molecules with 3 and 10 % actives. The figure is the AP of the 5,000 test molecules.

The rule was fixed before the first run. The default of ``C`` of `logistic` is the value with the highest mean over all
tasks and two inputs, MiniMol and the model's default features. Those of ``alpha`` and ``balanced`` of `kernel-ridge`
are the pair with the highest mean on Morgan counts with the Tanimoto kernel. Of `mlp`, each arm changes one setting of
one hidden layer of 256 with batch normalisation and dropout .2, on MiniMol, with 400 steps of cross-entropy (batches of
64, Adam, rate .001, a cosine to zero); a setting changes if an arm is ahead on average and its 95 % interval (Student's
t over tasks) lies above 0.
"""

from __future__ import annotations

import json
import math
import os
import statistics
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy.stats import t as student

from benchmarks._jobs import Job, work
from benchmarks._report import parser, report
from benchmarks.objectives.features import Fingerprints
from benchmarks.objectives.sets import TUNING, molecules
from benchmarks.objectives.tasks import Cell, Task, labels, make_task
from xgraph.data import describe
from xgraph.nn import MLP, KernelRidge, LogisticRegression
from xgraph.nn.tables.features import USUAL_FEATURES, fit_scale
from xgraph.nn.tables.kernels import tanimoto
from xgraph.training.scoring.metrics import average_precision

SETS = 8
CELLS = [Cell(size, share) for size in (500, 2000) for share in ("3", "10")]
C = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1]
ALPHA = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]
NETWORKS: dict[str, dict[str, Any]] = {
    "base": {},
    "128": {"hidden_channels": 128},
    "512": {"hidden_channels": 512},
    "two layers": {"num_layers": 2},
    "dropout 0": {"dropout": 0.0},
    "dropout .5": {"dropout": 0.5},
    "no norm": {"norm": "none"},
    "layer norm": {"norm": "layer"},
}
BASE: dict[str, Any] = {"hidden_channels": 256, "num_layers": 1, "dropout": 0.2, "norm": "batch"}
STEPS, BATCH, RATE = 400, 64, 1e-3


class Study:
    """The tasks and their features."""

    def __init__(self, mirror: Path, of_objectives: Path) -> None:
        self.molecules = molecules(mirror, of_objectives)
        self.minimol = Fingerprints(self.molecules, of_objectives / "features")
        self.described: dict[str, Any] = {}

    def tasks(self) -> Iterator[tuple[Cell, Task]]:
        """Yield the tasks that can be made."""
        for name, cell in product(self.molecules.order[: min(SETS, TUNING)], CELLS):
            if (task := make_task(self.molecules, name, cell)) is not None:
                yield cell, task

    def features(self, kinds: str, rows: np.ndarray) -> torch.Tensor:
        """Features of molecules of the tuning sets, float32."""
        if kinds == "minimol":
            return torch.from_numpy(self.minimol[rows])
        pool = self.molecules.pool
        if kinds not in self.described:
            self.described[kinds] = describe([self.molecules.smiles[i] for i in pool.tolist()], kinds.split(","))
        return torch.as_tensor(self.described[kinds][np.searchsorted(pool, rows)]).float()

    def measure(self, cell: Cell, task: Task) -> dict[str, Any]:
        """Test AP of every arm on a task."""
        y = labels(cell)
        done: dict[str, float] = {}

        def score(name: str, model: Any, x: torch.Tensor) -> None:
            with torch.inference_mode():
                logits = model(SimpleNamespace(features=x))[:, 0].double().numpy()
            done[name] = average_precision(y["test"], logits)

        train = torch.from_numpy(y["train"])
        for kinds in ("minimol", ",".join(USUAL_FEATURES)):
            x, fresh = (self.features(kinds, task.rows[part]) for part in ("train", "test"))
            for value in C:
                model = LogisticRegression(1, x.size(1), C=value)
                model.fit(x, train)
                score(f"logistic {kinds} {value:g}", model, fresh)
            for name, changes in NETWORKS.items() if kinds == "minimol" else ():
                score(f"mlp {name}", trained(x, train, {**BASE, **changes}), fresh)
        x, fresh = (self.features("morgan", task.rows[part]) for part in ("train", "test"))
        kernel, of_test = tanimoto(x, x), tanimoto(fresh, x)
        for value, balanced in product(ALPHA, (True, False)):
            ridge = KernelRidge(1, x.size(1), alpha=value, balanced=balanced)
            duals, _ = ridge._solve(kernel, train, None)  # the kernel is computed once
            done[f"kernel-ridge {value:g} {balanced}"] = average_precision(y["test"], (of_test @ duals).numpy())
        return {"ap": done, "prevalence": float(y["test"].mean())}


def trained(x: torch.Tensor, y: torch.Tensor, options: dict[str, Any]) -> MLP:
    """Return a network after `STEPS` steps of cross-entropy."""
    torch.manual_seed(0)
    model = MLP(1, x.size(1), **options)
    fit_scale(model.scale, x)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, fused=True)
    order: list[int] = []
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / STEPS))
        if len(order) < BATCH:
            order = [*order, *torch.randperm(len(x)).tolist()]
        rows, order = order[:BATCH], order[BATCH:]
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(model(SimpleNamespace(features=x[rows]))[:, 0], y[rows]).backward()
        optimizer.step()
    return model.eval()


def main() -> None:
    root = Path(os.environ.get("XGRAPH_ROOT", "runs"))
    options = parser(__doc__)
    options.add_argument("--out", type=Path, default=root / "table_defaults", help="folder for finished tasks")
    options.add_argument("--objectives", type=Path, default=root / "objectives", help="--out of benchmarks.objectives")
    arguments = options.parse_args()
    torch.set_num_threads(1)
    study = Study(Path(os.environ["XGRAPH_MIRROR"]), arguments.objectives)
    jobs = []
    for cell, task in study.tasks():
        settings = {"set": task.name, "cell": cell.name}
        path = arguments.out / f"{task.name}-{cell.name}.json"
        jobs.append(Job(path, settings, lambda cell=cell, task=task: study.measure(cell, task)))  # type: ignore[misc]
    work(lambda: jobs)
    if any(not job.path.exists() for job in jobs):
        return
    of_task = [json.loads(job.path.read_text())["ap"] for job in jobs]
    rows = [row(name, [one[name] for one in of_task], [one["mlp base"] for one in of_task]) for name in of_task[0]]
    report("table_defaults", rows, tasks=[job.settings for job in jobs], protocol=" ".join((__doc__ or "").split()))


def row(name: str, values: list[float], base: list[float]) -> dict[str, Any]:
    """Return an arm's line of the table: its mean AP, and for networks the difference to the base."""
    line: dict[str, Any] = {"arm": name, "ap": statistics.mean(values)}
    if name.startswith("mlp ") and name != "mlp base":
        each = [one - other for one, other in zip(values, base, strict=True)]
        half = student.ppf(0.975, len(each) - 1) * statistics.stdev(each) / math.sqrt(len(each))
        line |= {"gain": statistics.mean(each), "low": statistics.mean(each) - half}
        line |= {"high": statistics.mean(each) + half, "ahead": sum(one > 0 for one in each)}
    return line


if __name__ == "__main__":
    main()
