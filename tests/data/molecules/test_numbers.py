"""Tables of molecules with numbers to predict, from every format, with splits, folds, repeats and weights."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from xgraph.data import LabelRules, MoleculeDataset, Table, load, read_table
from xgraph.data.labels.duplicates import DuplicateWarning
from xgraph.data.tables.frame import FrameTable

NUMBERS = [round(1.7 * n - 20, 2) for n in range(1, 41)]
SMILES = ["C" * n + "O" for n in range(1, 41)]


@pytest.fixture
def frame() -> pd.DataFrame:
    frame = pd.DataFrame({"smiles": SMILES, "CID": range(700, 740), "logS": NUMBERS})
    frame.loc[3, "logS"] = np.nan
    return frame


def _write_sdf(frame: pd.DataFrame, path: Path) -> None:
    with Chem.SDWriter(str(path)) as file:
        for smiles, number in zip(frame.smiles, frame.logS, strict=True):
            molecule = Chem.MolFromSmiles(smiles)
            if not np.isnan(number):
                molecule.SetDoubleProp("logS", number)
            file.write(molecule)


@pytest.mark.parametrize("form", ["csv", "tsv", "parquet", "sdf", "frame"])
def test_every_format(form: str, frame: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / f"numbers.{form}"
    if form == "sdf":
        _write_sdf(frame, path)
    elif form == "parquet":
        frame.to_parquet(path)
    elif form != "frame":
        frame.to_csv(path, index=False, sep="\t" if form == "tsv" else ",")
    data = load(frame if form == "frame" else path, split="random")
    assert isinstance(data, MoleculeDataset)
    assert (data.task, data.metric, data.task_names) == ("regression", "rmse", ["logS"])
    assert data.notes == {"logS": "numbers from -18.3 to 48: regression"}
    np.testing.assert_allclose(data.y[:, 0].numpy(), frame.logS.to_numpy(np.float32), rtol=1e-6)
    assert {part: len(rows) for part, rows in data.splits.items()} == {"train": 32, "valid": 4, "test": 4}
    assert data[3].y.isnan().all()


def test_parts_and_folds(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame["part"] = ["train"] * 30 + ["valid"] * 4 + ["test"] * 6
    given = load(frame, split_column="part")
    assert {part: len(rows) for part, rows in given.splits.items()} == {"train": 30, "valid": 4, "test": 6}
    paths = {part: tmp_path / f"{part}.csv" for part in ("train", "valid", "test")}
    for part, path in paths.items():
        frame[frame.part == part].drop(columns="part").to_csv(path, index=False)
    files = load(paths["train"], valid=paths["valid"], test=paths["test"])
    np.testing.assert_array_equal(files.y.numpy(), given.y.numpy())
    means = [load(frame, folds=4, fold=fold, split="random", target_columns=["logS"]) for fold in range(4)]
    middle = [float(np.nanmean(one.y[one.splits["test"]].numpy())) for one in means]
    assert max(middle) - min(middle) < 8, "folds have numbers of each tenth"


def test_repeats_and_weights(frame: pd.DataFrame) -> None:
    frame.loc[40] = ["OCC", 740, 100.0]
    frame["weight"] = 2.0
    with pytest.warns(
        DuplicateWarning, match="1 with different numbers, such as 'CCO': logS is -16.6 in row 1 and 100"
    ):
        data = load(frame, split="random", duplicates="mean", weight_column="weight")
    assert isinstance(data, MoleculeDataset)
    assert (len(data), float(data.y[1])) == (40, pytest.approx(41.7))
    with pytest.warns(DuplicateWarning, match="2 rows with different numbers are left out"):
        assert len(load(frame, split="random", duplicates="drop", target_columns=["logS"])) == 39


def test_rules(frame: pd.DataFrame) -> None:
    path = frame.assign(hit=frame.index % 2)
    assert read_table_of(path).task == "binary"
    table = read_table_of(path, LabelRules(task="regression"))
    assert (table.task, table.task_names) == ("regression", ["logS"])
    screen = read_table_of(frame, LabelRules(active_above=0))
    assert (screen.task, int(np.nansum(screen.y))) == ("binary", sum(number > 0 for number in NUMBERS))
    with pytest.raises(ValueError, match="hold.* numbers, but column 'hit' labels 0 and 1"):
        load(path, target_columns=["hit", "logS"])
    both = load(path, target_columns=["hit", "logS"], task="regression", split="random")
    assert both.y[:3].tolist() == [[0, pytest.approx(-18.3)], [1, pytest.approx(-16.6)], [0, pytest.approx(-14.9)]]
    with pytest.raises(ValueError, match="--task regression.*--active-above"):
        load(frame, task="binary", target_columns=["logS"])


def read_table_of(frame: pd.DataFrame, rules: LabelRules | None = None) -> Table:
    return read_table(FrameTable(frame), rules=rules or LabelRules())


def test_metrics_that_do_not_fit() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = MoleculeDataset.from_smiles(["CCO", "C"])
    y = data.y.new_tensor([[1.5], [2.5]])
    kwargs = {"name": "n", "task_names": ["y"], "task": "regression"}
    made = MoleculeDataset(data.graphs, data.smiles, y, data.row, **kwargs)
    assert (made.metric, made.task) == ("rmse", "regression")
    with pytest.raises(ValueError, match="metric must be one of rmse, mae, r2, pearson, spearman, got 'ap'"):
        MoleculeDataset(data.graphs, data.smiles, y, data.row, metric="ap", **kwargs)
    with pytest.raises(ValueError, match="y must hold finite numbers of 32 bits, .* got inf for item 1, task 0"):
        MoleculeDataset(data.graphs, data.smiles, y / y.new_tensor([[1.0], [0.0]]), data.row, **kwargs)
