"""Peers run in environments of their own, made once, and are called by subprocess."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

CONSTRAINTS = Path(__file__).parent.parent / "constraints.txt"
INSTALL = {
    # LibAUC asks for torchvision and transformers, which its losses do not need
    "libauc": [
        ["torch", "numpy", "tqdm", "scikit-learn", "pandas", "torch-geometric", "ogb"],
        ["--no-deps", "libauc==2.0.1"],
    ],
    "torchmil": [["torch", "numpy", "torchmil==1.0.2"]],
    "chemprop": [["torch", "numpy", "chemprop==2.3.1"]],
    # built from source, against the torch that is there; it has no wheels on the package index
    "torch-sparse": [
        ["torch", "torch-geometric", "numpy", "scipy", "setuptools", "wheel", "ninja"],
        ["--no-deps", "--no-build-isolation", "torch-scatter==2.1.2", "torch-sparse==0.6.18"],
    ],
}


def peer_python(name: str) -> str:
    """The Python of the peer's environment; makes it under ``XGRAPH_ROOT/peers`` where it is not there yet."""
    root = Path(os.environ.get("XGRAPH_ROOT", Path.home() / ".cache" / "xgraph")) / "peers" / name
    python, done = root / "bin" / "python", root / "installed"
    if not done.exists():
        print(f"installing {name} into {root}", file=sys.stderr)
        venv.create(root, with_pip=True, clear=True)
        for packages in INSTALL[name]:
            subprocess.run([python, "-m", "pip", "install", "-q", "-c", CONSTRAINTS, *packages], check=True)
        done.touch()
    return str(python)


class Worker:
    """A process that answers one JSON line with another, so that two sides can be timed in turn."""

    def __init__(self, python: str, script: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [python, str(script), *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **question: Any) -> Any:
        """Send a question, wait for the answer."""
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError(f"the worker {self.process.args} ended with {self.process.wait()}")

    def close(self) -> None:
        """End it."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait()
