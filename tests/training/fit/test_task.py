"""The state of model, loss and optimiser in the two stages."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import Callback

from xgraph.training.config.build import build_config
from xgraph.training.fit.engine import fit, prepare
from xgraph.training.fit.loading import load_data
from xgraph.training.fit.seeding import own_random_streams


class Spy(Callback):
    """Records the state of model, loss and optimiser at the start and end of each epoch."""

    def __init__(self) -> None:
        self.begins: list[dict[str, Any]] = []
        self.ends: list[dict[str, torch.Tensor]] = []

    def on_train_batch_start(self, trainer: Any, task: Any, batch: Any, batch_idx: int) -> None:
        if batch_idx == 0:
            weights = {name: value.clone() for name, value in task.model.named_parameters()}
            optimizer = trainer.optimizers[0]
            self.begins.append(
                {
                    "stage": task.stage,
                    "weights": weights,
                    "moments": len(optimizer.state),
                    "lr": optimizer.param_groups[0]["lr"],
                    "gamma": task.main_loss.track.gamma,
                    "seen": int(task.main_loss.track.seen.sum()),
                    "positives": int((batch.y == 1).sum()),
                }
            )

    def on_train_epoch_end(self, trainer: Any, task: Any) -> None:
        self.ends.append({name: value.clone() for name, value in task.model.named_parameters()})


def test_the_two_stages(csv: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"split": "random", "epochs": 4, "pretrain_epochs": 2, "batch_size": 16, "threads": 1}
    settings |= {
        "loss": "soap",
        "hidden_channels": 8,
        "num_layers": 2,
        "gamma": 0.2,
        "gamma_schedule": "cosine",
        "lr": 1e-2,
    }
    config = build_config({"dataset": str(csv), **settings})
    spy = Spy()
    with own_random_streams(0, 1):
        task = prepare(config, load_data(config, progress=False))
        (tmp_path / "run").mkdir()
        fit(task, tmp_path / "run", device="cpu", callbacks=[spy])
    assert [begin["stage"] for begin in spy.begins] == ["pretrain", "pretrain", "main", "main"]
    assert [begin["moments"] > 0 for begin in spy.begins] == [False, True, False, True]  # a fresh optimiser
    assert [begin["lr"] for begin in spy.begins] == pytest.approx([1e-2, 5e-3, 1e-2, 5e-3])  # a cosine in each stage
    assert [begin["gamma"] for begin in spy.begins][2:] == pytest.approx([1.0, 0.6])
    assert [begin["seen"] > 0 for begin in spy.begins] == [False, False, False, True]  # states belong to the main loss
    assert all(begin["positives"] == 8 for begin in spy.begins[2:])
    for name, end in spy.ends[1].items():  # a new head on the encoder as it was
        kept = torch.equal(end, spy.begins[2]["weights"][name])
        assert kept != name.startswith("head."), name
    for name, end in spy.ends[0].items():
        assert torch.equal(end, spy.begins[1]["weights"][name])


@pytest.mark.parametrize("value", [1e20, -1e16, float("inf"), float("nan")])
@pytest.mark.parametrize("training", ["plain", "compositional"])
def test_diverging_scores_raise_an_error_with_advice(csv: Path, value: float, training: str) -> None:
    """Losses also refuse finite scores beyond 1e15."""
    settings: dict[str, Any] = {"split": "random", "epochs": 1, "threads": 1, "hidden_channels": 8, "num_layers": 2}
    if training == "compositional":
        settings |= {"loss": "soap", "schedule": training, "inner_lr": 0.03}
    config = build_config({"dataset": str(csv), **settings, "lr": 0.02})
    with own_random_streams(0, 1):
        task = prepare(config, load_data(config, progress=False))
    batch = next(iter(task.train_dataloader()))
    wild = torch.full(batch.y.shape, value)
    task._scores = lambda batch: wild  # type: ignore[method-assign]
    advice = "learning rate below lr = 0.02"
    if training == "compositional":
        advice += ", or an inner_lr below 0.03"
    with pytest.raises(ValueError, match=rf"training diverged in epoch 1: .*; try a {advice}$"):
        task.training_step(batch, 0)
