"""Whether the labels of a table are numbers, before it is read as a data set."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from torch_geometric.data import Data
from torch_geometric.utils import from_smiles

from xgraph.data import tasks
from xgraph.data.objects import load_object, settings_of
from xgraph.data.recognise import recognise

NUMBERS = "smiles,yield,rank\n" + "".join(f"{'C' * i}O,{i / 8},{i % 2}\n" for i in range(1, 20))


@pytest.mark.parametrize(
    ("text", "settings", "task"),
    [
        (NUMBERS, {}, None),  # a column of labels comes first
        (NUMBERS, {"target_columns": "yield"}, "regression"),
        (NUMBERS, {"target_columns": ["yield"]}, "regression"),
        (NUMBERS, {"target_columns": "yield", "active_below": 1.0}, None),
        (NUMBERS, {"target_columns": "yield", "positive": "1.0"}, None),
        (NUMBERS, {"target_columns": "yield", "task": "multiclass"}, None),
        (NUMBERS, {"target_columns": "lost"}, None),
        (NUMBERS.replace("0.25", "n. d."), {"target_columns": "yield"}, None),
        (NUMBERS.replace("0.25", "n. d."), {"target_columns": "yield", "missing": "n. d.,x"}, "regression"),
        (NUMBERS.replace("yield", '"yield, %"'), {"target_columns": ["yield, %"]}, "regression"),
        (NUMBERS.replace(",", ";"), {"target_columns": "yield", "separator": ";"}, "regression"),
        (NUMBERS.replace("rank", "weight"), {"weight_column": "weight"}, "regression"),
        ("", {}, None),
        ("smiles\nC\n", {}, None),
    ],
)
def test_tables_of_molecules(tmp_path: Path, text: str, settings: dict[str, Any], task: str | None) -> None:
    path = tmp_path / "own.csv"
    path.write_text(text)
    assert recognise(path, settings) == ("graph", "table of molecules", task)


def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, reads = tmp_path / "own.csv", []
    path.write_text(NUMBERS)
    read = tasks._READ["table of molecules"]
    monkeypatch.setitem(tasks._READ, "table of molecules", lambda *args: reads.append(1) or read(*args))
    for _ in range(3):
        assert recognise(path, {"target_columns": "yield"}).task == "regression"
    path.write_text(NUMBERS.replace("0.25", "text"))
    assert recognise(path, {"target_columns": "yield"}).task is None
    assert len(reads) == 2


def test_objects_say_what_their_labels_are() -> None:
    frame = pd.DataFrame({"smiles": ["C", "CC", "CCC"], "yield": [0.5, 1.5, 2.5]})
    assert settings_of(frame, {}) == {"dataset": "<DataFrame>", "task": "regression"}
    assert settings_of(frame, {"task": "binary"}) == {"dataset": "<DataFrame>"}
    graph = Data(x=torch.eye(4), edge_index=torch.tensor([[0, 1], [1, 2]]), y=torch.tensor([0.5, 1, 2, 3]))
    assert settings_of(graph, {})["task"] == "regression"
    graphs = [from_smiles(text) for text in ("C", "CC", "CCC")]
    for labels, task in (([0.0, 1, 0], None), ([0.5, 1, 0], "regression"), ([2, 0, 1], "multiclass")):
        for one, label in zip(graphs, labels, strict=True):
            one.y = torch.tensor([label])
        assert settings_of(graphs, {}).get("task") == task
        data = load_object(graphs, {"split": "random"})
        assert data.task == (task or "binary")
        assert settings_of(data, {})["task"] == (task or "binary")
