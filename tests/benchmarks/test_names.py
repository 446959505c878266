"""The benchmarks are run by hand: what they take from the library must still be there."""

import ast
import importlib
import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2] / "benchmarks"


def test_what_benchmarks_import_exists():
    missing = []
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            if module is None or module.partition(".")[0] != "xgraph":
                continue
            try:
                names = vars(importlib.import_module(module))
            except ModuleNotFoundError:
                missing.append(f"{path.name}: {module}")
                continue
            for name in (alias.name for alias in node.names):
                lazy = name in names.get("__all__", ())
                if name not in names and not lazy and importlib.util.find_spec(f"{module}.{name}") is None:
                    missing.append(f"{path.name}: {module}.{name}")
    assert not missing
