import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import xgraph
from xgraph.training.config import build_config
from xgraph.training.rundir import Run, dataset_label, fold_folders, make_run_directory, write_config

Train = Callable[..., xgraph.Run]


def test_names_say_what_the_run_is() -> None:
    config = build_config({"dataset": "aicures", "fold": 3, "seed": 7, "loss": "bce"})
    assert make_run_directory(None, config) == Path("runs/aicures-bce-gine-s7-fold3")
    assert make_run_directory(None, config) == Path("runs/aicures-bce-gine-s7-fold3-2")
    assert dataset_label("/some/where/x.csv") == "x"


def test_out_may_exist_if_it_is_empty(tmp_path: Path) -> None:
    config = build_config({})
    assert make_run_directory(tmp_path / "a" / "b", config) == tmp_path / "a" / "b"
    assert make_run_directory(tmp_path / "a" / "b", config) == tmp_path / "a" / "b"
    (tmp_path / "file").write_text("")
    for taken in ("a", "file"):
        with pytest.raises(FileExistsError, match="not empty"):
            make_run_directory(tmp_path / taken, config)


def test_folds_are_in_order(tmp_path: Path) -> None:
    for fold in (10, 2, 0):
        (tmp_path / f"fold_{fold}").mkdir()
    assert [folder.name for folder in fold_folders(tmp_path)] == ["fold_0", "fold_2", "fold_10"]


def test_open(train: Train, tmp_path: Path) -> None:
    run = train(out="run", epochs=1, pretrain_epochs=0)
    again = Run.open("run")
    assert again.metrics == run.metrics
    assert again.config == run.config
    assert not again.model.training
    state = torch.random.get_rng_state()
    _ = again.model
    assert torch.equal(torch.random.get_rng_state(), state)
    with pytest.raises(FileNotFoundError, match="not a run directory"):
        Run.open(tmp_path / "nowhere")
    Path("run/metrics.json").write_text('{"test": {"ap": null}}')
    assert math.isnan(Run.open("run").metrics["test"]["ap"])


def test_config_of_a_file_holds_its_whole_path(csv: Path, tmp_path: Path) -> None:
    write_config(tmp_path, build_config({"dataset": "chains.csv", "init": "runs/a"}))
    config = Run(tmp_path, {}).config
    assert (config.dataset, config.init) == (str(csv), str(tmp_path / "runs" / "a"))
