"""What differs between two run directories, to the byte. Times differ, and the environment may."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

TIMES = {"seconds"}
"""Names of values that measure time."""


def differences(reference: Path, run: Path) -> tuple[int, int, list[str]]:
    """Return the bytes of state that differ, the rows of history that are lost, and a text for each difference."""
    total, rows, texts = 0, 0, []
    for path in sorted(file for file in reference.rglob("*") if file.is_file() and file.name != "env.json"):
        name = path.relative_to(reference)
        other = run / name
        if not other.is_file():
            total += path.stat().st_size
            texts.append(f"{name} is missing")
        elif path.name == "metrics.csv":
            expected, got = history(path), history(other)
            rows += sum(row not in got for row in expected)
            if expected != got:
                texts.append(f"{name} has {len(got)} rows of {len(expected)}, or others")
        else:
            found = content_difference(path, other)
            total += sum(found.values())
            texts += [f"{name}: {part} differs by {count} bytes" for part, count in found.items()]
    known = {file.relative_to(reference) for file in reference.rglob("*")}
    texts += [f"{name} is left over" for name in sorted({file.relative_to(run) for file in run.rglob("*")} - known)]
    return total, rows, texts


def history(path: Path) -> list[dict[str, str]]:
    """Return the rows of metrics.csv without the time."""
    with path.open(newline="") as file:
        return [{name: cell for name, cell in row.items() if name not in TIMES} for row in csv.DictReader(file)]


def content_difference(one: Path, two: Path) -> dict[str, int]:
    """Return the number of differing bytes of each part of a file."""
    try:
        left, right = (dict(_parts(_content(path))) for path in (one, two))
    except Exception as error:  # whatever a damaged file makes torch raise
        return {f"unreadable ({type(error).__name__})": one.stat().st_size}
    found = {}
    for name in {**left, **right}:
        here, there = left.get(name, b""), right.get(name, b"")
        if here != there:
            found[name] = max(sum(a != b for a, b in zip(here, there, strict=False)) + abs(len(here) - len(there)), 1)
    return found


def _content(path: Path) -> Any:
    if path.suffix == ".ckpt":
        return torch.load(path, map_location="cpu", weights_only=True)
    if path.suffix == ".json":
        return json.loads(path.read_text())
    if path.suffix == ".html":
        return re.sub(rb"<dt>training time</dt><dd>[^<]*", b"", path.read_bytes())
    return path.read_bytes()


def _parts(value: Any, name: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield every leaf of nested values as bytes, under the path of its names."""
    if isinstance(value, dict):
        yield name, repr([key for key in value if key not in TIMES]).encode()
        for key, item in value.items():
            if key not in TIMES:
                yield from _parts(item, f"{name}/{key}")
    elif isinstance(value, list | tuple):
        yield name, f"{type(value).__name__} of {len(value)}".encode()
        for number, item in enumerate(value):
            yield from _parts(item, f"{name}/{number}")
    elif isinstance(value, torch.Tensor):
        plain = value.detach().contiguous().reshape(-1)
        data = plain.view(torch.uint8).numpy().tobytes() if plain.numel() else b""
        yield name, f"{value.dtype} {tuple(value.shape)} ".encode() + data
    else:
        yield name, value if isinstance(value, bytes) else repr(value).encode()
