"""The list of `python -m benchmarks.mutants` matches the code."""

import ast
from pathlib import Path

from benchmarks._mutant_list import MUTANTS
from benchmarks.mutants import ROOT, mutated, problems


def test_each_snippet_occurs_once_and_each_test_exists() -> None:
    assert problems(ROOT, MUTANTS) == []
    assert len(MUTANTS) == len({(mutant.file, mutant.old) for mutant in MUTANTS}) == 65


def test_each_mutant_changes_the_program(tmp_path: Path) -> None:
    for mutant in MUTANTS:
        copy = tmp_path / mutant.file
        copy.parent.mkdir(parents=True, exist_ok=True)
        source = (ROOT / mutant.file).read_text()
        copy.write_text(source)
        with mutated(tmp_path, mutant):
            assert ast.dump(ast.parse(copy.read_text())) != ast.dump(ast.parse(source))
        assert copy.read_text() == source


def test_outdated_mutants_are_reported(tmp_path: Path) -> None:
    mutant = MUTANTS[0]
    (found, *missing) = problems(tmp_path, [mutant])
    assert found == f"0: {mutant.old!r} occurs 0 times in {mutant.file}, expected once"
    assert missing == [f"0: no file {test}" for test in mutant.tests]
