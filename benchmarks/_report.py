"""Writes results: one JSON file per benchmark, with the machine, the versions and the commit; prints a table."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import math
import os
import platform
import re
import statistics
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("torch", "torch-geometric", "rdkit", "numpy", "lightning", "scikit-learn", "cuik-molmaker-pin")


def parser(doc: str | None) -> argparse.ArgumentParser:
    """An argument parser that prints a module's docstring unchanged."""
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def report(name: str, rows: list[dict[str, Any]], **extra: Any) -> Path:
    """Write ``benchmarks/results/<name>.json`` and print ``rows`` as a table."""
    import torch

    content = {
        "name": name,
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit(),
        "machine": {
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        },
        "versions": {"python": platform.python_version(), **_versions()},
        **extra,
        "rows": rows,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(content, indent=1) + "\n")
    temporary.replace(path)
    print(table(rows))
    return path


def commit() -> str:
    """The commit of the checkout, with "+changes" if the package differs from it."""
    return _git("rev-parse", "--short", "HEAD") + ("+changes" if _git("status", "--porcelain", "xgraph") else "")


def table(rows: list[dict[str, Any]]) -> str:
    """Format rows as aligned columns."""
    if not rows:
        return "(no rows)"
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([_text(row.get(name, "")) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def spread(values: Sequence[float], digits: int = 4, signed: bool = False) -> str:
    """Format mean ± standard deviation; the mean alone for a single value, an empty text for none."""
    if not values:
        return ""
    mean = f"{statistics.mean(values):{'+' if signed else ''}.{digits}f}"
    if len(values) < 2 or any(math.isnan(value) for value in values):
        return mean
    return f"{mean} ± {statistics.stdev(values):.{digits}f}"


def without_zeros(text: str) -> str:
    """Write numbers below one without the leading zero: ``.331``."""
    return re.sub(r"(?<![\d.])0(?=\.\d)", "", text)


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _versions() -> dict[str, str]:
    installed = {}
    for package in PACKAGES:
        try:
            installed[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return installed


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, cwd=RESULTS.parent, check=False)
    return done.stdout.strip()


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
