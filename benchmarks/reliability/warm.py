"""Imported by the server: everything is imported and compiled by a run of each kind, so that forks start at once."""

from __future__ import annotations

import contextlib
import gc
import os
import tempfile
import warnings
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before torch: no fork of a process with threads
from benchmarks.reliability import child
from benchmarks.reliability.material import KINDS, write_material


def _warm() -> None:
    before, variable = os.getcwd(), os.environ.get("XGRAPH_ROOT")
    with (
        tempfile.TemporaryDirectory(prefix="warm-") as name,
        open(os.devnull, "w") as nothing,
        contextlib.redirect_stdout(nothing),
        contextlib.redirect_stderr(nothing),
        warnings.catch_warnings(),
    ):
        os.environ["XGRAPH_ROOT"] = f"{name}/root"
        os.chdir(name)
        try:
            for kind in KINDS.values():
                write_material(Path(name) / kind.name)
                os.chdir(Path(name) / kind.name)
                child.main(kind.start())
        finally:
            os.chdir(before)
            os.environ.pop("XGRAPH_ROOT")
            if variable is not None:
                os.environ["XGRAPH_ROOT"] = variable


_warm()
gc.collect()
gc.freeze()  # else the collector of a fork copies the pages of what it shares, which looks like growth
