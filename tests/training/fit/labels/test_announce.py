"""The first lines of a run say its tasks, their positives, and the columns that are left out."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import xgraph
from xgraph.options import OptionError
from xgraph.training.fit.labels.announce import announcement

SMALL: dict[str, Any] = {"epochs": 1, "pretrain_epochs": 0, "hidden_channels": 4, "num_layers": 1, "split": "random"}


def source(y: torch.Tensor, names: list[str], several: bool = False) -> Any:
    data = SimpleNamespace(left_out={f"c{i}": "why" for i in range(14)}, notes={})
    splits = {"train": torch.arange(4), "valid": torch.arange(4, 6), "test": torch.arange(6, 8)}
    config = SimpleNamespace(inner=None, train_on="train")
    return SimpleNamespace(
        data=data,
        splits=splits,
        scored=("valid", "test"),
        kind="graph",
        config=config,
        task_names=names,
        several_classes=several,
        numbers=False,
        targets=lambda rows: y[rows],
        pretrained=dict,
    )


def test_many_tasks_have_a_short_form() -> None:
    y = (torch.arange(8 * 617).reshape(8, 617) % 7 < 2).float()
    lines = list(announcement(source(y, [f"t{i}" for i in range(617)])))
    assert lines[0] == "617 tasks: t0, t1, t2 and 614 more"
    assert lines[1].startswith("positives per task in train: 0 to 2, median 1; ")
    assert lines[-1] == "left out: 2 more columns"
    assert len(lines) == 1 + 3 + 13


def test_classes_are_counted() -> None:
    y = torch.eye(2)[torch.tensor([0, 1, 0, 0, 1, 1, 0, 1])]
    first = next(announcement(source(y, ["a", "b"], several=True)))
    assert first == "2 classes: a (3 train, 0 valid, 1 test); b (1 train, 2 valid, 1 test)"


def table(path: Path, header: str, row: Any) -> Path:
    path.write_text("\n".join([header, *(row("C" * n + end, n, end == "N") for n in range(1, 20) for end in "OCN")]))
    return path


def test_the_case_of_a_property_beside_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = {True: "Yes", False: "No"}
    path = table(
        tmp_path / "own.csv",
        "smiles,active(Yes/No),is_salt(0/1),pIC50,train",
        lambda smiles, n, label: f"{smiles},{words[label]},{n % 2},{n / 3:.2f},{n % 2}",
    )
    run = xgraph.train(path, progress=True, out="run", **SMALL)
    lines = capsys.readouterr().err.splitlines()
    assert lines[1].startswith("task active(Yes/No): ")
    assert [line.split(":")[:2] for line in lines[2:5]] == [
        ["left out", " is_salt(0/1)"],
        ["left out", " pIC50"],
        ["left out", " train"],
    ]
    assert run.metrics["tasks"] == ["active(Yes/No)"]
    assert xgraph.training.Run.open("run").metrics["tasks"] == ["active(Yes/No)"]
    run = xgraph.train(path, out="above", active_above=3, **SMALL)
    assert run.metrics["tasks"] == ["pIC50"]
    assert run.config.active_above == 3.0
    assert xgraph.evaluate(run.path) == run.metrics["test"]


def test_minus_one_is_answered_by_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = table(
        tmp_path / "own.csv", "smiles,A,B", lambda smiles, n, label: f"{smiles},{n % 3 - 1},{1 if label else -1}"
    )
    with pytest.raises(ValueError, match="--missing -1"):
        xgraph.train(path, out="run", **SMALL)
    run = xgraph.train(path, out="run", missing=["none"], **SMALL)
    assert (run.metrics["tasks"], run.config.missing) == (["A", "B"], ["none"])
    with pytest.raises(OptionError, match="missing"):
        xgraph.train("cora", missing=["-1"])


def test_names_from_files_do_not_control_the_terminal() -> None:
    y = torch.tensor([[0.0], [1.0]] * 4)
    (line, *_) = announcement(source(y, ["toxic\x1b[2J\nline"]))
    assert line.startswith("task toxic\\x1b[2J line: ")
