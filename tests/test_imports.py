"""Imports run downwards only, and light parts stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import xgraph

ROOT = Path(xgraph.__file__).parent
# What each part of the package may import from the others.
ALLOWED: dict[str, set[str]] = {
    "_version": set(),
    "estimators": set(),
    "options": set(),
    "nn": {"estimators"},
    "losses": {"estimators"},
    "sampling": {"estimators"},
    "data": {"estimators"},
    "training": {"estimators", "nn", "losses", "sampling", "data", "options", "_version"},
    "recipes": {"training", "data", "options"},
    "tuning": {"training", "data", "options"},
    "cli": {"recipes", "tuning", "training", "data", "options", "_version", ""},
    "": {"training", "tuning", "data", "_version"},  # xgraph/__init__.py offers train, predict, evaluate, search
    "__main__": {"cli"},
}


def imported_parts(source: str, module: str) -> set[str]:
    """Parts of xgraph that a module imports, wherever in it: at the top, in functions, for type checking."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".")[: -node.level] if node.level else []
            full = ".".join([*base, *filter(None, [node.module])])
            names = [f"{full}.{alias.name}" for alias in node.names]
        for name in names:
            path = name.split(".")
            if path[0] == "xgraph":
                part = path[1] if len(path) > 1 else ""
                # `from xgraph import __version__` takes a name of xgraph/__init__.py.
                found.add(part if (ROOT / part).is_dir() or (ROOT / f"{part}.py").is_file() else "")
    return found


def part_of(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def test_the_check_sees_every_form_of_import():
    source = """
import xgraph.cli.main
from xgraph import nn
from xgraph.data.table import Table
from . import sibling
from ..estimators import MovingAverage
from ...elsewhere import nothing
import torch
def f():
    from xgraph.training import fit
    from xgraph import __version__
"""
    parts = imported_parts(source, "xgraph.losses.soap")
    assert parts == {"cli", "nn", "data", "losses", "estimators", "training", ""}


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_run_downwards(path):
    part = part_of(path)
    assert part in ALLOWED, f"say in this test what xgraph/{part} may import"
    module = ".".join(["xgraph", *path.relative_to(ROOT).with_suffix("").parts])
    parts = imported_parts(path.read_text(), module)
    wrong = parts - ALLOWED[part] - {part}
    assert not wrong, f"{module} imports {', '.join(sorted(wrong))}: xgraph/{part} stands below or beside"


def loaded_by(statement: str) -> set[str]:
    code = f"{statement}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stdout.split()}


HEAVY = {"rdkit", "ogb", "lightning", "matplotlib", "torch_geometric", "pandas", "sklearn", "numba"}


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import xgraph", HEAVY | {"torch", "numpy"}),
        ("import xgraph.cli", HEAVY | {"torch"}),
        ("import xgraph.estimators", HEAVY),
        ("import xgraph.losses", HEAVY),
        ("import xgraph.sampling", HEAVY),
        ("import xgraph.nn", HEAVY),
    ],
)
def test_light_parts_stay_light(statement, unwanted):
    loaded = loaded_by(statement)
    assert "xgraph" in loaded
    assert not loaded & unwanted
