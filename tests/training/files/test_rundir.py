import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import xgraph
from xgraph.training.config.build import build_config
from xgraph.training.files.members import fold_folders
from xgraph.training.files.rundir import Run, dataset_label, discard, make_run_directory, write_config

Train = Callable[..., xgraph.Run]


def test_directory_names_describe_the_run() -> None:
    config = build_config({"dataset": "aicures", "fold": 3, "seed": 7, "loss": "bce"})
    assert make_run_directory(None, config) == Path("runs/aicures-bce-gine-s7-fold3")
    assert make_run_directory(None, config) == Path("runs/aicures-bce-gine-s7-fold3-2")
    assert dataset_label("/some/where/x.csv") == "x"


def test_out_may_exist_if_it_is_empty(tmp_path: Path) -> None:
    config = build_config({})
    assert make_run_directory(tmp_path / "a" / "b", config) == tmp_path / "a" / "b"
    assert make_run_directory(tmp_path / "a" / "b", config) == tmp_path / "a" / "b"
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError, match="not empty"):
        make_run_directory(tmp_path / "a", config)
    with pytest.raises(FileExistsError, match="file is a file; expected a new or empty directory"):
        make_run_directory(tmp_path / "file", config)
    with pytest.raises(OSError, match="out: cannot create directory .*file/run: Not a directory"):
        make_run_directory(tmp_path / "file" / "run", config)


def test_folds_are_in_order(tmp_path: Path) -> None:
    for fold in (10, 2, 0, "x"):
        (tmp_path / f"fold_{fold}").mkdir()
    (tmp_path / "fold_3").write_text("")
    assert [folder.name for folder in fold_folders(tmp_path)] == ["fold_0", "fold_2", "fold_10"]


def test_opening_runs(train: Train, tmp_path: Path) -> None:
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
    for damaged in ("{", "[]", ""):
        Path("run/metrics.json").write_text(damaged)
        with pytest.raises(ValueError, match=r"run: run/metrics\.json is damaged"):
            Run.open("run")


def test_discard_removes_only_files_of_the_run(tmp_path: Path) -> None:
    def filled(*names: str) -> list[str]:
        path = tmp_path / "run"
        path.mkdir(exist_ok=True)
        for name in names:
            (path / name).write_text("")
        discard(path)
        return sorted(file.name for file in path.iterdir()) if path.exists() else []

    assert filled("config.toml", "env.json") == []
    assert not (tmp_path / "run").exists()
    assert filled("config.toml", "mine.txt") == ["mine.txt"]
    assert filled("config.toml", "last.ckpt") == ["config.toml", "last.ckpt", "mine.txt"]


def test_the_configuration_holds_absolute_paths(csv: Path, tmp_path: Path) -> None:
    write_config(tmp_path, build_config({"dataset": "chains.csv", "init": "runs/a"}))
    config = Run(tmp_path, {}).config
    assert (config.dataset, config.init) == (str(csv), str(tmp_path / "runs" / "a"))
