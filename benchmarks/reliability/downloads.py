"""Downloads from a hostile server: each of its answers is taken or refused in time, and nothing is left behind."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from benchmarks.reliability.judge import fault_of
from benchmarks.reliability.outcome import Outcome, Piece
from benchmarks.reliability.processes import run
from benchmarks.reliability.server import BODY, MODES, SHA256, HostileServer

PATIENCE = 0.5
TIMEOUT = 30.0


def parts(scale: float) -> Iterable[Piece]:
    """Return the pieces: all modes of the server."""
    yield Piece(f"a hostile server with {len(MODES)} modes", 0, partial(modes, names=list(MODES)))


def fetch(url: str) -> int:
    """Download a file whose size and checksum are known, as data sets are; 0: done, 1: refused, 2: not there."""
    from xgraph.data.storage.download import FetchError, MissingFileError, download

    try:
        download(url, Path("file"), sha256=SHA256, size=len(BODY), timeout=PATIENCE)
    except FetchError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2 if isinstance(error, MissingFileError) else 1
    return 0


def modes(folder: Path, seed: int, names: list[str]) -> Outcome:
    """Download under each mode."""
    outcome, place = Outcome(), folder / "work"
    codes = {"content": 0, "error": 1, "missing": 2}
    with HostileServer() as server:
        for name in names:
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            done = run(partial(fetch, f"{server.url}/{name}"), place, timeout=TIMEOUT)
            left = sorted(path.name for path in place.iterdir() if path.name not in ("tmp", "pid"))
            fault = fault_of(done)
            if fault is None and done.code != codes[MODES[name].outcome]:
                fault = f"ends with {done.code} instead of {MODES[name].outcome}: {done.last}"
            if fault is None and left != ["file"] * (done.code == 0):
                fault = f"leaves {left}"
            if fault is None and done.code == 0 and (place / "file").read_bytes() != BODY:
                fault = "takes other content"
            outcome.count(None if fault is None else f"{name}: {fault}")
            outcome.note("peak seconds", round(done.seconds, 1))
    return outcome
