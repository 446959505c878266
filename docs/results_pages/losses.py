"""Tables and figures of ``docs/results/losses.md``."""

from __future__ import annotations

from typing import Any

from results_pages.data import one, read
from results_pages.formats import markdown, number, times

SHAPES = [(64, 1), (512, 1), (4096, 1), (65536, 1), (64, 128), (512, 128), (4096, 128)]
LOSSES = [
    "bce",
    "focal",
    "soap",
    "sopa",
    "sopa-s",
    "sota-s",
    "staco",
    "auc-margin",
    "auc-pairwise",
    "kl-dro",
    "group-dro",
]


def loss_row(loss: str, batch: int, tasks: int = 1) -> dict[str, Any]:
    return one(read("losses")["rows"], loss=loss, batch=batch, tasks=tasks)


def loss_ms(loss: str, batch: int, tasks: int = 1, library: str = "xgraph") -> str:
    return number(loss_row(loss, batch, tasks)[f"{library} ms"])


def loss_times(loss: str, batch: int, tasks: int = 1) -> str:
    """How many times faster than LibAUC."""
    return times(loss_row(loss, batch, tasks)["times faster"])


def loss_ratio(loss: str, batch: int, tasks: int = 1) -> str:
    """How many times our cross-entropy."""
    return f"{loss_row(loss, batch, tasks)['times our BCE']:.1f}×"


def _loss_table(cell: Any) -> str:
    head = ["loss", *(f"{batch:,}" + (f" × {tasks}" if tasks > 1 else "") for batch, tasks in SHAPES)]
    return markdown(head, ([f"`{loss}`", *(cell(loss_row(loss, *shape)) for shape in SHAPES)] for loss in LOSSES))


def losses_time() -> str:
    def cell(row: dict[str, Any]) -> str:
        peer = row["LibAUC ms"]
        return number(row["xgraph ms"]) + (f" ({times(row['times faster'])})" if peer else "")

    return _loss_table(cell)


def losses_relative() -> str:
    return _loss_table(lambda row: f"{row['times our BCE']:.1f}")


def memory_mib(loss: str, library: str = "xgraph") -> str:
    return f"{one(read('losses')['memory'], loss=loss)[f'{library} MiB']:,.0f}"


def losses_memory() -> str:
    rows = []
    for row in read("losses")["memory"]:
        peer = row["libauc MiB"]
        rows.append([f"`{row['loss']}`", f"{row['xgraph MiB']:.0f}", "" if peer is None else f"{peer:,.0f}"])
    return markdown(["loss", "xgraph, MiB", "LibAUC, MiB"], rows)
