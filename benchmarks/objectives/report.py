"""Writes ``benchmarks/results/objectives.json`` from the finished jobs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks._jobs import read
from benchmarks._report import report, spread
from benchmarks.objectives.analysis import differences, holm, summary
from benchmarks.objectives.arms import ARMS, REFERENCE
from benchmarks.objectives.jobs import GINE_CELLS, REGIMES, STEPS, TUNED, Study, best_rates
from benchmarks.objectives.memory import memory_rows
from benchmarks.objectives.sets import SEED, TUNING
from benchmarks.objectives.tasks import CELLS
from benchmarks.objectives.train import METRICS

COLUMNS = (*METRICS, "valid", "check")


def write(study: Study) -> None:
    """Write the file and print the overall table."""
    scores = {regime: finished(study.out / regime) for regime in ("mlp", "gine")}
    for name, of_set in finished(study.out / "forest").items():
        for cell, arms in of_set.items():
            if cell in scores["mlp"].get(name, {}):
                scores["mlp"][name][cell] |= arms
    rows = [row for regime, of_regime in scores.items() for row in gains(regime, of_regime)]
    report(
        "objectives",
        rows,
        protocol="benchmarks/objectives/PROTOCOL.md",
        seed=SEED,
        hours={regime: hours(study.out / regime) for regime in REGIMES},
        rates={str(size): best_rates(study, size) for size in STEPS},
        tuning={cell.name: tuning(study.out / "tuning", cell.name) for cell in set(TUNED.values())},
        tasks={regime: counts(of_regime) for regime, of_regime in scores.items()},
        memory=memory_rows(study),
        missing=missing(study, scores),
        actives={cell.name: cell.actives["train"] for cell in CELLS},
        columns=COLUMNS,
        values={regime: compact(of_regime) for regime, of_regime in scores.items()},
    )


def finished(folder: Path) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """Metrics by set, cell and arm of all finished jobs of a folder."""
    scores: dict[str, Any] = {}
    for path in sorted(folder.glob("*.json")):
        result = read(path)
        for name, arms in result["scores"].items():
            scores.setdefault(name, {})[result["settings"]["cell"]] = arms
    return scores


def gains(regime: str, scores: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of differences to cross-entropy: overall and by cell, for each arm and metric."""
    arms = dict.fromkeys(arm for of_set in scores.values() for of_cell in of_set.values() for arm in of_cell)
    cells = [cell.name for cell in CELLS if any(cell.name in of_set for of_set in scores.values())]
    rows = []
    for metric in METRICS:
        overall = []
        for arm in arms:
            for where in ([], *([cell] for cell in cells)):
                of_sets = differences(scores, arm, REFERENCE, metric, where)
                if arm != REFERENCE and len(of_sets) > 1:
                    row = {"regime": regime, "metric": metric, "cell": where[0] if where else "all", "arm": arm}
                    rows.append(row | {"against": REFERENCE} | summary(of_sets))
                    overall += [] if where else [rows[-1]]
            same_form = same_batches(arm)
            if same_form and len(of_sets := differences(scores, arm, same_form, metric)) > 1:
                row = {"regime": regime, "metric": metric, "cell": "all", "arm": arm, "against": same_form}
                rows.append(row | summary(of_sets))
        compared = {row["arm"]: row["p"] for row in overall if not row["arm"].startswith(("forest", "first-stage"))}
        corrected = holm(compared)
        for row in overall:
            if row["arm"] in corrected:
                row["p_holm"] = corrected[row["arm"]]
    return rows


def same_batches(arm: str) -> str | None:
    """Cross-entropy in the same form on the same batches, which tells the effect of the loss from that of the form."""
    form = ARMS[arm].form if arm in ARMS else "one-stage"
    return f"{REFERENCE}-{form}" if form != "one-stage" and ARMS[arm].loss != REFERENCE else None


def hours(folder: Path) -> float:
    """Hours that the finished jobs took on one core, which was shared with other work."""
    return round(sum(read(path)["seconds"] for path in folder.glob("*.json")) / 3600, 2)


def tuning(folder: Path, cell: str) -> dict[str, str]:
    """Mean test AP on the tuning tasks by arm and rate."""
    found: dict[str, str] = {}
    for stage in ("one", "two"):
        path = folder / f"{cell}-{stage}.json"
        if path.exists():
            found |= {key: spread(scores["ap"], 3) for key, scores in read(path)["scores"].items()}
    return found


def counts(scores: dict[str, Any]) -> dict[str, int]:
    """Finished tasks by cell."""
    return {cell.name: sum(cell.name in of_set for of_set in scores.values()) for cell in CELLS}


def missing(study: Study, scores: dict[str, Any]) -> list[str]:
    """What the protocol names and time did not suffice for."""
    reported = study.molecules.order[TUNING:]
    lines = [
        f"{regime}, {cell.share} % of {cell.size:,}: {counts(scores[regime])[cell.name]} of "
        f"{len(study.tasks(cell, reported))} tasks"
        for regime, cells in (("mlp", CELLS), ("gine", GINE_CELLS))
        for cell in cells
    ]
    return [*lines, "Tox21, SIDER, HIV, SARS, MUV: none"]


def compact(scores: dict[str, Any]) -> dict[str, Any]:
    """Metrics as one text per task and arm, in the order of `COLUMNS`."""
    return {
        name: {cell: {arm: text(values, COLUMNS) for arm, values in arms.items()} for cell, arms in of_set.items()}
        for name, of_set in scores.items()
    }


def text(values: dict[str, float], columns: Sequence[str]) -> str:
    return " ".join(f"{values[column]:g}" for column in columns if column in values)
