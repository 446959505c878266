import io
from types import SimpleNamespace
from typing import Any

from xgraph.training.progress import EpochLines


def test_a_line_is_made_of_pairs() -> None:
    stream = io.StringIO()
    task: Any = SimpleNamespace(stage="main", train_loss=-0.123456789, valid_metrics={"ap": float("nan")}, seconds=1.26)
    trainer: Any = SimpleNamespace(current_epoch=4, max_epochs=9)
    EpochLines("ap", stream).on_train_epoch_end(trainer, task)
    assert stream.getvalue() == "epoch=5/9 stage=main loss=-0.12346 valid_ap=nan seconds=1.3\n"
