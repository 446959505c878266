"""Averages of weights are checked against explicit sums."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import xgraph
from xgraph.training.files.checkpoint import read_checkpoint
from xgraph.training.files.saved_model import load_model, model_weights
from xgraph.training.fit.average import AveragedWeights
from xgraph.training.fit.task import Task

Train = Callable[..., xgraph.Run]


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)).double()


def walk(model: nn.Module, average: AveragedWeights, steps: int) -> list[dict[str, torch.Tensor]]:
    """Change all weights randomly and the normalisation statistics by forward passes; return the states."""
    met = []
    for _ in range(steps):
        model(torch.randn(8, 3, dtype=torch.float64))
        for weight in model.parameters():
            weight.data += torch.randn_like(weight)
        average.update(model)
        met.append(copy.deepcopy(model.state_dict()))
    return met


@pytest.mark.parametrize("decay", [0.3, 0.9, 0.9999])
def test_the_average_equals_an_explicit_sum(decay: float) -> None:
    """The average as one sum over all steps: step k has (1 - d_k) times the decays of all later ones."""
    model = network()
    average = AveragedWeights(network(), decay)
    average.restart(model)
    met = [copy.deepcopy(model.state_dict()), *walk(model, average, 30)]
    decays = [0.0] + [min(decay, (1 + t) / (10 + t)) for t in range(1, 31)]
    shares = []
    for k, own in enumerate(decays):
        share = 1 - own
        for later in decays[k + 1 :]:
            share *= later
        shares.append(share)
    assert sum(shares) == pytest.approx(1)
    for name, value in average.module.state_dict().items():
        if value.is_floating_point():
            expected = sum(share * state[name] for share, state in zip(shares, met, strict=True))
            assert torch.allclose(value, expected, rtol=0, atol=1e-12), name
        else:
            assert int(value) == 30


def test_a_restart_forgets_earlier_steps() -> None:
    model, average = network(), AveragedWeights(network(), 0.9)
    walk(model, average, 5)
    average.restart(model)
    assert int(average.steps) == 0
    for name, value in average.module.state_dict().items():
        assert torch.equal(value, model.state_dict()[name])


def test_the_average_can_be_saved_moved_and_copied() -> None:
    model, average = network(), AveragedWeights(network(), 0.5)
    walk(model, average, 3)
    others = [AveragedWeights(network(), 0.5), copy.deepcopy(average), copy.deepcopy(average).to("cpu")]
    others[0].load_state_dict(average.state_dict())
    start = copy.deepcopy(model)
    torch.manual_seed(1)
    walk(model, average, 3)
    for other in others:
        torch.manual_seed(1)
        walk(copy.deepcopy(start), other, 3)
        for name, value in average.state_dict().items():
            assert torch.equal(value, other.state_dict()[name]), name


def test_the_average_is_never_in_training_mode_and_has_no_gradients() -> None:
    average = AveragedWeights(network(), 0.5)
    average.train()
    assert not any(part.training for part in average.modules())
    assert not any(weight.requires_grad for weight in average.parameters())


def test_averaging_does_not_change_training_and_the_average_is_scored(train: Train) -> None:
    """Compare every epoch of the main stage with an average that is computed separately."""
    beside: list[dict[str, torch.Tensor]] = []

    class Beside(Task):
        def on_train_epoch_start(self) -> None:
            super().on_train_epoch_start()
            if self.current_epoch == 2:  # the main stage begins, with a new head
                beside.append(copy.deepcopy(self.model.state_dict()))

        def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
            super().on_train_batch_end(outputs, batch, batch_idx)
            if self.stage == "main":
                beside.append(copy.deepcopy(self.model.state_dict()))

    settings: dict[str, Any] = {"pretrain_epochs": 2, "epochs": 5, "keep": "last", "seed": 3}
    plain = train(out="plain", **settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xgraph.training.fit.engine.Task", Beside)
        run = train(out="averaged", ema_decay=0.6, **settings)
    states = [read_checkpoint(run.path / "last.ckpt") for run in (plain, run)]
    weights = [{n: w for n, w in state["state_dict"].items() if n.startswith("model.")} for state in states]
    for name, weight in weights[0].items():
        assert torch.equal(weight, weights[1][name]), name
    expected = beside[0]
    for t, state in enumerate(beside[1:], start=1):
        decay = min(0.6, (1 + t) / (10 + t))
        for name, value in state.items():
            expected[name] = decay * expected[name] + (1 - decay) * value if value.is_floating_point() else value
    kept = load_model(states[1]).state_dict()
    assert kept.keys() == expected.keys()
    for name, value in kept.items():
        assert torch.allclose(value, expected[name], rtol=0, atol=1e-5), name
    last = load_model(states[0]).state_dict()
    assert not any(torch.allclose(kept[name], last[name], atol=1e-4) for name in kept if name.endswith("weight"))
    assert xgraph.evaluate(run.path, "valid") == run.metrics["valid"]
    predicted = [(run.path / "predictions.csv").read_text() for run in (plain, run)]
    assert predicted[0] != predicted[1]


def test_a_run_starts_from_the_average_of_another(train: Train) -> None:
    first = train(out="first", ema_decay=0.9)
    seen: list[dict[str, torch.Tensor]] = []
    begin = Task.on_train_epoch_start

    def look(self: Task) -> None:
        begin(self)
        seen.append(copy.deepcopy(self.model.state_dict()))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Task, "on_train_epoch_start", look)
        train(out="second", init="first", pretrain_epochs=0)
    average = model_weights(read_checkpoint(Path(first.path) / "best.ckpt"))
    for name, value in average.items():
        assert torch.equal(value, seen[0][name]), name
