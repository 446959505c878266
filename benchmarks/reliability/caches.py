"""The data root: two processes fill it at once, one of them is killed, and its files are damaged."""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.reliability.judge import fault_of
from benchmarks.reliability.material import molecules, write_rows
from benchmarks.reliability.mutate import bytes_mutated, flipped
from benchmarks.reliability.outcome import Outcome, Piece, pieces
from benchmarks.reliability.processes import Done, run

TOGETHER, DAMAGED, PART = 60, 200, 20
ROWS = 600  # smaller tables are not cached


def parts(scale: float) -> Iterable[Piece]:
    """Return the pieces."""
    yield from pieces("two processes fill one cache", max(1, round(scale * TOGETHER)), PART, together)
    for what, change in (("a flipped bit", flipped), ("other damage", bytes_mutated)):
        number = max(1, round(scale * DAMAGED))
        yield from pieces(f"cached files with {what}", number, PART, partial(damaged, change=change))


def fingerprint() -> int:
    """Featurise a table, by way of the cache, and print a checksum of all items; return the exit code."""
    import hashlib

    from xgraph.data import load

    data = load("molecules.csv", split="random").with_features(["maccs"])
    digest = hashlib.sha256()
    for graph in data:
        for name in sorted(graph.keys()):
            value = graph[name]
            digest.update(value.numpy().tobytes() if hasattr(value, "numpy") else repr(value).encode())
    sys.stdout.write(digest.hexdigest())
    return 0


def together(folder: Path, seed: int, count: int) -> Outcome:
    """Let two processes fill an empty cache; in one case of three one of them is killed."""
    outcome, expected = Outcome(), _expected(folder)
    for number in range(count):
        draw, place = random.Random(f"{seed} {number}"), _fresh(folder)
        kill_after = draw.uniform(0, expected.seconds) if number % 3 == 0 else None
        with ThreadPoolExecutor(1) as other:
            end = other.submit(run, fingerprint, place, kill_after=kill_after)
            done = run(fingerprint, place)
        again = run(fingerprint, place)
        left = [path.name for path in (place / "root").rglob("*.part")]
        fault = None
        killed = kill_after is not None and end.result().killed
        for each in (done, again) if killed else (done, again, end.result()):
            fault = fault or fault_of(each) or _other(each, expected)
        if fault is None and left and not killed:
            fault = f"{left[0]} is left over"
        if fault is None and "damaged" in again.err:
            fault = f"a third process does not take what they wrote: {again.err[-300:]}"
        outcome.count(None if fault is None else f"seed {seed}, case {number}: {fault}")
    return outcome


def damaged(folder: Path, seed: int, count: int, change: object) -> Outcome:
    """Damage a file of the cache; the content must be computed again, with a warning, or be as before."""
    outcome, expected = Outcome(), _expected(folder)
    place = _fresh(folder)
    run(fingerprint, place)
    files = sorted(path for path in (place / "root").rglob("*") if path.is_file())
    contents = [path.read_bytes() for path in files]
    for number in range(count):
        draw = random.Random(f"{seed} {number}")
        for path, content in zip(files, contents, strict=True):
            path.write_bytes(content)
        at = draw.randrange(len(files))
        new = change(contents[at], draw)  # type: ignore[operator]
        files[at].write_bytes(new)
        done = run(fingerprint, place)
        fault = fault_of(done) or _other(done, expected)
        outcome.note("computed again", int("damaged" in done.err))
        outcome.count(None if fault is None else f"seed {seed}, case {number}: {fault}")
    return outcome


def _other(done: Done, expected: Done) -> str | None:
    if done.code or done.out != expected.out:
        return f"exit {done.code}: other content, without a word: {done.last}"
    return None


def _expected(folder: Path) -> Done:
    done = run(fingerprint, _fresh(folder))
    if done.code:
        raise RuntimeError(f"the table was not featurised: {done.err}")
    return done


def _fresh(folder: Path) -> Path:
    place = folder / "work"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    write_rows(place / "molecules.csv", ["smiles", "amine"], molecules(ROWS, random.Random(0)))
    return place
