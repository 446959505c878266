from pathlib import Path

import pytest
import torch
from torch import Tensor

import xgraph.losses
from xgraph.losses import BCELoss, GroupDROLoss
from xgraph.options import OptionError
from xgraph.sampling import DualSampler, GroupSampler
from xgraph.training.config.build import TrainConfig, build_config
from xgraph.training.fit.groups import make_groups
from xgraph.training.fit.objective import make_objective
from xgraph.training.fit.train import load_data
from xgraph.training.sources import Source
from xgraph.training.sources.batches import ShuffleSampler


def build(csv: Path, **settings: object) -> tuple[TrainConfig, Source]:
    config = build_config({"dataset": str(csv), "split": "random", "batch_size": 16, **settings})
    return config, load_data(config, progress=False)


def test_a_loss_gets_the_batches_it_asks_for(csv: Path) -> None:
    for loss, kind in (("soap", DualSampler), ("sopa", DualSampler), ("kl-dro", ShuffleSampler)):
        objective = make_objective(*build(csv, loss=loss))
        assert isinstance(objective.samplers["main"], kind)
        assert isinstance(objective.samplers["pretrain"], ShuffleSampler)
    assert isinstance(make_objective(*build(csv, loss="soap", sampler="shuffle")).samplers["main"], ShuffleSampler)


def test_groups_go_to_the_loss_by_data_set_and_to_the_sampler_by_training_split(csv: Path) -> None:
    config, data = build(csv, loss="group-dro", groups="label", items_per_group=4)
    loss, samplers = make_objective(config, data)
    assert isinstance(loss, GroupDROLoss)
    groups = make_groups("label", data, 4)
    assert torch.equal(loss.groups, groups)
    sampler = samplers["main"]
    assert isinstance(sampler, GroupSampler)
    own = groups[data.splits["train"]]
    assert {tuple(torch.bincount(own[batch]).tolist()) for batch in sampler} == {(8, 8)}


def test_groups_for_the_batches_of_a_loss_without(csv: Path) -> None:
    loss, samplers = make_objective(*build(csv, loss="bce", sampler="group", groups="label"))
    assert isinstance(loss, BCELoss)
    assert isinstance(samplers["main"], GroupSampler)


def test_any_loss_with_a_parameter_groups_gets_them(csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(BCELoss):
        """Another."""

        def __init__(self, num_items: int, num_tasks: int = 1, *, groups: Tensor) -> None:
            super().__init__(num_items, num_tasks)
            self.groups = groups

    monkeypatch.setitem(xgraph.losses.LOSSES, "other", Other)
    config, data = build(csv, loss="other", groups="label")
    loss, samplers = make_objective(config, data)
    assert isinstance(loss, Other)
    assert torch.equal(loss.groups, make_groups("label", data, 8))
    assert isinstance(samplers["main"], ShuffleSampler)


def test_a_schedule_ends_at_gamma(csv: Path) -> None:
    loss, _ = make_objective(*build(csv, loss="kl-dro", gamma=0.2, gamma_schedule="cosine", epochs=4))
    loss.set_epoch(2)
    assert loss.track.gamma == pytest.approx(0.6)


def test_what_a_loss_refuses_is_wrong_usage(csv: Path) -> None:
    with pytest.raises(OptionError, match="alpha must lie in"):
        make_objective(*build(csv, loss="group-dro", alpha=2.0, groups="label"))
