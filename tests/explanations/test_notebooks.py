"""What objects show of themselves in a notebook."""

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch_geometric.data import Data

import xgraph
from xgraph.data import BagDataset, MoleculeDataset, NodeDataset
from xgraph.explanations import show_molecules

BAD = "<script>alert(1)</script>"


class Tags(HTMLParser):
    """Collects tags, and checks that they are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)
        if tag not in ("br", "path", "rect", "ellipse"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("path", "rect", "ellipse"):
            assert self.open.pop() == tag


def check(text: str) -> str:
    tags = Tags(text)
    assert not tags.open
    assert "script" not in tags.seen
    return text


def test_a_run_shows_its_metrics_and_commands(network: Path) -> None:
    run = xgraph.training.Run.open(network)
    text = check(run._repr_html_())
    assert f"{run.metrics['test']['ap']:.4f}" in text
    assert f"xgraph predict {network} molecules.csv" in text
    odd = xgraph.training.Run(Path(BAD), {"test": {"ap": 0.5, BAD: 1.0}})
    assert "&lt;script&gt;" in check(odd._repr_html_())


def test_data_sets_show_labels_and_molecules() -> None:
    molecules = MoleculeDataset.from_smiles(["CCO", "CCN"], name=BAD)
    assert check(molecules._repr_html_()).count("<svg") == 2
    bags = BagDataset(torch.randn(6, 2), np.array([0, 3, 6]), [0, 1], name=BAD, splits={"train": [0], "test": [1]})
    text = check(bags._repr_html_())
    assert "train" in text
    assert "&lt;script&gt;" in text
    data = Data(x=torch.randn(4, 2), edge_index=torch.tensor([[0, 1], [1, 2]]), y=torch.tensor([0, 1, 0, 1]))
    nodes = NodeDataset(data, data.y, name=BAD, task="multiclass", task_names=["a", "b"], metric="accuracy")
    assert "nodes=4" in check(nodes._repr_html_())


def test_tables_of_molecules_are_shown(network: Path) -> None:
    frame = pd.DataFrame({"smiles": ["CCO", BAD, None], "score": [0.25, np.nan, np.nan], BAD: [BAD, "", ""]})
    text = check(show_molecules(frame)._repr_html_())
    assert text.count("<svg") == 1
    assert "score: 0.25" in text
    explained = xgraph.explain(network, ["CCO", BAD], task="amine")
    assert check(show_molecules(explained)._repr_html_()).count("<svg") == 1
    assert "1 of 3 molecules" in show_molecules(frame, most=1)._repr_html_()
    with pytest.raises(ValueError, match="smiles_column = 'x': expected one of the columns"):
        show_molecules(frame, smiles_column="x")
