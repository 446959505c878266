"""The jobs of the study, in the order in which they are done."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from benchmarks._jobs import Job, read
from benchmarks.objectives.arms import ARMS, FORESTS, ONE_STAGE, REFERENCE, TWO_STAGE
from benchmarks.objectives.features import Fingerprints
from benchmarks.objectives.memory import memory_jobs
from benchmarks.objectives.problems import GINEProblem, MLPProblem, MorganCounts, forests
from benchmarks.objectives.sets import SEED, TUNING, Molecules, molecules
from benchmarks.objectives.tasks import CELLS, Cell, Task, make_task
from benchmarks.objectives.train import first_stage, run_arms

ROUND = 8
"""Sets per round: the networks of a cell and round are trained side by side."""
TUNED = {500: Cell(500, "3"), 2000: Cell(2000, "3"), 10000: Cell(2000, "3")}
"""By size of the training part, the cell on which learning rates are chosen."""
STEPS = {500: 400, 2000: 400, 10000: 800}
LARGE = 10000
GINE_STEPS = 400
GINE_CELLS = [Cell(2000, "3"), Cell(2000, "10")]
GINE_ARMS = ["bce", "bce-half", "bce-finetune", "soap-new-head", "soap-finetune", "auc-pairwise-finetune"]
GINE_RATES = {"bce": 1e-3, "bce-half": 1e-3, "soap-new-head": 1.0} | dict.fromkeys(
    ("bce-finetune", "soap-finetune", "auc-pairwise-finetune"), 0.3
)
"""The defaults of `xgraph train`: tuning would take as long as the study."""
FOREST_CELLS = [Cell(2000, "3"), Cell(500, "3"), Cell(2000, "10"), Cell(500, "10")]


@dataclass(frozen=True)
class Study:
    """Where the data are, and where finished runs go."""

    mirror: Path
    out: Path
    limit: int | None = None
    """Rounds to do; None: all."""

    @cached_property
    def molecules(self) -> Molecules:
        return molecules(self.mirror, self.out)

    @cached_property
    def fingerprints(self) -> Fingerprints:
        return Fingerprints(self.molecules, self.out / "features")

    @cached_property
    def counts(self) -> MorganCounts:
        return MorganCounts(self.molecules.smiles)

    def tasks(self, cell: Cell, names: Sequence[str]) -> list[Task]:
        """The tasks of those sets that are large enough."""
        return [task for name in names if (task := known_task(self, cell, name)) is not None]

    def tuning(self, cell: Cell) -> list[Task]:
        """The first tuning tasks of a cell."""
        return self.tasks(cell, self.molecules.order[:TUNING])[:ROUND]

    def rounds(self) -> list[list[str]]:
        """The reported sets, in rounds."""
        reported = self.molecules.order[TUNING:]
        return [reported[i : i + ROUND] for i in range(0, len(reported), ROUND)][: self.limit]


@cache
def known_task(study: Study, cell: Cell, name: str) -> Task | None:
    return make_task(study.molecules, name, cell)


def tuning_jobs(study: Study) -> Iterator[Job]:
    """Each arm with each rate on tuning tasks: first those of one stage, as the others need cross-entropy's rate."""
    for size, cell in TUNED.items():
        if cell.size != size:
            continue
        one = _tuning_job(study, cell, "one", [arm.name for arm in ONE_STAGE], {})
        yield one
        if one.path.exists():
            yield _tuning_job(study, cell, "two", [arm.name for arm in TWO_STAGE], best_rates(study, size))


def _tuning_job(study: Study, cell: Cell, stage: str, arms: list[str], chosen: dict[str, float]) -> Job:
    rates = {name: ARMS[name].rates for name in arms}
    settings = {
        "cell": cell.name,
        "rates": {name: list(of_arm) for name, of_arm in rates.items()},
        "chosen": chosen,
        "steps": STEPS[cell.size],
        "seed": SEED,
    }

    def run() -> dict[str, Any]:
        tasks = study.tuning(cell)
        problem = MLPProblem(cell, tasks, study.fingerprints)
        first = first_stage(problem, chosen[REFERENCE], STEPS[cell.size], SEED) if chosen else None
        scores: dict[str, Any] = {}
        for name in arms:
            for rate in rates[name]:
                done = run_arms(problem, [name], {**chosen, name: rate}, STEPS[cell.size], SEED, first)
                scores[f"{name} {rate:g}"] = {key: [task[key] for task in done[name]] for key in ("ap", "valid")}
        return {"sets": [task.name for task in tasks], "scores": scores}

    return Job(study.out / "tuning" / f"{cell.name}-{stage}.json", settings, run)


def best_rates(study: Study, size: int) -> dict[str, float]:
    """By arm, the rate with the best mean AP on the test parts of the tuning tasks; arms without results are absent."""
    best: dict[str, tuple[float, float]] = {}
    for stage in ("one", "two"):
        path = study.out / "tuning" / f"{TUNED[size].name}-{stage}.json"
        if path.exists():
            for key, scores in read(path)["scores"].items():
                name, rate = key.split(" ")
                best[name] = max(best.get(name, (-1.0, 0.0)), (statistics.mean(scores["ap"]), float(rate)))
    return {name: rate for name, (_, rate) in best.items()}


def mlp_jobs(study: Study) -> Iterator[Job]:
    """All arms on the reported tasks: round by round and cell by cell."""
    return _mlp_jobs(study, [cell for cell in CELLS if cell.size != LARGE])


def large_jobs(study: Study) -> Iterator[Job]:
    """The same for the large training parts, which take longest."""
    return _mlp_jobs(study, [cell for cell in CELLS if cell.size == LARGE])


def _mlp_jobs(study: Study, cells: list[Cell]) -> Iterator[Job]:
    for number, names in enumerate(study.rounds()):
        for cell in cells:
            rates = best_rates(study, cell.size)
            if len(rates) == len(ARMS) and study.tasks(cell, names):
                yield _mlp_job(study, cell, number, names, rates)


def _mlp_job(study: Study, cell: Cell, number: int, names: list[str], rates: dict[str, float]) -> Job:
    settings = {"cell": cell.name, "sets": names, "rates": rates, "steps": STEPS[cell.size], "seed": SEED + number}

    def run() -> dict[str, Any]:
        tasks = study.tasks(cell, names)
        problem = MLPProblem(cell, tasks, study.fingerprints)
        scores = run_arms(problem, [*ARMS], rates, STEPS[cell.size], SEED + number)
        return {"scores": by_task(tasks, scores), "tasks": described(tasks)}

    return Job(study.out / "mlp" / f"{number:02d}-{cell.name}.json", settings, run)


def gine_jobs(study: Study) -> Iterator[Job]:
    """Some arms with GINE, set by set."""
    for number, name in enumerate(chain.from_iterable(study.rounds())):
        for cell in GINE_CELLS:
            if study.tasks(cell, [name]):
                yield _gine_job(study, cell, number, name)


def _gine_job(study: Study, cell: Cell, number: int, name: str) -> Job:
    settings = {"cell": cell.name, "rates": GINE_RATES, "steps": GINE_STEPS, "seed": SEED + number}

    def run() -> dict[str, Any]:
        tasks = study.tasks(cell, [name])
        problem = GINEProblem(cell, tasks[0], study.molecules.smiles)
        scores = run_arms(problem, GINE_ARMS, GINE_RATES, GINE_STEPS, SEED + number)
        return {"scores": by_task(tasks, scores), "tasks": described(tasks)}

    return Job(study.out / "gine" / f"{number:03d}-{cell.name}.json", settings, run)


def forest_jobs(study: Study) -> Iterator[Job]:
    """Random forests on the reported tasks."""
    for number, names in enumerate(study.rounds()):
        for cell in FOREST_CELLS:
            if study.tasks(cell, names):
                yield _forest_job(study, cell, number, names)


def _forest_job(study: Study, cell: Cell, number: int, names: list[str]) -> Job:
    def run() -> dict[str, Any]:
        tasks = study.tasks(cell, names)
        inputs = dict(zip(FORESTS, (study.fingerprints, study.counts), strict=True))
        return {"scores": {task.name: forests(cell, task, inputs, SEED) for task in tasks}, "tasks": described(tasks)}

    settings = {"cell": cell.name, "sets": names, "seed": SEED}
    return Job(study.out / "forest" / f"{number:02d}-{cell.name}.json", settings, run)


def by_task(tasks: Sequence[Task], scores: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Scores by task and arm."""
    return {task.name: {arm: of_tasks[k] for arm, of_tasks in scores.items()} for k, task in enumerate(tasks)}


def described(tasks: Sequence[Task]) -> dict[str, Any]:
    """What a reader may want to know of each task."""
    return {task.name: {"threshold": task.threshold, "inactives": round(task.inactives, 3)} for task in tasks}


REGIMES = {
    "tuning": tuning_jobs,
    "mlp": mlp_jobs,
    "large": large_jobs,
    "gine": gine_jobs,
    "forest": forest_jobs,
    "memory": memory_jobs,
}
