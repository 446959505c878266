"""Flat names and sections: each setting has one place, and both forms of files give the same configuration."""

import tomllib
from typing import Any

import pytest
import tomli_w
from pydantic import ValidationError

from xgraph.options import OptionError, options_of
from xgraph.training.config.build import build_config
from xgraph.training.config.data import BagData, MoleculeData, NodeData
from xgraph.training.config.flat import DATA, PLACES, SECTIONS, to_flat, to_tables
from xgraph.training.config.settings import TrainConfig

# A file as version 0.6 wrote it: flat but for loss and model, with settings of all kinds of items.
OLD: dict[str, Any] = {
    "dataset": "digits-bags", "epochs": 3, "schedule": "two-stage", "pretrain_epochs": 1, "inner_lr": 0.01,
    "inner_gamma": 0.9, "keep": "best", "train_on": "train", "batch_size": 8, "instances": 4, "sampling_rate": 0.25,
    "sampled_tasks": 5, "groups": "label", "items_per_group": 8, "lr": 0.002, "weight_decay": 0.0, "optimizer": "sgd",
    "lr_schedule": "cosine", "gamma_schedule": "constant", "ema_decay": 0.0, "seed": 3, "standardize": False,
    "device": "cpu", "storage": "device", "threads": 1,
    "loss": {"name": "soap", "gamma": 0.3},
    "model": {"name": "attention", "heads": 2, "gamma": 0.7},
}  # fmt: skip


def test_each_setting_has_one_place() -> None:
    fields = {(name, field) for name, models in SECTIONS.items() for one in models for field in one.model_fields}
    assert {(place.section, place.field) for place in PLACES.values()} == fields
    options = [option.name for option in options_of(TrainConfig)]
    assert len(options) == len(set(options))
    assert set(options) == PLACES.keys() - {"loss_options", "model_options"}


@pytest.mark.parametrize("table", [OLD, to_tables(OLD)], ids=["flat", "sections"])
def test_flat_and_sectioned_files_are_equivalent(table: dict[str, Any]) -> None:
    config = build_config({}, tomllib.loads(tomli_w.dumps(table)))
    assert isinstance(config.data, BagData)
    assert (config.data.instances, config.batches.sampling_rate, config.run.seed) == (4, 0.25, 3)
    assert (config.optimization.name, config.optimizer) == ("sgd", "sgd")
    assert (config.chosen_loss.name, config.loss, config.model) == ("soap", "soap", "attention")
    assert (config.loss_options["gamma"], config.model_options["gamma"]) == (0.3, 0.7)
    written = tomllib.loads(tomli_w.dumps(to_tables(config.to_dict())))
    assert written.keys() == SECTIONS.keys() - {"constraints"}  # which it has none of
    assert "storage" not in written["data"]
    assert build_config({}, written) == config
    assert to_flat(written) == config.to_dict()
    assert build_config({"lr": 0.5}, table).lr == 0.5


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"batches": {"lr": 1}}, r"unknown key 'batches.lr'; valid keys are batch_size, sampler"),
        ({"optimizer": {"learning_rate": 1}}, r"unknown key 'optimizer.learning_rate'"),
        ({"batchs": {"batch_size": 1}}, "unknown key 'batchs'"),
        (
            {"data": {"num_neighbors": [3]}},
            r"num_neighbors = \[3\]: this setting is for nodes, but the data set holds molecules",
        ),
        (
            {"data": {"dataset": "cora", "instances": 3}},
            "instances = 3: this setting is for bags, but the data set holds nodes",
        ),
        (
            {"data": {"dataset": "cora", "standardize": True}},
            "standardize = True: this setting is for molecules and bags",
        ),
        ({"run": {"seed": "x"}}, "seed = 'x': expected an integer"),
    ],
    ids=str,
)
def test_invalid_files_are_refused(table: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        build_config({}, table)


@pytest.mark.parametrize("kind", DATA)
def test_settings_of_another_kind_of_data_are_refused(kind: str) -> None:
    for name, place in PLACES.items():
        if place.section == "data" and DATA[kind] not in place.owners:
            with pytest.raises(ValidationError, match=name):
                DATA[kind].model_validate({name: place.default})


def test_flat_access() -> None:
    config = TrainConfig(dataset="cora", lr=0.5, num_neighbors=[3])
    assert isinstance(config.data, NodeData)
    assert (config.lr, config.num_neighbors, config.bag_column, config.standardize) == (0.5, [3], None, False)
    other = config.replace(dataset="x.csv", num_neighbors=None, seed=4)
    assert isinstance(other.data, MoleculeData)
    assert (other.lr, other.seed, config.seed) == (0.5, 4, 0)
    with pytest.raises(AttributeError, match="learning_rate"):
        _ = config.learning_rate
    with pytest.raises(OptionError, match=r"unknown key 'epoch' \(did you mean 'epochs'"):
        TrainConfig(epoch=3)
