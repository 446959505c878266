from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "root"))
    monkeypatch.delenv("XGRAPH_MIRROR", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "chains.csv"
    rows = [f"{'C' * n + end},{int(end == 'N')}\n" for n in range(1, 21) for end in "OCN"]
    path.write_text("smiles,amine\n" + "".join(rows))
    return path


@pytest.fixture
def folds(csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace a data set with folds by the chains, with random splits as folds."""
    import xgraph.data

    real = xgraph.data.load

    def load(name: str, *, fold: int | None = None, features: list[str] | None = None, **_: Any) -> Any:
        return real(csv, split="random", seed=fold or 0, features=features)

    monkeypatch.setattr("xgraph.data.load", load)
