"""The sections of a report on a run that predicts numbers."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch_geometric.data import Data

import xgraph
from xgraph.reports.measures.items import Items
from xgraph.reports.sections import SECTIONS
from xgraph.reports.source import Source
from xgraph.reports.write import write_report

SHORT: dict[str, Any] = {"epochs": 1, "threads": 1, "device": "cpu", "baseline": False, "hidden_channels": 8}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, random = tmp_path_factory.mktemp("numbers"), np.random.default_rng(0)
    x = random.normal(size=(120, 2))
    trays = pd.DataFrame({"bag": np.repeat(range(40), 3), "y": np.repeat(x[::3, 0], 3), "a": x[:, 0], "b": x[:, 1]})
    smiles = [f"{'C' * n}{end}" for n in range(1, 21) for end in "OCN"]
    molecules = pd.DataFrame({"smiles": smiles, "p": random.normal(size=60), "q": 50 + random.normal(size=60)})
    molecules.loc[:9, "q"] = np.nan
    y = torch.randn(80)
    graph = Data(x=torch.randn(80, 3), edge_index=torch.randint(0, 80, (2, 200)), y=y)
    trays.to_csv(folder / "trays.csv", index=False)
    molecules.to_csv(folder / "molecules.csv", index=False)
    torch.save(graph, folder / "graph.pt")
    settings: dict[str, dict[str, Any]] = {
        "trays.csv": {"bag_column": "bag", "target_columns": ["y"]},
        "molecules.csv": {"target_columns": ["p", "q"], "split": "random", "num_layers": 1},
        "graph.pt": {},
    }
    return {
        name: xgraph.train(folder / name, out=folder / f"run-{name}", **SHORT, **more).path
        for name, more in settings.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["trays.csv", "molecules.csv", "graph.pt"])
def test_reports_on_numbers(runs: dict[str, Path], name: str) -> None:
    source = Source(runs[name])
    sections = {name: section for name, make in SECTIONS.items() if (section := make(source)) is not None}
    assert {"overview", "results", "data", "training", "predicted numbers"} <= set(sections)
    assert not {"ranking", "scores and calibration", "decisions"} & set(sections)
    assert ("tasks" in sections) == (name == "molecules.csv")
    text = re.sub(r"<svg.*?</svg>|<style.*?</style>|<script.*?</script>", "", _page(runs[name]), flags=re.S)
    assert "Error" not in text
    assert not re.search("positive|negative|log-odds|AUC", re.sub(r"<[^>]+>", " ", text))
    assert "RMSE" in text
    assert "targets" in text
    assert "Conformal intervals of 90 %" in text


@pytest.mark.slow
def test_items_are_those_with_the_highest_predictions_and_the_largest_errors(runs: dict[str, Path]) -> None:
    items = Items.of(Source(runs["molecules.csv"]), "graph", "molecules")
    assert items is not None
    top, worst = items.choose()
    assert items.task == 0
    assert items.values[top[0]] == items.values.max()
    errors = np.abs(items.values - items.labels)
    assert errors[worst[0]] == np.nanmax(errors)
    assert items.known(int(worst[0])) == f"measured {items.labels[worst[0]]:.4g}"


@pytest.mark.slow
def test_runs_on_numbers_are_compared(runs: dict[str, Path]) -> None:
    run = runs["trays.csv"]
    shutil.copytree(run, run.parent / "again")
    file, left_out = write_report([run, run.parent / "again"])
    assert left_out == []
    text = file.read_text(encoding="utf-8")
    assert "Left of 0, the first named is better." in text
    assert "mean of the predictions" in text
    assert "AUC" not in text
    file, left_out = write_report([runs["molecules.csv"], runs["trays.csv"]])
    assert "different data sets" in file.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_best_middle_and_worst_targets_are_drawn(runs: dict[str, Path]) -> None:
    from xgraph.reports.sections.numbers import _targets

    source = Source(runs["molecules.csv"])
    assert _targets(source, "test") == [0, 1]
    names = [f"t{i}" for i in range(20)]
    tasks = {name: {"r2": -float(i)} for i, name in enumerate(names)}
    source.run.metrics.update(tasks=names, details={"test": {"tasks": tasks}})
    source.__dict__.pop("predictions", None)
    assert _targets(source, "test") == [0, 1, 9, 10, 18, 19]


def _page(run: Path) -> str:
    return Path(xgraph.report(run)).read_text(encoding="utf-8")
