"""Time and memory of a training step on bags, ours beside torchmil's ABMIL and LibAUC's MIDAM, in turn."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from typing import Any

from benchmarks._peers import Worker, peer_python
from benchmarks._report import report

SCRIPT = Path(__file__).with_name("_mil_worker.py")
BAGS, SHORT = 16, 100
LENGTHS = [100, 1_000, 10_000]
RAGGED = "ragged"
SAMPLED = 4
SIDES: dict[tuple[str, int | None], list[tuple[str, str]]] = {
    ("abmil", None): [("xgraph", "abmil"), ("torchmil", "abmil"), ("torchmil", "abmil-ones")],
    ("attention", None): [("xgraph", "attention"), ("libauc", "attention")],
    ("smoothed-max", None): [("xgraph", "smoothed-max"), ("libauc", "smoothed-max")],
    ("attention", SAMPLED): [("xgraph", "attention"), ("libauc", "attention")],
    ("smoothed-max", SAMPLED): [("xgraph", "smoothed-max"), ("libauc", "smoothed-max")],
}
"""Libraries and their models, by model and instances of a bag (None: all); the first of each is ours."""
NAME = "mil_speed"
Row = dict[str, Any]


def shapes(largest: int) -> dict[str, list[int]]:
    """Sizes of the bags, by name.

    Args:
        largest: Instances of the largest bag.

    Example:
        >>> {name: (len(sizes), sum(sizes)) for name, sizes in shapes(1_000).items()}
        {'16 × 100': (16, 1600), '16 × 1,000': (16, 16000), 'ragged': (16, 2500)}
    """
    made = {f"{BAGS} × {length:,}": [length] * BAGS for length in LENGTHS if length <= largest}
    return made | {RAGGED: [largest] + [SHORT] * (BAGS - 1)}


def measure(rounds: int, seconds: float, threads: int, largest: int) -> None:
    """Measure everything, A B A B; write ``benchmarks/results/mil_speed.json``, and print it.

    Args:
        rounds: How often each is measured; the figure is the median.
        seconds: Of each measurement.
        threads: Of torch.
        largest: Instances of the largest bags.
    """
    pythons = {"xgraph": sys.executable, **{name: peer_python(name) for name in ("torchmil", "libauc")}}
    workers = {library: Worker(python, SCRIPT, str(threads)) for library, python in pythons.items()}
    rows = []
    for shape, sizes in shapes(largest).items():
        for (model, instances), sides in SIDES.items():
            asked = {"sizes": sizes, "instances": instances}
            found: dict[tuple[str, str], list[dict[str, float]]] = {}
            for _ in range(rounds):
                for library, name in sides:
                    question = {"library": library, "model": name, "seconds": seconds, **asked}
                    found.setdefault((library, name), []).append(workers[library].ask(measure="ms", **question))
            for library, name in sides:
                new = Worker(pythons[library], SCRIPT, str(threads))  # memory: a process of its own
                found[library, name].append(new.ask(measure="mib", library=library, model=name, **asked))
                new.close()
            rows += compared(shape, model, instances, found)
            for row in rows[-len(sides) :]:
                print(row, file=sys.stderr, flush=True)
    for worker in workers.values():
        worker.close()
    protocol = (
        f"a training step of {BAGS} bags of 512 features in memory: batch, forward, backward, plain gradient descent; "
        f"{threads} thread(s), median of {rounds} rounds in turn; ragged is one bag of {largest:,} with fifteen of "
        f"{SHORT}; memory: highest resident set of two steps above that before, each in a process of its own; "
        "LibAUC 2.0.1, torchmil 1.0.2"
    )
    report(NAME, rows, protocol=protocol)


def compared(
    shape: str, model: str, instances: int | None, found: dict[tuple[str, str], list[dict[str, float]]]
) -> list[Row]:
    """A row for each side, with how many times longer it takes and how much more memory than ours.

    Args:
        shape: Of the batch.
        model: Which.
        instances: How many were sampled of a bag.
        found: Measurements of each side, ours first.

    Example:
        >>> found = {("xgraph", "a"): [{"ms": 2.0}, {"ms": 4.0}, {"ms": 2.5}], ("libauc", "a"): [{"ms": 5.0}]}
        >>> [(row["library"], row["ms"], row["× ours"]) for row in compared("16 × 100", "a", 4, found)]
        [('xgraph', 2.5, 1.0), ('libauc', 5.0, 2.0)]
    """
    rows: list[Row] = []
    for (library, name), values in found.items():
        row: Row = {"shape": shape, "model": model, "instances": "all" if instances is None else instances}
        row |= {"library": library, "as": "sixteen batches of one" if name.endswith("-ones") else "one batch"}
        for key in ("ms", "batch_ms", "mib", "step_mib"):
            known = [one[key] for one in values if key in one]
            if known:
                row[key] = statistics.median(known)
        row["× ours"] = row["ms"] / (rows[0]["ms"] if rows else row["ms"])
        rows.append(row)
    return rows
