import json
import math

import pytest

from xgraph.options import OptionError
from xgraph.training.config.build import build_config
from xgraph.training.loggers import names
from xgraph.training.loggers.logbook import split_loggers
from xgraph.training.loggers.places import place_of
from xgraph.training.loggers.values import epoch_rows, epoch_values, final_values, settings_of


def test_settings_are_logged_by_flat_names():
    config = build_config({"loss": "soap", "hidden_channels": 8, "features": ["maccs", "rdkit"], "logger": "csv"})
    logged = settings_of(config.to_dict())
    assert (logged["loss"], logged["model"], logged["model_hidden_channels"]) == ("soap", "gine", 8)
    assert logged["features"] == "maccs,rdkit"
    assert "logger" not in logged
    assert not any(isinstance(value, dict | list) for value in logged.values())


def test_values_of_an_epoch_are_the_finite_numbers_of_its_row(tmp_path):
    row = {"epoch": 3, "stage": "pretrain", "train_loss": 0.5, "valid_ap": math.nan, "lr": None, "seconds": 1.5}
    assert epoch_values(row) == {"stage": 0.0, "train_loss": 0.5, "seconds": 1.5}
    (tmp_path / "metrics.csv").write_text("epoch,stage,train_loss,valid_ap\n1,pretrain,0.5,\n2,main,0.25,0.75\n")
    rows = [(1, {"stage": 0.0, "train_loss": 0.5}), (2, {"stage": 1.0, "train_loss": 0.25, "valid_ap": 0.75})]
    assert list(epoch_rows(tmp_path)) == rows
    assert list(epoch_rows(tmp_path / "elsewhere")) == []


def test_final_values_of_a_run_and_of_folds():
    run = {"test": {"ap": 0.5, "ef_1": None}, "valid": {"ap": 0.75}, "best_epoch": 4, "metric": "ap"}
    run["baseline"] = {"model": "forest", "test": {"ap": 0.25}}
    expected = {"test_ap": 0.5, "kept_valid_ap": 0.75, "kept_epoch": 4.0, "baseline_test_ap": 0.25}
    assert final_values(run) == expected
    folds = {"test": {"ap": 0.5, "mean": {"ap": 0.5}, "std": {"ap": 0.125}}, "folds": [run]}
    assert final_values(folds) == {"test_ap": 0.5, "test_ap_std": 0.125}


def test_folds_are_logged_in_the_folder_of_their_run(tmp_path):
    fold = tmp_path / "study" / "fold_1"
    fold.mkdir(parents=True)
    assert place_of(fold).folder == fold / "logs"  # nothing says that the folder above is a run
    (tmp_path / "study" / "config.toml").write_text("")
    place = place_of(fold)
    assert (place.folder, place.member, place.title) == (tmp_path / "study" / "logs", "fold_1", "study/fold_1")
    place.keep("wandb", {"id": "a"})
    place_of(tmp_path / "study").keep("wandb", {"id": "b"})
    assert (place.record("wandb"), place.record("mlflow")) == ({"id": "a"}, {})
    (place.folder / "runs.json").write_text(json.dumps({".": 3}))
    assert place_of(tmp_path / "study").record("wandb") == {}
    (place.folder / "runs.json").write_text("{")
    with pytest.warns(UserWarning, match="is damaged, so loggers start new records"):
        assert place.record("wandb") == {}


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(names, "find_spec", lambda module: None)
    names.check_installed(None)
    names.check_installed(["csv"])
    with pytest.raises(
        OptionError, match=r"logger = 'wandb' needs the package wandb; pip install 'xgraph-pyg\[wandb\]"
    ):
        names.check_installed(["csv", "wandb"])


@pytest.mark.parametrize(
    ("given", "kept"), [("csv", ["csv"]), ("csv,wandb,csv", ["csv", "wandb"]), ([], None), ("none", None), (None, None)]
)
def test_the_setting_is_a_list_of_names(given, kept):
    assert build_config({"logger": given}).logger == kept


def test_an_unknown_logger_is_refused():
    with pytest.raises(OptionError, match="logger = 'neptune': expected csv, tensorboard, wandb or mlflow"):
        build_config({"logger": "neptune"})


def test_loggers_that_are_objects_are_separated_from_names():
    class Own:
        def log_metrics(self, *_): ...
        def log_hyperparams(self, *_): ...

    own = Own()
    assert split_loggers({"logger": ["csv", own], "lr": 1}) == ({"logger": ["csv"], "lr": 1}, [own])
    assert split_loggers({"logger": own}) == ({}, [own])
    assert split_loggers({"logger": "csv"}) == ({"logger": "csv"}, [])
