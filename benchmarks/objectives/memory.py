"""Why SOAP falls behind: its moving average with several weights of the new value, on tuning tasks.

A positive is visited ``steps x positives per batch / positives`` times. If that is a dozen, an average with a small
weight still holds values from the beginning of the stage.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchmarks._jobs import Job, read
from benchmarks._report import spread
from benchmarks.objectives.arms import ARMS, REFERENCE, Arm
from benchmarks.objectives.problems import MLPProblem
from benchmarks.objectives.sets import SEED
from benchmarks.objectives.tasks import Cell
from benchmarks.objectives.train import BATCH, first_stage, measured, train
from xgraph.sampling.items.labels import num_positives
from xgraph.training.scoring.metrics import average_precision

if TYPE_CHECKING:
    from benchmarks.objectives.jobs import Study

CELLS = [Cell(500, "3"), Cell(2000, "3"), Cell(2000, "10")]
GAMMAS = (0.1, 0.3, 0.8, 1.0)


def memory_arms() -> dict[str, Arm]:
    """Cross-entropy as fine-tuning, and SOAP in the same form with each weight."""
    soap = ARMS["soap-finetune"]
    arms = {f"{g:g}": replace(soap, options={**soap.options, "gamma": g}) for g in GAMMAS}
    return {REFERENCE: ARMS["bce-finetune"], **arms}


def memory_jobs(study: Study) -> Iterator[Job]:
    """A job per cell, with the learning rates of the study."""
    from benchmarks.objectives.jobs import STEPS, best_rates

    for cell in CELLS:
        rates = best_rates(study, cell.size)
        if len(rates) == len(ARMS):
            yield _job(study, cell, rates, STEPS[cell.size])


def _job(study: Study, cell: Cell, rates: dict[str, float], steps: int) -> Job:
    arms = memory_arms()
    of_arms = {name: rates[arm.name] * rates[REFERENCE] for name, arm in arms.items()}
    settings = {"cell": cell.name, "rates": of_arms, "steps": steps, "seed": SEED}

    def run() -> dict[str, Any]:
        tasks = study.tuning(cell)
        problem = MLPProblem(cell, tasks, study.fingerprints)
        first = first_stage(problem, rates[REFERENCE], steps, SEED)
        scores = {}
        for name, arm in arms.items():
            stage = train(problem, first.model, arm, of_arms[name], steps - steps // 2, SEED + 1)
            test = [one["ap"] for one in measured(problem, stage)]  # which loads the weights of the best check
            logits = problem.score(stage.model, "train")
            fitted = [average_precision(problem.labels["train"], column) for column in logits.T]
            scores[name] = {"test": test, "train": [round(value, 4) for value in fitted]}
        return {"sets": [task.name for task in tasks], "scores": scores, "visits": visits(cell, steps)}

    return Job(study.out / "memory" / f"{cell.name}.json", settings, run)


def visits(cell: Cell, steps: int) -> float:
    """How often a positive is in a batch of the second stage, on average."""
    share = ARMS["soap-finetune"].positives or 0.0
    return round((steps - steps // 2) * num_positives(BATCH, share) / cell.actives["train"], 1)


def memory_rows(study: Study) -> list[dict[str, Any]]:
    """A row per cell and weight: AP on test and training parts, and the paired difference to cross-entropy."""
    rows: list[dict[str, Any]] = []
    for path in sorted((study.out / "memory").glob("*.json")):
        result = read(path)
        reference = result["scores"][REFERENCE]["test"]
        for name, scores in result["scores"].items():
            gains = [ours - theirs for ours, theirs in zip(scores["test"], reference, strict=True)]
            row = {"cell": result["settings"]["cell"], "visits": result["visits"], "gamma": name, "tasks": len(gains)}
            row |= {"test": spread(scores["test"], 3), "train": spread(scores["train"], 3)}
            rows.append(row | {"gain": round(statistics.mean(gains), 4), "gain_std": round(statistics.stdev(gains), 4)})
    return rows
