import io
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from xgraph.losses import SOAPLoss
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
        ("best", [0.25, 0.5, 0.25], "SOAP 0.500 valid ap 0.2500 (best 0.5000)"),
        ("last", [0.25, 0.5, 0.25], "SOAP 0.500 valid ap 0.2500"),
        ("last", [None], "SOAP 0.500"),
    ],
)
def test_the_note_of_the_bar(keep: str, values: list[float | None], last: str) -> None:
    bar, notes = EpochBar("ap"), Notes()
    bar._bar, bar._id = notes, 0  # type: ignore[assignment]
    for value in values:
        metrics = {} if value is None else {"ap": value}
        config = SimpleNamespace(keep=keep)
        task: Any = SimpleNamespace(
            stage="main", train_loss=0.5, valid_metrics=metrics, config=config, loss_fn=SOAPLoss(1)
        )
        bar.on_train_epoch_end(SimpleNamespace(), task)  # type: ignore[arg-type]
    assert notes.seen[-1] == last


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_the_bar_in_a_terminal(tmp_path: Path) -> None:
    import pty

    table = "smiles,amine\n" + "\n".join(f"{'C' * n}{end},{int(end == 'N')}" for n in range(1, 21) for end in "OCN")
    (tmp_path / "chains.csv").write_text(table)
    words = "train chains.csv --split random --loss soap --epochs 4 --hidden-channels 8 --num-layers 2 --no-baseline"
    terminal, other = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "xgraph", *words.split(), "--out", "run"],
        cwd=tmp_path,
        stdout=other,
        stderr=other,
        env={**os.environ, "COLUMNS": "120", "TERM": "xterm", "PYTHONIOENCODING": "utf-8"},
    )
    os.close(other)
    shown = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        shown += piece
    os.close(terminal)
    assert process.wait(300) == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert "main 4/4" in text
    assert re.search(r"SOAP -?[0-9.]+ valid ap [0-9.]+ \(best [0-9.]+\)", text)
    assert re.search(r"valid ap: [▁-█ ]{2}│[▁-█ ]{2} [0-9.]+ → [0-9.]+, 4 epochs", text)
    assert "epoch=" not in text
