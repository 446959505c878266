"""What a forked process does: watch its own writes, perhaps kill itself at one of them, and run a command."""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Imported once, by the server from which all others are forked.
import lightning
import rdkit.Chem
import torch_geometric.loader

import xgraph.cli.app
import xgraph.data.registry
import xgraph.training.fit.baseline
import xgraph.training.fit.engine
import xgraph.training.fit.train
import xgraph.training.prediction.predict_file
import xgraph.training.pretraining.pretrain
import xgraph.training.sources
from xgraph.cli import main

LOADED = (lightning, rdkit.Chem, torch_geometric.loader, xgraph)
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
ELSEWHERE = ("/dev/", "/proc/", os.environ.get("NUMBA_CACHE_DIR", "/dev/"))
"""Where a command may write beside its folder."""
MEMORY = 12 << 30
"""Bytes of address space that a command may have, so that a fault does not take the whole machine."""


class Watch:
    """An audit hook: counts changes within a folder, notes those outside, and kills the process at one of them."""

    def __init__(self, folder: Path, report: Path, die_at: int | None, seed: int) -> None:
        self.folder, self.report, self.die_at = os.path.realpath(folder), report, die_at
        self.random = random.Random(seed)
        self.changes: list[str] = []
        self.outside: list[str] = []
        self.busy = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Receive an event of the interpreter."""
        if self.busy or not (event == "open" or event in CHANGES):
            return
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & WRITING):
            return
        self.busy = True  # realpath and what follows raise events themselves
        try:
            self._changed(event, [os.fsdecode(one) for one in arguments if isinstance(one, str | bytes | os.PathLike)])
        finally:
            self.busy = False

    def _changed(self, event: str, names: list[str]) -> None:
        paths = names[:1] if event == "open" else names
        for name in paths:
            place = os.path.realpath(os.path.dirname(name)) + "/" + os.path.basename(name)
            if place.startswith(ELSEWHERE) or "/__pycache__" in place:
                return
            if not place.startswith(self.folder + "/"):
                self.outside.append(f"{event} {place}")
                return
        if not paths:
            return
        self.changes.append(f"{event} {os.path.relpath(paths[-1], self.folder)}")
        if len(self.changes) == self.die_at:
            if event == "os.rename" and self.random.random() < 0.5:  # as if killed while writing
                os.truncate(paths[0], self.random.randrange(os.path.getsize(paths[0]) + 1))
            os.kill(os.getpid(), signal.SIGKILL)

    def write(self) -> None:
        """Write what was seen."""
        self.busy = True
        self.report.write_text(json.dumps({"changes": self.changes, "outside": self.outside}))


def perform(
    words: list[str] | Callable[[], int], folder: str, report: str, die_at: int | None, seed: int, typed: str | None
) -> None:
    """Run a command, or call a function, in a folder, with its output in files beside the report."""
    sys.stdout.flush()
    for number, kind in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{report}.{kind}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open(typed or os.devnull, os.O_RDONLY), 0)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, encoding="utf-8") for number, mode in ((0, "r"), (1, "w"), (2, "w"))
    )
    os.chdir(folder)
    os.environ.update(HOME=folder, XGRAPH_ROOT=f"{folder}/root", TMPDIR=f"{folder}/tmp")
    os.environ.pop("XGRAPH_MIRROR", None)
    os.makedirs(f"{folder}/tmp", exist_ok=True)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    Path(folder, "pid").write_text(str(os.getpid()))
    watch = Watch(Path(folder), Path(report), die_at, seed)
    sys.addaudithook(watch)
    code = main(words) if isinstance(words, list) else words()
    sys.stdout.flush()
    sys.stderr.flush()
    watch.write()
    os._exit(code)
