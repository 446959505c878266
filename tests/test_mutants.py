"""The list of `python -m benchmarks.mutants` fits the code."""

import ast
from pathlib import Path

from benchmarks._mutant_list import MUTANTS
from benchmarks.mutants import ROOT, mutated, problems


def test_each_snippet_stands_once_and_each_test_is_there() -> None:
    assert problems(ROOT, MUTANTS) == []
    assert len(MUTANTS) == len({(mutant.file, mutant.old) for mutant in MUTANTS}) == 60


def test_each_mutant_is_another_program(tmp_path: Path) -> None:
    for mutant in MUTANTS:
        copy = tmp_path / mutant.file
        copy.parent.mkdir(parents=True, exist_ok=True)
        source = (ROOT / mutant.file).read_text()
        copy.write_text(source)
        with mutated(tmp_path, mutant):
            assert ast.dump(ast.parse(copy.read_text())) != ast.dump(ast.parse(source))
        assert copy.read_text() == source


def test_what_no_longer_fits_is_said(tmp_path: Path) -> None:
    mutant = MUTANTS[0]
    (found, *missing) = problems(tmp_path, [mutant])
    assert found == f"0: {mutant.old!r} stands 0 times in {mutant.file}, not once"
    assert missing == [f"0: no file {test}" for test in mutant.tests]
