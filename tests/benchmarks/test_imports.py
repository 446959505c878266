"""Everything that benchmarks import from the library exists, including late imports of workers."""

import ast
from importlib import import_module
from pathlib import Path

import benchmarks

SCRIPTS = Path(benchmarks.__file__).parent.rglob("*.py")


def test_names_of_the_library_exist():
    names = {
        (node.module, alias.name, script.name)
        for script in SCRIPTS
        for node in ast.walk(ast.parse(script.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "xgraph"
        for alias in node.names
    }
    assert len(names) > 40
    lost = [name for name in sorted(names) if not exists(*name[:2])]
    assert lost == []


def exists(module: str, name: str) -> bool:
    """Whether a module has a name, or is a package with such a module."""
    try:
        if hasattr(import_module(module), name):
            return True
        import_module(f"{module}.{name}")
    except ModuleNotFoundError:
        return False
    return True
