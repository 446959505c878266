"""`--retain RUN`: the tasks of earlier runs are kept while new ones are learned."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional as F

import xgraph
from tests.training.conftest import SMALL, chains
from xgraph.cli.tables import constraints_text
from xgraph.losses import ZeroForgetting
from xgraph.options import OptionError
from xgraph.training.files.checkpoint import read_checkpoint

SETTINGS: dict[str, Any] = {
    **SMALL, "loss": "bce", "epochs": 2, "pretrain_epochs": 0, "lr_schedule": "constant", "keep": "last",
    "split_column": "set",
}  # fmt: skip
del SETTINGS["split"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with two tasks, a run that has learned the first one, and one that retains it and learns the second."""
    folder = tmp_path_factory.mktemp("retained")
    rows = [(smiles, y, int("O" in smiles)) for smiles, y in chains()]
    parts = ["train", "train", "train", "valid", "test"]
    text = "".join(
        f"{smiles},{y},{'' if i % 7 == 0 else other},{parts[i % 5]}\n" for i, (smiles, y, other) in enumerate(rows)
    )
    (folder / "chains.csv").write_text(f"smiles,amine,alcohol,set\n{text}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XGRAPH_ROOT", str(folder / "root"))
        table = str(folder / "chains.csv")
        xgraph.train(table, out=str(folder / "old"), target_columns=["amine"], **SETTINGS)
        new = {**SETTINGS, "target_columns": ["alcohol", "amine"], "init": str(folder / "old")}
        xgraph.train(table, out=str(folder / "new"), retain=[str(folder / "old")], retain_rho=30, **new)
    return folder


def scores(path: Path, part: str = "train") -> pd.DataFrame:
    frame = pd.read_csv(path / "predictions.csv")
    return frame[frame["split"] == part]


def test_table_of_constraints(folder: Path) -> None:
    """Losses before are those of the earlier run's own predictions, those after of this run's."""
    metrics = json.loads((folder / "new" / "metrics.json").read_text())
    (row,) = metrics["constraints"]["retain"]
    assert (row["task"], row["run"]) == ("amine", str(folder / "old"))
    for run, when in (("old", "before"), ("new", "after")):
        frame = scores(folder / run, "test")
        p = torch.tensor(frame["amine_score"].tolist(), dtype=torch.float64)
        y = torch.tensor(frame["amine"].tolist(), dtype=torch.float64)
        assert row["test"][when] == pytest.approx(F.binary_cross_entropy(p, y).item(), rel=1e-4)
    assert np.isfinite([row["value"], row["multiplier"], *row["train"].values()]).all()
    assert row["multiplier"] >= 0
    text = constraints_text(metrics["constraints"])
    assert text.splitlines()[0].split()[:3] == ["retained", "task", "rise"]
    assert constraints_text(None) == ""


def test_state_is_saved_and_a_resumed_run_ends_with_the_same_bytes(folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(folder / "root"))
    new = {**SETTINGS, "target_columns": ["alcohol", "amine"], "init": str(folder / "old")}
    new |= {"retain": [str(folder / "old")], "retain_rho": 30}
    xgraph.train(str(folder / "chains.csv"), out=str(folder / "part"), **{**new, "epochs": 1})
    state = read_checkpoint(folder / "part" / "last.ckpt")["state_dict"]
    assert state["terms.retained.penalty.penalty.track.seen"].tolist() == [True]
    xgraph.train(out=str(folder / "part"), resume=True, epochs=2)
    for name in ("predictions.csv",):
        assert (folder / "part" / name).read_bytes() == (folder / "new" / name).read_bytes()
    one, other = (json.loads((folder / run / "metrics.json").read_text()) for run in ("part", "new"))
    assert one["constraints"] == other["constraints"]


def test_first_step_is_the_loss_of_the_new_task_and_the_penalty(folder: Path, monkeypatch: Any) -> None:
    """With the old head's row copied, nothing has risen before the first step."""
    from xgraph.training.config.build import build_config
    from xgraph.training.fit.engine import prepare
    from xgraph.training.fit.loading import load_data
    from xgraph.training.fit.seeding import own_random_streams

    monkeypatch.setenv("XGRAPH_ROOT", str(folder / "root"))
    new = {**SETTINGS, "dataset": str(folder / "chains.csv"), "target_columns": ["alcohol", "amine"], "dropout": 0.0}
    config = build_config({**new, "init": str(folder / "old"), "retain": [str(folder / "old")], "retain_rho": 30})
    with own_random_streams(0):
        task: Any = prepare(config, load_data(config, False))
    batch = next(iter(task.source.loader(task.train_positions, task.samplers["main"], 0, torch.device("cpu"))))
    task.model.eval()  # the norms of the layers differ in training
    logits = task.model(batch)
    losses = F.binary_cross_entropy_with_logits(logits, batch.y.nan_to_num(), reduction="none")
    known = ~batch.y[:, 0].isnan()
    assert task._loss(task.main_loss, logits, batch).item() == pytest.approx(losses[known, 0].mean().item(), rel=1e-5)
    kept = task.terms.retained
    assert list(task.terms.announcement()) == [
        f"retained: amine: its training loss may not rise above that of {folder / 'old'}"
    ]
    assert kept.penalty(losses[:, 1:], batch.idx).item() == pytest.approx(0, abs=1e-5)
    reference = ZeroForgetting(None, kept.penalty.old_loss, rho=30)
    expected = reference(losses[:, 1:] + 0.5, batch.idx)
    again = ZeroForgetting(None, kept.penalty.old_loss, rho=30)
    kept.penalty = again
    worse = logits.detach().clone()
    worse[:, 1] = torch.where(batch.y[:, 1] == 1, -1.0, 1.0) * ((losses[:, 1] + 0.5).exp() - 1).log()
    torch.testing.assert_close(task.terms(worse, batch), expected)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"target_columns": ["amine"]}, OptionError, r"all tasks of this run \('?amine'?\) are retained"),
        ({"target_columns": ["alcohol"]}, OptionError, "has none of the tasks of this run"),
        ({"retain": ["missing"]}, FileNotFoundError, "retain: expected a run directory or a checkpoint"),
        ({"model": "forest", "features": ["morgan"]}, OptionError, "retain"),
        ({"retain": None, "retain_rho": 3}, ValueError, "expected retain with it"),
    ],
)
def test_what_cannot_be_retained_is_refused(
    folder: Path, monkeypatch: Any, settings: dict[str, Any], error: type[Exception], message: str
) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(folder / "root"))
    given = {**SETTINGS, "target_columns": ["alcohol", "amine"], "retain": [str(folder / "old")], **settings}
    if "features" in settings:
        given = {key: given[key] for key in ("target_columns", "retain", "model", "features", "split_column")}
    with pytest.raises(error, match=message):
        xgraph.train(str(folder / "chains.csv"), out=str(folder / "refused"), **given)
    assert not (folder / "refused").exists()
