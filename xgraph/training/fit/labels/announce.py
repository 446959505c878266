"""What a run is about to learn: its tasks, their positives in each part, and columns that are left out."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from xgraph.data.cards.pretrained import sentences
from xgraph.messages import legible, listed

if TYPE_CHECKING:
    from xgraph.training.sources import Source

_EACH = 12
"""So many tasks or classes get a line or an entry of their own."""


def announcement(source: "Source") -> Iterator[str]:
    """Yield the lines that say what the labels of a run are."""
    parts = ["train", *source.scored]
    y = {part: source.targets(source.splits[part]).numpy() for part in parts}
    positives = {part: (labels == 1).sum(axis=0) for part, labels in y.items()}
    known = {part: (~np.isnan(labels)).sum(axis=0) for part, labels in y.items()}
    names = [_short(name) for name in source.task_names]
    if source.numbers:
        yield from _numbers(names, y)
    elif source.several_classes:
        shown = [f"{name} ({', '.join(f'{positives[part][i]} {part}' for part in parts)})" for i, name in _few(names)]
        yield f"{len(names)} classes: {'; '.join(shown)}{_more(names)}"
    elif len(names) <= _EACH:
        for i, name in enumerate(names):
            counts = ", ".join(f"{positives[part][i]} of {known[part][i]} in {part}" for part in parts)
            yield f"task {name}: {counts.replace(' of ', ' positive of ', 1)}"
    else:
        yield f"{len(names)} tasks: {', '.join(name for _, name in _few(names))}{_more(names)}"
        for part in parts:
            counts = positives[part]
            lacking = int(((counts == 0) | (counts == known[part])).sum())
            line = f"positives per task in {part}: {counts.min()} to {counts.max()}, median {np.median(counts):g}"
            yield line + (f"; {lacking} tasks lack one of the two labels" if lacking else "")
    if source.kind == "bag" and source.feature_names:
        yield f"features: {listed(source.feature_names, 5)}"
    for text in sentences(source.pretrained()):
        yield f"pretrained: {text}"
    yield from _columns("read", getattr(source.data, "notes", {}))
    yield from _columns("left out", getattr(source.data, "left_out", {}))


def _numbers(names: list[str], y: dict[str, "np.ndarray[tuple[int, int], np.dtype[np.float32]]"]) -> Iterator[str]:
    """Say how many numbers each target has in each part, and how those of the first part are spread."""
    for i, name in _few(names):
        known = {part: own[~np.isnan(own[:, i]), i] for part, own in y.items()}
        first, own = next(iter(known.items()))
        spread = ""
        if len(own):
            mean, std = own.mean(dtype=np.float64), own.std(dtype=np.float64)
            spread = f"; in {first} {own.min():.4g} to {own.max():.4g}, mean {mean:.4g}, standard deviation {std:.4g}"
        yield f"target {name}: numbers, {', '.join(f'{len(own)} in {part}' for part, own in known.items())}{spread}"
    if len(names) > _EACH:
        yield f"{len(names) - 3} more targets: numbers, too"


def _columns(what: str, reasons: dict[str, str]) -> Iterator[str]:
    """A line for each of the first columns."""
    for name in list(reasons)[:_EACH]:
        yield f"{what}: {_short(name)}: {reasons[name]}"
    if len(reasons) > _EACH:
        yield f"{what}: {len(reasons) - _EACH} more columns"


def _few(names: list[str]) -> list[tuple[int, str]]:
    return list(enumerate(names if len(names) <= _EACH else names[:3]))


def _more(names: list[str]) -> str:
    return f" and {len(names) - 3} more" if len(names) > _EACH else ""


def _short(name: str) -> str:
    """A name from a file as one line of at most 60 characters, without characters that control a terminal."""
    return legible(" ".join(name.split()), 60)
