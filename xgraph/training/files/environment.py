"""Record the environment of a run: versions, machine, command and commit."""

import os
import platform
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

from xgraph._version import __version__
from xgraph.training.files.rundir import ENVIRONMENT
from xgraph.training.files.writing import write_json


def write_environment(path: Path, device: str) -> None:
    """Write `env.json`: versions, machine, threads, command, and, in a git checkout, the commit."""
    import torch

    values = {
        "versions": _versions(),
        "machine": {
            "system": platform.system(),
            "architecture": platform.machine(),
            "cpus": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        },
        "command": sys.argv,
        "commit": _commit(),
    }
    write_json(path / ENVIRONMENT, values)


@cache  # a recipe has hundreds of runs
def _versions() -> dict[str, str]:
    versions = {"xgraph": __version__, "python": platform.python_version()}
    for name in ("torch", "torch-geometric", "lightning", "rdkit", "numpy", "scikit-learn", "ogb"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


@cache
def _commit() -> str | None:
    """Return the git commit of this package if it runs from a checkout."""
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
