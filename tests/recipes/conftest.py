import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))  # for bag_tables
sys.path.insert(0, str(Path(__file__).parent))  # for tiny

from bag_tables import table
from tiny import write


@pytest.fixture(autouse=True)
def own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "root"))
    monkeypatch.delenv("XGRAPH_MIRROR", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def bags(tmp_path: Path) -> Path:
    path = tmp_path / "bags.csv"
    table().to_csv(path, index=False)
    return path


@pytest.fixture
def chains(tmp_path: Path) -> Path:
    path = tmp_path / "chains.csv"
    rows = [f"{'C' * n + end},{int(end == 'N')}\n" for n in range(1, 21) for end in "OCN"]
    path.write_text("smiles,amine\n" + "".join(rows))
    return path


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., Path]:
    """Write a recipe, by default the tiny one; returns its file."""

    def make(values: dict[str, Any] | None = None, name: str = "tiny.toml") -> Path:
        return write(tmp_path / name, values)

    return make
