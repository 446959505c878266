"""Modules only import from lower layers, and light packages do not import heavy ones."""

import ast
import subprocess
import sys
from pathlib import Path

import xgraph

ROOT = Path(xgraph.__file__).parent
# What each part of the package may import from the others.
ALLOWED: dict[str, set[str]] = {
    "_version": set(),
    "checks": set(),
    "options": set(),
    "storage": set(),
    "messages": set(),
    "metric_names": set(),
    "notebooks": set(),
    "signals": set(),
    "schema": {"options"},
    "estimators": {"checks", "storage"},
    "distributed": {"estimators"},
    "nn": {"checks", "estimators", "storage"},
    "relevance": {"checks"},
    "losses": {"checks", "estimators", "relevance"},
    "sampling": {"checks", "estimators", "storage", "relevance"},
    "data": {"checks", "estimators", "options", "schema", "messages", "notebooks", "relevance", "metric_names"},
    "training": {"checks", "distributed", "estimators", "nn", "losses", "sampling", "data", "options", "schema"}
    | {"storage", "_version", "messages", "notebooks", "signals", "relevance", "metric_names"},
    "recipes": {"training", "data", "options", "schema", "signals"},
    "tuning": {"training", "data", "options", "schema", "signals"},
    "explanations": {"training", "data", "nn", "sampling", "checks", "messages", "notebooks", "options"},
    "reports": {"explanations", "training", "data", "nn", "messages", "options", "_version"},
    "cli": {
        "explanations",
        "reports",
        "recipes",
        "tuning",
        "training",
        "data",
        "distributed",
        "options",
        "messages",
        "signals",
        "_version",
        "",
    },
    # xgraph/__init__.py offers train, predict, explain, report, ...
    "": {"explanations", "reports", "training", "tuning", "data", "_version"},
    "__main__": {"cli"},
}
# The subpackages ("rooms") of a part by layer ("floor"), lowest first. A room may only import from lower floors.
FLOORS: dict[str, list[set[str]]] = {
    "data": [
        {"storage"},
        {"tables", "labels"},
        {"splits"},
        {"molecules"},
        {"published"},
        {"cards"},
        {"nodes"},
        {"bags", "ogb"},
        {"graphs"},
        {"tasks"},
        {"recognise"},
        {"loaders"},
        {"requested"},
        {"registry"},
        {"collection", "objects", "texts", "pairs"},
    ],
    "losses": [
        {"batch", "quantiles"},
        {"uncompiled"},
        {"base"},
        {"pointwise", "pairs"},
        {"robust", "contrastive", "constraints", "generative", "ranking", "classes"},
    ],
    "nn": [{"layers"}, {"convolutions", "molecules"}, {"nodes", "bags", "tables", "pairs"}, {"pooling"}],
    "reports": [
        {"page"},
        {"predictions"},
        {"source"},
        {"measures"},
        {"figures"},
        {"sections"},
        {"comparison"},
        {"write"},
    ],
    "recipes": [{"schema"}, {"run"}, {"report"}, {"reproduce"}],
    "sampling": [{"items"}, {"engines"}, {"memory"}, {"neighbors"}, {"clusters", "bags"}],
    "training": [
        {"config"},
        {"scoring"},
        {"sources"},
        {"files"},
        {"loggers"},
        {"fit"},
        {"prediction", "pretraining"},
        {"export"},
    ],
}


def imported_modules(source: str, module: str) -> set[str]:
    """Full names that a module imports anywhere: at the top, in functions, for type checking."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = module.split(".")[: -node.level] if node.level else []
            full = ".".join([*base, *filter(None, [node.module])])
            found |= {f"{full}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] == "xgraph"}


def imported_parts(source: str, module: str) -> set[str]:
    """Parts of xgraph that a module imports; "" is xgraph/__init__.py, as in ``from xgraph import __version__``."""
    parts = set()
    for name in imported_modules(source, module):
        part = [*name.split("."), ""][1]
        parts.add(part if (ROOT / part).is_dir() or (ROOT / f"{part}.py").is_file() else "")
    return parts


def room_of(name: str, part: str) -> str | None:
    """The room or top-level module of `part` that a full name belongs to; None for the part itself."""
    words = name.split(".")
    if words[1] != part or len(words) < 3:
        return None
    return words[2] if (ROOT / part / words[2]).is_dir() or (ROOT / part / f"{words[2]}.py").is_file() else None


def part_of(path: Path) -> str:
    first = path.relative_to(ROOT).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def name_of(path: Path) -> str:
    return ".".join(["xgraph", *path.relative_to(ROOT).with_suffix("").parts])


MODULES = sorted(ROOT.rglob("*.py"))


def test_every_form_of_import_is_detected():
    source = """
import xgraph.cli.main
from xgraph import nn
from xgraph.data.molecules.table import Table
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
    assert "xgraph.data.molecules.table.Table" in imported_modules(source, "xgraph.losses.soap")
    assert room_of("xgraph.data.molecules.table.Table", "data") == "molecules"
    assert room_of("xgraph.data.registry.load", "data") == "registry"
    assert room_of("xgraph.data.load", "data") is None


def test_parts_only_import_lower_parts():
    wrong = {}
    for path in MODULES:
        part = part_of(path)
        assert part in ALLOWED, f"add to ALLOWED in this test what xgraph/{part} may import"
        above = imported_parts(path.read_text(), name_of(path)) - ALLOWED[part] - {part}
        if above:
            wrong[name_of(path)] = above
    assert not wrong


def test_rooms_only_import_lower_rooms():
    wrong = []
    for path in MODULES:
        part, name = part_of(path), name_of(path)
        own = room_of(name, part)
        if part not in FLOORS or own in (None, "__init__"):
            continue
        floor = {room: number for number, rooms in enumerate(FLOORS[part]) for room in rooms}
        assert own in floor, f"add xgraph/{part}/{own} to FLOORS in this test"
        rooms = {room_of(found, part) for found in imported_modules(path.read_text(), name)} - {own, None}
        wrong += [f"{name} -> {room}" for room in rooms if floor[room] >= floor[own]]
    assert not wrong


def test_a_folder_has_at_most_twenty_modules():
    folders = [ROOT, *(path for path in ROOT.rglob("*") if path.is_dir())]
    sizes = {str(folder.relative_to(ROOT)): len(list(folder.glob("[!_]*.py"))) for folder in folders}
    assert not {folder: size for folder, size in sizes.items() if size > 20}


HEAVY = {"rdkit", "ogb", "lightning", "matplotlib", "jinja2", "torch_geometric", "pandas", "sklearn", "numba"}
LIGHT = {
    "xgraph": HEAVY | {"torch", "numpy"},
    "xgraph.cli": HEAVY | {"torch"},
    "xgraph.estimators": HEAVY,
    "xgraph.losses": HEAVY,
    "xgraph.sampling": HEAVY,
    "xgraph.nn": HEAVY,
}


def test_light_parts_do_not_import_heavy_packages():
    code = "import sys\n" + "".join(f"import {name}\nprint(' '.join(sys.modules))\n" for name in LIGHT)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600)
    for (name, unwanted), line in zip(LIGHT.items(), done.stdout.splitlines(), strict=True):  # one after the other
        assert name in line.split()
        assert not {module.split(".")[0] for module in line.split()} & unwanted, name
        assert "torch._dynamo" not in line.split(), name  # a third of the start, and 140 MiB
