"""Counts how many of 62 deliberate mistakes the fast tests notice: ``python -m benchmarks.mutants``.

Each mutant changes one line in a temporary copy of the checkout; then the tests closest to that line run. The exit code
is 1 if more than three mutants survive, and 2 if the list no longer matches the code.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

from benchmarks._mutant_list import MUTANTS, Mutant
from benchmarks._report import report

ROOT = Path(__file__).parents[1]
MAY_SURVIVE = 3
TIMEOUT = 600  # seconds; a mutant that takes longer counts as noticed
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "runs", "dist", "build", "results")


def problems(root: Path, mutants: Sequence[Mutant]) -> list[str]:
    """Return what no longer matches the code: snippets that do not occur exactly once, and missing files."""
    found = []
    for number, mutant in enumerate(mutants):
        file = root / mutant.file
        count = file.read_text().count(mutant.old) if file.is_file() else 0
        if count != 1:
            found.append(f"{number}: {mutant.old!r} occurs {count} times in {mutant.file}, expected once")
        found += [f"{number}: no file {test}" for test in mutant.tests if not (root / test).is_file()]
    return found


@contextmanager
def mutated(root: Path, mutant: Mutant) -> Iterator[None]:
    """Apply a mutant to the copy, and restore the file afterwards."""
    file = root / mutant.file
    before = file.read_text()
    file.write_text(before.replace(mutant.old, mutant.new))
    try:
        yield
    finally:
        file.write_text(before)


def run_tests(root: Path, tests: Sequence[str], cache: Path, *options: str) -> tuple[int, list[str]]:
    """Run tests; return the exit code of pytest (1 after a timeout) and the tests that failed."""
    own = {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "NUMBA_CACHE_DIR": str(cache)}
    command = [sys.executable, "-m", "pytest", "-m", "not slow", "-p", "no:cacheprovider", *options, *tests]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **own}
    try:
        done = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        return 1, ["timeout"]
    failed = [line for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    if done.returncode not in (0, 1, 2):  # passed, failed, not even collected
        raise RuntimeError(
            f"pytest stopped with exit code {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return done.returncode, [line.partition(" ")[2].partition(" - ")[0] for line in failed]


def result_of(number: int, mutant: Mutant, root: Path, cache: Path, failing: Sequence[str]) -> dict[str, Any]:
    """Run the tests of a mutant in a copy, except those that fail without it."""
    begin = time.perf_counter()
    # Numba's cache does not notice changes in functions that a cached function calls.
    fresh = cache.with_name(f"{cache.name}-{number}") if "numba" in mutant.file else cache
    with mutated(root, mutant):
        code, failed = run_tests(root, mutant.tests, fresh, "-x", *(f"--deselect={test}" for test in failing))
    return {
        "mutant": number,
        "file": mutant.file.removeprefix("xgraph/"),
        "change": f"{mutant.old} → {mutant.new}",
        "result": "killed" if code else "survived",
        "by": failed[0].removeprefix("tests/") if failed else "",
        "seconds": round(time.perf_counter() - begin, 1),
    }


def run(mutants: dict[int, Mutant], jobs: int) -> list[dict[str, Any]]:
    """Run mutants, several at a time, each in a copy of its own; return the results."""
    with tempfile.TemporaryDirectory() as folder:
        copies: Queue[Path] = Queue()
        for job in range(jobs):
            shutil.copytree(ROOT, Path(folder, f"copy{job}"), ignore=LEFT_OUT)
            copies.put(Path(folder, f"copy{job}"))

        @contextmanager
        def copy() -> Iterator[tuple[Path, Path]]:
            """Borrow a free copy and its folder for numba's cache."""
            root = copies.get()
            try:
                yield root, Path(folder, f"numba-{root.name}")
            finally:
                copies.put(root)

        def without(tests: Sequence[str]) -> list[str]:
            with copy() as (root, cache):
                return run_tests(root, tests, cache)[1]

        def within(number: int) -> dict[str, Any]:
            with copy() as (root, cache):
                row = result_of(number, mutants[number], root, cache, failing)
            print(f"{number:>3} {row['result']:<8} {row['seconds']:>6} s  {row['file']}: {row['change']}", flush=True)
            return row

        with ThreadPoolExecutor(jobs) as pool:
            tests = list(dict.fromkeys(test for mutant in mutants.values() for test in mutant.tests))
            failing = [test for part in pool.map(without, [tests[job::jobs] for job in range(jobs)]) for test in part]
            for test in failing:
                print(f"skipped, because it fails without a mutant: {test}")
            return list(pool.map(within, mutants))


def main() -> int:
    """Run the mutants that the command line selects."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="mutants to run at the same time")
    parser.add_argument("--only", help="numbers of mutants, such as 3,7-9; no results file is written")
    parser.add_argument("--list", action="store_true", help="print the mutants without running them")
    options = parser.parse_args()
    wrong = problems(ROOT, MUTANTS)
    if options.list:
        for number, mutant in enumerate(MUTANTS):
            print(f"{number:>3} {mutant.file}: {mutant.old} → {mutant.new}")
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 2
    if options.list:
        return 0
    numbers = _numbers(options.only) if options.only else range(len(MUTANTS))
    rows = run({number: MUTANTS[number] for number in numbers}, options.jobs)
    survived = sum(row["result"] == "survived" for row in rows)
    if not options.only:
        report("mutants", rows, killed=len(rows) - survived, survived=survived)
    print(f"{len(rows) - survived} killed, {survived} survived")
    return int(survived > MAY_SURVIVE)


def _numbers(text: str) -> list[int]:
    parts = [part.partition("-") for part in text.split(",")]
    return [number for first, _, last in parts for number in range(int(first), int(last or first) + 1)]


if __name__ == "__main__":
    sys.exit(main())
