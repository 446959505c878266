"""How many threads a run takes if nobody says."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import xgraph
from xgraph.training.config.build import build_config
from xgraph.training.fit.loading import load_data
from xgraph.training.fit.machine.threads import set_usual_threads

TORCHS_OWN = 5


@pytest.fixture(autouse=True)
def own_threads(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(TORCHS_OWN)
    yield
    torch.set_num_threads(before)


def usual(rows: float, width: int, device: str = "cpu") -> int:
    source = SimpleNamespace(rows_per_batch=rows)
    set_usual_threads(SimpleNamespace(model=torch.nn.Linear(width, width, bias=False), source=source), device)  # type: ignore[arg-type]
    return torch.get_num_threads()


def test_small_steps_take_one_thread() -> None:
    assert usual(1000, 100) == 1


def test_large_steps_keep_the_number_of_torch() -> None:
    assert usual(1000, 1000) == TORCHS_OWN


def test_runs_on_a_gpu_keep_the_number_of_torch() -> None:
    assert usual(1000, 100, device="cuda") == TORCHS_OWN


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "MKL_NUM_THREADS"])
def test_the_users_own_setting_wins(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, name, "2")
    assert usual(1000, 100) == TORCHS_OWN


@pytest.mark.parametrize(("given", "used"), [(None, 1), (3, 3)])
def test_the_run_uses_and_records_the_number(given: int | None, used: int, csv: Path) -> None:
    settings: dict[str, Any] = {} if given is None else {"threads": given}
    run = xgraph.train(csv, split="random", epochs=1, pretrain_epochs=0, hidden_channels=8, out="run", **settings)
    import json

    assert json.loads((run.path / "env.json").read_text())["machine"]["threads"] == used
    assert torch.get_num_threads() == TORCHS_OWN


def test_rows_of_a_batch_of_molecules(csv: Path) -> None:
    source = load_data(build_config({"dataset": str(csv), "batch_size": 10}), False)
    atoms = source.data.graphs.x.shape[0]
    assert source.rows_per_batch == pytest.approx(10 * atoms / len(source))


def test_rows_of_a_batch_of_images() -> None:
    settings: dict[str, Any] = {"dataset": "digits-bags", "batch_size": 2}
    source = load_data(build_config(settings), False)
    assert source.rows_per_batch == pytest.approx(2 * 64 * source.data.num_instances / len(source))
    assert load_data(build_config({**settings, "instances": 4}), False).rows_per_batch == 2 * 4 * 64
