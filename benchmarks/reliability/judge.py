"""Whether a command answered hostile input as it should: done, or one line that says what is wrong."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.reliability.processes import Done

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f]")
LONGEST = 2000
"""Characters of an error that a person can read."""


def fault_of(done: Done) -> str | None:
    """Return what is wrong with the end of a command, if anything is."""
    if done.hung:
        return f"hangs: no end after {done.seconds:.0f} s"
    if done.code < 0:
        return f"dies by signal {-done.code}: {done.last}"
    if done.outside:
        return f"writes outside of its folder: {done.outside[0]}"
    if "Traceback (most recent call last)" in done.err:
        return f"traceback: {done.last}"
    if re.match(r"error: unexpected \w+:", done.last):
        return done.last
    if CONTROL.search(done.err):
        return f"control characters in its messages: {CONTROL.search(done.err)!r}"
    if done.code not in (0, 1, 2):
        return f"exit {done.code}: {done.last}"
    if done.code and not re.search("^(error|Error|interrupted): ", done.err, re.MULTILINE):
        return f"exit {done.code} without an error: {done.last}"
    if done.code and len(done.last) >= LONGEST:
        return f"an error of {len(done.err)} characters: {done.last[:100]}"
    return None


def unchanged(folder: Path, before: dict[str, bytes]) -> str | None:
    """Return which of the given files a command has changed."""
    for name, content in before.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            return f"changes {name}"
    return None
