"""Write the report of a recipe: its tables as Markdown, and all values as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xgraph.recipes.report.choices import choice_grids, described
from xgraph.recipes.report.compare import Paired
from xgraph.recipes.report.partitions import Repeated, partitions_grid
from xgraph.recipes.report.results import Row
from xgraph.recipes.report.submission import SubmissionFile
from xgraph.recipes.report.tables import Grid, tables_of
from xgraph.recipes.run.directory import elapsed, read_json
from xgraph.recipes.run.tasks import Failure
from xgraph.recipes.schema.recipe import NUMBERS, REPORT, Recipe
from xgraph.training.files.members import fold_folders
from xgraph.training.files.rundir import ENVIRONMENT, dataset_label
from xgraph.training.files.writing import write_json, write_text

CUT_DOWN = "Reduced run: this is not the full protocol, so do not compare these figures with published ones."


@dataclass(frozen=True)
class Report:
    """The report of a finished recipe.

    Args:
        path: Directory of the runs and of the report.
        values: The contents of ``report.json``.
        tables: The tables of the report.
        submission: The file of predictions for a competition, if the recipe has one.
    """

    path: Path
    values: dict[str, Any] = field(repr=False)
    tables: list[Grid] = field(repr=False)
    submission: SubmissionFile | None = None

    @property
    def failed(self) -> dict[str, str]:
        """Why runs failed, by their names."""
        return {one["name"]: one["error"] for one in self.values["failed"]}


def write_report(
    recipe: Recipe,
    out: Path,
    rows: Sequence[Row],
    compared: Sequence[tuple[Row, Row, str, Paired]],
    seconds: Mapping[str, float],
    submission: SubmissionFile | None,
    parts: Sequence[Repeated] = (),
    failed: Sequence[Failure] = (),
    claim: Sequence[str] = (),
) -> Report:
    """Write `report.md` and `report.json`."""
    tables = tables_of(recipe, rows, compared)
    for dataset in recipe.datasets:
        own = [row for row in rows if row.dataset == dataset]
        tables += choice_grids(dataset_label(dataset), own, recipe.choices)
    if parts:
        tables.append(partitions_grid(recipe, parts))
    machines = _machines(recipe, out)
    values = {
        "recipe": recipe.path.stem,
        "title": recipe.title,
        "about": recipe.about,
        "time": recipe.time,
        "quick": bool(recipe.cut_down),
        "cut_down": recipe.cut_down,
        "metrics": recipe.metrics,
        "rows": [_row(row) for row in rows],
        "compared": [
            {"one": a.name, "other": b.name, "dataset": a.dataset, "metric": metric, **pairs._asdict()}
            for a, b, metric, pairs in compared
        ],
        "partitions": [one.to_dict(recipe.metrics) for one in parts],
        "failed": [one._asdict() for one in failed],
        "claim": list(claim),
        "published": [{**vars(one)} for one in recipe.published],
        "wall_seconds": sum(seconds.values()),
        "elapsed_seconds": elapsed(out),
        "wall_seconds_by_run": dict(seconds),
        "environments": machines,
        "submission": None if submission is None else {"file": submission.path.name, "note": submission.note},
    }
    write_json(out / NUMBERS, values)
    write_text(out / REPORT, _markdown(recipe, tables, values))
    return Report(out, values, tables, submission)


def _row(row: Row) -> dict[str, Any]:
    """Return a row for JSON: the metrics of every seed and part, and their summaries."""
    values: dict[str, Any] = {"name": row.name, "dataset": row.dataset}
    values["kind"] = "member" if row.is_member else "choice" if row.choices else "ensemble"
    values["members"] = {member.name: member.seeds for member in row.members}
    if row.is_member:
        values["settings"] = {**row.members[0].config.to_dict(), "seed": row.members[0].seeds}
    if row.pretrained:
        values["pretrained"] = row.pretrained
    if row.pooled:
        values["pooled"] = row.pooled
    if row.single:
        values["single_seeds"] = _summary(row.summarize_single())
    if not row.members[0].drawn_by_seed:
        values["all_seeds"] = _summary(row.summarize_combined())
    values["parts_of_seeds"] = [
        {"seed": seed, "part": part, **figures} for seed, runs in row.single.items() for part, figures in runs.items()
    ]
    values["parts"] = [{"part": part, **row.combined[part]} for part in row.parts]
    if row.choices:
        values["chosen"] = [{"part": part, "seed": seed, **one._asdict()} for part, seed, one in row.choices]
    return values


def _summary(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: {"mean": parts[name]["mean"], "std": parts[name]["std"]} for name in parts if name != "folds"}


def _machines(recipe: Recipe, out: Path) -> list[dict[str, Any]]:
    """Return the versions and machines of the runs, with one entry per distinct environment."""
    entries: dict[str, dict[str, Any]] = {}
    for member in recipe.members:
        for seed in member.seeds:
            run = recipe.run_path(member, seed)
            for folder in fold_folders(out / run) or [out / run]:
                values = read_json(folder / ENVIRONMENT)
                kept = {name: values.get(name) for name in ("versions", "machine", "commit")}
                entry = entries.setdefault(json.dumps(kept, sort_keys=True), {**kept, "runs": []})
                if str(run) not in entry["runs"]:
                    entry["runs"].append(str(run))
    return list(entries.values())


def _markdown(recipe: Recipe, tables: Sequence[Grid], values: Mapping[str, Any]) -> str:
    lines = [f"# {recipe.title}", ""]
    if recipe.cut_down:
        lines += [f"> **{CUT_DOWN}** Reduced: {recipe.cut_down}.", ""]
    lines += [recipe.about.strip(), ""]
    if values["claim"]:
        lines += ["## What these figures support", "", " ".join(values["claim"]), ""]
    for grid in tables:
        lines += [f"## {grid.heading}", "", *_markdown_table(grid.rows), ""]
        lines += [grid.note, ""] if grid.note else []
    if values["failed"]:
        lines += ["## Failed runs", "", "The report has what is possible without them.", ""]
        lines += [*(f"- {one['name']}: {one['error']}" for one in values["failed"]), ""]
    lines += ["## Settings", ""]
    for member in recipe.members:
        settings = ", ".join(f"{name} = {_plain(value)}" for name, value in member.settings.items())
        where = f" on {member.dataset}" if len(recipe.datasets) > 1 else ""
        lines.append(f"- **{member.name}**{where}, seeds {', '.join(map(str, member.seeds))}: {settings or 'defaults'}")
    for one in recipe.ensembles:
        what = "mean score" if one.combine == "mean" else "mean rank"
        lines.append(f"- **{one.name}**: {what} of {', '.join(one.members)}")
    lines += [f"- **{one.name}**: {described(one)}" for one in recipe.choices]
    lines += ["", "## Environment", "", f"Total wall time of the runs: {_clock(values['wall_seconds'])}."]
    for entry in values["environments"]:
        machine, versions = entry["machine"] or {}, entry["versions"] or {}
        words = [f"{name} {version}" for name, version in versions.items()]
        words += [f"{name} {value}" for name, value in machine.items()]
        number = f"{len(entry['runs'])} run{'' if len(entry['runs']) == 1 else 's'}"
        lines.append(f"\n{number}: {', '.join(words)}, commit {entry['commit'] or 'unknown'}.")
    if values["submission"]:
        lines.append(f"\nPredictions: `{values['submission']['file']}`. {values['submission']['note']}".rstrip())
    return "\n".join(lines) + "\n"


def _markdown_table(rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return [lines[0], "|" + "---|" * len(cells[0]), *lines[1:]]


def _plain(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _clock(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if seconds < 120 else f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
