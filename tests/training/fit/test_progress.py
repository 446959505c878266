import io
from types import SimpleNamespace
from typing import Any

import pytest

from xgraph.training.fit.progress import EpochBar, EpochLines


def test_a_line_consists_of_name_value_pairs() -> None:
    stream = io.StringIO()
    task: Any = SimpleNamespace(stage="main", train_loss=-0.123456789, valid_metrics={"ap": float("nan")}, seconds=1.26)
    trainer: Any = SimpleNamespace(current_epoch=4, max_epochs=9)
    EpochLines("ap", stream).on_train_epoch_end(trainer, task)
    assert stream.getvalue() == "epoch=5/9 stage=main loss=-0.12346 valid_ap=nan seconds=1.3\n"


def test_a_line_without_a_validation_part() -> None:
    stream = io.StringIO()
    task: Any = SimpleNamespace(stage="main", train_loss=0.5, valid_metrics={}, seconds=1.26)
    trainer: Any = SimpleNamespace(current_epoch=0, max_epochs=1)
    EpochLines("ap", stream).on_train_epoch_end(trainer, task)
    assert stream.getvalue() == "epoch=1/1 stage=main loss=0.5 seconds=1.3\n"


class Notes:
    """Replaces the bar."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def update(self, _: object, note: str) -> None:
        self.seen.append(note)


@pytest.mark.parametrize(
    ("keep", "values", "last"),
    [
        ("best", [0.25, 0.5, 0.25], "loss 0.500 valid ap 0.2500 (best 0.5000)"),
        ("last", [0.25, 0.5, 0.25], "loss 0.500 valid ap 0.2500"),
        ("last", [None], "loss 0.500"),
    ],
)
def test_the_note_of_the_bar(keep: str, values: list[float | None], last: str) -> None:
    bar, notes = EpochBar("ap"), Notes()
    bar._bar, bar._id = notes, 0  # type: ignore[assignment]
    for value in values:
        metrics = {} if value is None else {"ap": value}
        config = SimpleNamespace(keep=keep)
        task: Any = SimpleNamespace(stage="main", train_loss=0.5, valid_metrics=metrics, config=config)
        bar.on_train_epoch_end(SimpleNamespace(), task)  # type: ignore[arg-type]
    assert notes.seen[-1] == last
