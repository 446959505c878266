from pathlib import Path

import pytest
import torch
from torch import Tensor

import xgraph.losses
from xgraph.estimators import Proximal
from xgraph.losses import BCELoss, GroupDROLoss, ListwiseCELoss
from xgraph.options import OptionError
from xgraph.sampling import DualSampler, GroupSampler
from xgraph.training.config.build import TrainConfig, build_config
from xgraph.training.fit.groups import make_groups
from xgraph.training.fit.loading import load_data
from xgraph.training.fit.objective import make_objective, make_pretrain_loss
from xgraph.training.sources import Source
from xgraph.training.sources.batches import ShuffleSampler


def build(csv: Path, **settings: object) -> tuple[TrainConfig, Source]:
    config = build_config({"dataset": str(csv), "split": "random", "batch_size": 16, **settings})
    return config, load_data(config, progress=False)


def test_each_loss_gets_its_sampler(csv: Path) -> None:
    for loss, kind in (("soap", DualSampler), ("sopa", DualSampler), ("kl-dro", ShuffleSampler)):
        objective = make_objective(*build(csv, loss=loss))
        assert isinstance(objective.samplers["main"], kind)
        assert isinstance(objective.samplers["pretrain"], ShuffleSampler)
    assert isinstance(make_objective(*build(csv, loss="soap", sampler="shuffle")).samplers["main"], ShuffleSampler)


def test_the_usual_batches_are_balanced_for_one_task_and_shuffled_for_several(csv: Path, tmp_path: Path) -> None:
    balanced = make_objective(*build(csv)).samplers["main"]
    assert isinstance(balanced, DualSampler)
    assert (balanced.positives_per_batch, balanced.negatives_per_batch) == (8, 8)
    lines = csv.read_text().splitlines()
    more = [f"{line},{'other' if i == 0 else i % 2}" for i, line in enumerate(lines)]
    (tmp_path / "two.csv").write_text("\n".join(more) + "\n")
    assert isinstance(make_objective(*build(tmp_path / "two.csv")).samplers["main"], ShuffleSampler)


def test_the_loss_gets_all_groups_and_the_sampler_those_of_the_training_part(csv: Path) -> None:
    config, data = build(csv, loss="group-dro", groups="label", items_per_group=4)
    loss, samplers = make_objective(config, data)
    assert isinstance(loss, GroupDROLoss)
    groups = make_groups("label", data, 4)
    assert torch.equal(loss.groups, groups)
    sampler = samplers["main"]
    assert isinstance(sampler, GroupSampler)
    own = groups[data.splits["train"]]
    assert {tuple(torch.bincount(own[batch]).tolist()) for batch in sampler} == {(8, 8)}


def test_the_group_sampler_works_with_any_loss(csv: Path) -> None:
    loss, samplers = make_objective(*build(csv, loss="bce", sampler="group", groups="label"))
    assert isinstance(loss, BCELoss)
    assert isinstance(samplers["main"], GroupSampler)


def test_losses_with_a_groups_parameter_get_groups(csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_gamma_schedule_ends_at_gamma(csv: Path) -> None:
    loss, _ = make_objective(
        *build(csv, loss="kl-dro", gamma=0.2, gamma_schedule="cosine", pretrain_epochs=0, epochs=4)
    )
    loss.set_epoch(2)
    assert loss.track.gamma == pytest.approx(0.6)


def test_a_proximal_gamma_is_gamma_where_the_state_is_zero(csv: Path) -> None:
    loss, _ = make_objective(*build(csv, loss="kl-dro", gamma=0.2, gamma_schedule="proximal", epochs=4))
    assert loss.track.schedule == Proximal(alpha=0.25)
    assert loss.track.gamma == pytest.approx(0.2)
    with pytest.raises(OptionError, match=r"gamma = 1.0: expected less than 1 with gamma_schedule = 'proximal'"):
        make_objective(*build(csv, loss="kl-dro", gamma=1.0, gamma_schedule="proximal", epochs=4))
    with pytest.raises(OptionError, match="is a rule for logarithms of means, and"):
        make_objective(*build(csv, loss="soap", gamma_schedule="proximal", epochs=4))
    with pytest.raises(OptionError, match="gamma_schedule = 'proximal': neither loss 'bce' nor model"):
        build(csv, loss="bce", gamma_schedule="proximal", epochs=4)


def test_the_epochs_before_the_loss_can_be_listwise(csv: Path) -> None:
    config, source = build(csv, loss="ndcg", pretrain_loss="listwise", epochs=4)
    loss = make_pretrain_loss(config, source)
    assert isinstance(loss, ListwiseCELoss)
    assert loss.list_size.tolist() == [len(source.splits["train"])]
    assert isinstance(make_pretrain_loss(*build(csv, loss="ndcg", epochs=4)), BCELoss)
    with pytest.raises(
        OptionError, match=r"pretrain_loss = 'listwise': expected epochs before the loss, such as .* = 2"
    ):
        build(csv, loss="ndcg", pretrain_loss="listwise", epochs=4, pretrain_epochs=0)
    with pytest.raises(OptionError, match="the inner step of schedule 'compositional' is cross-entropy"):
        build(csv, loss="soap", pretrain_loss="listwise", epochs=4, pretrain_epochs=2, schedule="compositional")


def test_ranks_that_do_not_fit_into_memory_are_refused(csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xgraph.training.fit.machine.state.free_memory", lambda device: 100)
    with pytest.raises(ValueError, match="'ndcg': it keeps numbers for each of .* items and 1 tasks"):
        make_objective(*build(csv, loss="ndcg"))
    make_objective(*build(csv, loss="listwise"))


def test_errors_of_a_loss_are_option_errors(csv: Path) -> None:
    with pytest.raises(OptionError, match="alpha must lie in"):
        make_objective(*build(csv, loss="group-dro", alpha=2.0, groups="label"))
