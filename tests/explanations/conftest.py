from pathlib import Path

import pytest

import xgraph

SHORT = {"epochs": 2, "pretrain_epochs": 0, "batch_size": 16, "threads": 1, "device": "cpu"}
ENDS = "OCN"


@pytest.fixture(scope="session")
def amines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("explanations") / "amines.csv"
    rows = [f"{'C' * n}{end},{int(end == 'N')},{n % 2}\n" for n in range(1, 15) for end in ENDS]
    path.write_text("smiles,amine,odd\n" + "".join(rows))
    return path


@pytest.fixture(scope="session")
def network(amines: Path) -> Path:
    """A network on molecules with two tasks and additional features, which reads atoms in canonical order."""
    options = {"hidden_channels": 8, "num_layers": 2, "features": ["maccs"], "baseline": False}
    return xgraph.train(amines, split="random", out=amines.parent / "network", **SHORT, **options).path


@pytest.fixture(scope="session")
def forest(amines: Path) -> Path:
    out = amines.parent / "forest"
    options = {"target_columns": ["amine"], "features": ["morgan", "maccs"], "trees": 10}
    return xgraph.train(amines, split="random", model="forest", out=out, threads=1, **options).path
