import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "training"))  # for bag_tables

SMALL = ["--split", "random", "--epochs", "1", "--pretrain-epochs", "0", "--batch-size", "16"]
SMALL += ["--hidden-channels", "8", "--num-layers", "1", "--threads", "1"]


@pytest.fixture(autouse=True)
def own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "root"))
    monkeypatch.delenv("XGRAPH_MIRROR", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def no_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command fits no baseline unless it is asked to, which saves a forest per run; not in test_baseline.py."""
    monkeypatch.setattr("xgraph.cli.train.usual_baseline", lambda settings: {})


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "chains.csv"
    rows = [f"{'C' * n + end},{int(end == 'N')}\n" for n in range(1, 21) for end in "OCN"]
    path.write_text("smiles,amine\n" + "".join(rows))
    return path


@pytest.fixture
def small() -> list[str]:
    return list(SMALL)
