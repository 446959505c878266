"""Which defaults suit the models of features: ``python -m benchmarks.table_defaults`` (needs XGRAPH_MIRROR).

The tasks are those of the first eight tuning sets of benchmarks/objectives, which that study never reports, in the
cells of 500 and 2,000 training molecules with 3 and 10 % actives. The figure is the AP of the 5,000 test molecules.

The rule was fixed before the first run, but for a trial of the code on one task. The default of ``C`` of `logistic` is
the value with the highest mean over all tasks and two inputs, MiniMol and Morgan counts. Those of ``alpha`` and
``balanced`` of `kernel-ridge` are the pair with the highest mean on Morgan counts with the Tanimoto kernel.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from benchmarks._jobs import Job, work
from benchmarks._report import parser, report
from benchmarks.objectives.features import Fingerprints
from benchmarks.objectives.sets import TUNING, molecules
from benchmarks.objectives.tasks import Cell, Task, labels, make_task
from xgraph.data import describe
from xgraph.nn import KernelRidge, LogisticRegression
from xgraph.nn.tables.kernels import tanimoto
from xgraph.training.scoring.metrics import average_precision

SETS = 8
CELLS = [Cell(size, share) for size in (500, 2000) for share in ("3", "10")]
C = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1]
ALPHA = [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]


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
        for kinds in ("minimol", "morgan"):
            x, fresh = (self.features(kinds, task.rows[part]) for part in ("train", "test"))
            for value in C:
                model = LogisticRegression(1, x.size(1), C=value)
                model.fit(x, train)
                score(f"logistic {kinds} {value:g}", model, fresh)
        kernel, of_test = tanimoto(x, x), tanimoto(fresh, x)
        for value, balanced in product(ALPHA, (True, False)):
            ridge = KernelRidge(1, x.size(1), alpha=value, balanced=balanced)
            duals, _ = ridge._solve(kernel, train, None)  # the kernel is computed once
            done[f"kernel-ridge {value:g} {balanced}"] = average_precision(y["test"], (of_test @ duals).numpy())
        return {"ap": done, "prevalence": float(y["test"].mean())}


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
    rows = [{"arm": name, "ap": statistics.mean(one[name] for one in of_task)} for name in of_task[0]]
    report("table_defaults", rows, tasks=[job.settings for job in jobs], protocol=" ".join((__doc__ or "").split()))


if __name__ == "__main__":
    main()
