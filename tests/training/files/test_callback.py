from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from xgraph.training.files.callback import CheckpointCallback, CheckpointFiles
from xgraph.training.scoring.metrics import METRICS

NAN = float("nan")


class Trainer:
    def __init__(self) -> None:
        self.current_epoch = 0
        self.optimizers = [SimpleNamespace(param_groups=[{"lr": 0.1}])]
        self.saved: list[str] = []

    def save_checkpoint(self, path: Path) -> None:
        self.saved.append(path.name)


def run(callback: CheckpointCallback, stages: list[str], values: list[float]) -> list[list[str]]:
    trainer: Any = Trainer()
    saved = []
    for stage, value in zip(stages, values, strict=True):
        metrics = {**dict.fromkeys(METRICS, 0.5), "ap": value}
        task: Any = SimpleNamespace(stage=stage, train_loss=1.0, valid_metrics=metrics, seconds=0.0)
        callback.on_train_epoch_end(trainer, task)
        trainer.current_epoch += 1
        saved.append(trainer.saved)
        trainer.saved = []
    return saved


@pytest.mark.parametrize(
    ("stages", "values", "best"),
    [
        ("pmmmm", [0.9, 0.1, 0.3, 0.3, 0.2], 3),  # the first of equals, and none of the pretraining
        ("mmm", [NAN, NAN, NAN], 3),  # no metric: the last
        ("mmm", [NAN, 0.2, NAN], 2),
        ("m", [0.0], 1),
    ],
)
def test_the_best_epoch_is_kept(tmp_path: Path, stages: str, values: list[float], best: int) -> None:
    callback = CheckpointCallback(tmp_path, "ap")
    saved = run(callback, [{"p": "pretrain", "m": "main"}[s] for s in stages], values)
    assert callback.best is not None
    assert callback.best["epoch"] == best
    assert all(names[-1] == "last.ckpt" for names in saved)
    assert [i + 1 for i, names in enumerate(saved) if "best.ckpt" in names][-1] == best


@pytest.mark.parametrize("metric", ["ef_1", "hits@10", "accuracy"])
def test_of_equal_epochs_the_one_with_the_higher_ap_is_kept_then_roc_auc_then_the_earlier(
    tmp_path: Path, metric: str
) -> None:
    """Metrics of the top take few values, so epochs are often equal by them."""
    callback = CheckpointCallback(tmp_path, metric)
    trainer: Any = Trainer()
    epochs = [(1.0, 0.3, 0.9), (2.0, 0.1, 0.5), (2.0, 0.2, 0.6), (2.0, 0.2, 0.7), (2.0, 0.2, 0.7), (1.0, 0.9, 0.9)]
    for value, ap, roc_auc in epochs:
        metrics = {**dict.fromkeys(METRICS, 0.5), "ap": ap, "roc_auc": roc_auc, metric: value}
        task: Any = SimpleNamespace(stage="main", train_loss=1.0, valid_metrics=metrics, seconds=0.0)
        callback.on_train_epoch_end(trainer, task)
        trainer.current_epoch += 1
    assert callback.best is not None
    assert callback.best["epoch"] == 4


def test_of_equal_epochs_without_ap_the_first_is_kept(tmp_path: Path) -> None:
    callback = CheckpointCallback(tmp_path, "accuracy")
    trainer: Any = Trainer()
    for roc_auc in (0.5, 0.7):
        metrics = {"accuracy": 0.9, "ap": float("nan"), "roc_auc": roc_auc}
        task: Any = SimpleNamespace(stage="main", train_loss=1.0, valid_metrics=metrics, seconds=0.0)
        callback.on_train_epoch_end(trainer, task)
        trainer.current_epoch += 1
    assert callback.best is not None
    assert callback.best["epoch"] == 1


def test_history_and_best_epoch_are_restored(tmp_path: Path) -> None:
    one, two = CheckpointCallback(tmp_path, "ap"), CheckpointCallback(tmp_path, "ap")
    run(one, ["main"] * 2, [0.5, 0.7])
    two.load_state_dict(one.state_dict())
    assert run(two, ["main"], [0.6]) == [["last.ckpt"]]
    assert len((tmp_path / "metrics.csv").read_text().splitlines()) == 4


def test_checkpoint_files_are_checked(tmp_path: Path) -> None:
    files = CheckpointFiles()
    path = tmp_path / "a.ckpt"
    files.save_checkpoint({"xgraph": {"format": 99}}, path)
    with pytest.raises(ValueError, match="has format 99"):
        files.load_checkpoint(path, weights_only=False)
    path.write_bytes(b"junk")
    with pytest.raises(ValueError, match="not an xgraph checkpoint"):
        files.load_checkpoint(path)
    files.remove_checkpoint(path)
    files.remove_checkpoint(path)
    assert not path.exists()


@pytest.mark.parametrize("values", [[0.9, 0.1, 0.3], [0.1, NAN, 0.2], [NAN] * 3])
def test_the_last_epoch_is_kept(tmp_path: Path, values: list[float]) -> None:
    callback = CheckpointCallback(tmp_path, "ap", "last")
    saved = run(callback, ["pretrain", "main", "main"], values)
    assert callback.best is not None
    assert callback.best["epoch"] == 3
    assert ["best.ckpt" in names for names in saved] == [False, True, True]


def test_history_without_a_validation_part(tmp_path: Path) -> None:
    callback, trainer = CheckpointCallback(tmp_path, "ap", "last"), Trainer()
    task: Any = SimpleNamespace(stage="main", train_loss=1.0, valid_metrics={}, seconds=0.0)
    callback.on_train_epoch_end(trainer, task)  # type: ignore[arg-type]
    assert callback.best is not None
    assert (tmp_path / "metrics.csv").read_text().splitlines() == [
        "epoch,stage,train_loss,lr,seconds",
        "1,main,1.0,0.1,0.0",
    ]
