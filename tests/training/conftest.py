import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import xgraph

sys.path.insert(0, str(Path(__file__).parent))  # for bag_tables

SMALL: dict[str, Any] = {
    "split": "random",
    "loss": "soap",  # which has a state for each molecule
    "epochs": 3,
    "pretrain_epochs": 1,
    "batch_size": 16,
    "hidden_channels": 8,
    "num_layers": 2,
    "threads": 1,
}


def chains(ends: str = "OCN", positive: str = "N", longest: int = 20) -> list[tuple[str, int]]:
    """Carbon chains with one of several end groups, of which one makes a molecule positive."""
    return [("C" * n + end, int(end == positive)) for n in range(1, longest + 1) for end in ends]


CHAINS = "smiles,amine\n" + "".join(f"{smiles},{y}\n" for smiles, y in chains())


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two graph networks and a forest, on the same molecules and splits."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "chains.csv").write_text(CHAINS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XGRAPH_ROOT", str(folder / "root"))
        for name, width in (("one", 8), ("two", 16)):
            settings = {**SMALL, "epochs": 1, "pretrain_epochs": 0, "hidden_channels": width}
            xgraph.train(folder / "chains.csv", **settings, out=folder / name)
        forest: dict[str, Any] = {"model": "forest", "trees": 5, "features": ["maccs"], "split": "random"}
        xgraph.train(folder / "chains.csv", **forest, out=folder / "forest")
    return folder


@pytest.fixture(autouse=True)
def own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "root"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "chains.csv"
    path.write_text(CHAINS)
    return path


@pytest.fixture
def train(csv: Path) -> Callable[..., "xgraph.Run"]:
    def run(**settings: Any) -> "xgraph.Run":
        dataset = settings.pop("dataset", csv)
        return xgraph.train(dataset, **{**SMALL, **settings})

    return run
