import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from xgraph.training.config.build import build_config
from xgraph.training.fit.constraints.earlier import find_run
from xgraph.training.fit.labels.check import check_data
from xgraph.training.sources.molecules import MoleculeSource

NAN = float("nan")


def data(y: list[list[float]], **splits: list[int]) -> Any:
    parts = {name: torch.tensor(rows, dtype=torch.long) for name, rows in splits.items()}
    names = [f"task{t}" for t in range(len(y[0]))]
    data = SimpleNamespace(name="toy", y=torch.tensor(y), splits=parts, task_names=names)
    return MoleculeSource(data, build_config({}))


def test_missing_parts_and_classes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"no 'test' part \(it has: train, valid\)"):
        check_data(data([[0.0]], train=[0], valid=[0]))
    with pytest.raises(ValueError, match="is empty; if nearly all molecules share one scaffold"):
        check_data(data([[0.0]], train=[], valid=[0], test=[0]))
    with pytest.raises(
        ValueError, match="no task of .* has both labels, .* 1 positive and 0 negative labels among 2 molecules"
    ):
        check_data(data([[1.0], [NAN], [0.0]], train=[0, 1], valid=[2], test=[2]))
    check_data(data([[1.0], [0.0]], train=[0, 1], valid=[], test=[]))


def test_tasks_that_cannot_be_learned_are_named() -> None:
    toy = data([[1.0, 1.0, NAN], [0.0, 1.0, NAN]], train=[0, 1], valid=[], test=[])
    with pytest.warns(UserWarning, match="cannot be learned: 'task1', 'task2'"):
        check_data(toy)


def test_checkpoints_are_found(tmp_path: Path) -> None:
    config = build_config({"seed": 3})
    with pytest.raises(FileNotFoundError, match="init: expected a run directory or a checkpoint"):
        find_run(tmp_path, config, "init")
    (tmp_path / "last.ckpt").touch()
    assert find_run(tmp_path, config, "init") == tmp_path / "last.ckpt"
    (tmp_path / "best.ckpt").touch()
    assert find_run(str(tmp_path), config, "init") == tmp_path / "best.ckpt"
    assert find_run(tmp_path / "last.ckpt", config, "init") == tmp_path / "last.ckpt"
    for name in ("folds/fold_0/best.ckpt", "seeds/seed_3/best.ckpt"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    with pytest.raises(FileNotFoundError, match="retain: .* is a run over folds, but this run has none of them"):
        find_run(tmp_path / "folds", config, "retain")
    assert find_run(tmp_path / "folds", config.replace(fold=0), "init").parent.name == "fold_0"
    assert find_run(tmp_path / "seeds", config, "init").parent.name == "seed_3"
    with pytest.raises(FileNotFoundError, match="not over the seed 4 of this run"):
        find_run(tmp_path / "seeds", config.replace(seed=4), "init")


def test_lightning_is_silenced_and_loggers_are_restored(train: Any, capfd: pytest.CaptureFixture[str]) -> None:
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    train(out="run")
    assert capfd.readouterr() == ("", "")
    assert [logger.level for logger in loggers] == levels
    assert {file.name for file in Path().iterdir()} <= {"run", "root", "chains.csv"}
