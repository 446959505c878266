"""Runs as a notebook shows them."""

import shlex
from typing import TYPE_CHECKING, Any

from xgraph.notebooks import box, table

if TYPE_CHECKING:
    from xgraph.training.files.rundir import Run

_INPUT = {"graph": "molecules.csv", "node": "", "bag": "bags.csv"}


def run_html(run: "Run") -> str:
    """Return the metrics of a run, its main settings, its directory and the commands for it."""
    parts = [name for name in ("train", "valid", "test") if isinstance(run.metrics.get(name), dict)]
    values: dict[str, Any] = {part: run.metrics[part].get("mean", run.metrics[part]) for part in parts}
    names = list(dict.fromkeys(name for own in values.values() for name, value in own.items() if _is_number(value)))
    rows = [[name, *(own[name] if _is_number(own.get(name)) else "" for own in values.values())] for name in names]
    facts: list[list[object]] = [["directory", run.path]]
    try:
        config = run.config
    except (ValueError, OSError, TypeError):  # a pretrained encoder, or a run of another version
        title, file = "Run", ""
    else:
        title, file = f"{config.model} on {config.dataset}", _INPUT[config.data.kind]
        facts += [["loss", config.loss], ["epochs", config.epochs], ["seed", config.seed]]
    place = shlex.quote(str(run.path))
    facts += [
        [f"{'next' if not i else ''}", f"xgraph {word} {place} {file if word != 'report' else ''}".strip()]
        for i, word in enumerate(_WORDS)
    ]
    return box(title, table(rows, ["metric", *parts]) if rows else "", table(facts))


_WORDS = ("predict", "explain", "report")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
