"""Runs other libraries, each in a virtual environment of its own that is created once."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from xgraph.data.storage.root import root

WORKERS = Path(__file__).parent / "workers"
CONSTRAINTS = Path(__file__).parent.parent / "constraints.txt"
INSTALL = {
    # LibAUC asks for torchvision and transformers, which its losses do not need
    "libauc": [
        ["torch", "numpy", "tqdm", "scikit-learn", "pandas", "torch-geometric", "ogb"],
        ["--no-deps", "libauc==2.0.1"],
    ],
    "torchmil": [["torch", "numpy", "torchmil==1.0.2"]],
    "chemprop": [["torch", "numpy", "chemprop==2.3.1"]],
    # built from source, against the installed torch; it has no wheels on the package index
    "torch-sparse": [
        ["torch", "torch-geometric", "numpy", "scipy", "setuptools", "wheel", "ninja"],
        ["--no-deps", "--no-build-isolation", "torch-scatter==2.1.2", "torch-sparse==0.6.18"],
    ],
}


def peer_python(name: str) -> str:
    """Return the Python of a peer's environment; create it under ``XGRAPH_ROOT/peers`` if it is missing."""
    folder = root() / "peers" / name
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        print(f"installing {name} into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        for packages in INSTALL[name]:
            subprocess.run([python, "-m", "pip", "install", "-q", "-c", CONSTRAINTS, *packages], check=True)
        done.touch()
    return str(python)


def pythons(*peers: str) -> dict[str, str]:
    """Return the Python of each library, ours first."""
    return {"xgraph": sys.executable, **{name: peer_python(name) for name in peers}}


class Worker:
    """A process that answers each line of JSON with another one: a script in `benchmarks.workers`."""

    def __init__(self, python: str, script: str, *arguments: object) -> None:
        command = [python, str(WORKERS / f"{script}.py"), *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        self.process.wait()

    def ask(self, **question: Any) -> Any:
        """Send a question and wait for the answer."""
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError(f"the worker {self.process.args} stopped with exit code {self.process.wait()}")


@contextmanager
def workers(
    script: str, pythons: dict[str, str], *arguments: object, named: bool = False
) -> Iterator[dict[str, Worker]]:
    """Start a worker for each library, to time them in turn; if `named`, its first argument is the library."""
    with ExitStack() as stack:
        yield {
            library: stack.enter_context(Worker(python, script, *([library] if named else []), *arguments))
            for library, python in pythons.items()
        }
