from pathlib import Path
from typing import Any

import pytest

from tests.data.measured_table import write_measured
from xgraph.data import BagDataset, load, load_card
from xgraph.data.bags import conformer_sets


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = write_measured(tmp_path / "pki.csv.gz")
    monkeypatch.setattr(conformer_sets, "obtain", lambda *_, **__: path)
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "root"))
    return path


def bags(**options: Any) -> BagDataset:
    data = load("chembl-conformers", **options)
    assert isinstance(data, BagDataset)
    return data


def test_one_protein(table: Path) -> None:
    data = bags(target_columns=["CHEMBL1075104"])
    assert (data.name, data.task_names, data.metric) == (
        "chembl-conformers-CHEMBL1075104",
        ["CHEMBL1075104"],
        load_card("chembl-conformers").metric,
    )
    assert (len(data), data.num_features, data.num_instances) == (10, load_card("chembl-conformers").features, 100)
    assert list(data.splits) == ["train", "valid", "test"]
    assert sum(map(len, data.splits.values())) == 10
    sizes = [len(part) for part in bags(target_columns=["CHEMBL1075104"], split="stratified").splits.values()]
    assert sizes == [6, 2, 2]
    seeds = [bags(target_columns=["CHEMBL1075104"], split="random", seed=seed).splits["train"] for seed in (1, 2)]
    assert seeds[0].tolist() != seeds[1].tolist()


def test_rows_refer_to_the_table(table: Path) -> None:
    data = bags(target_columns=["CHEMBL1855"])
    assert data.row.tolist() == [10, 12]
    assert [(error.row, error.smiles) for error in data.errors] == [(11, "C1CC")]


def test_the_number_itself(table: Path) -> None:
    data = load("chembl-conformers-pki", target_columns=["CHEMBL1075104"], split="stratified")
    assert isinstance(data, BagDataset)
    assert (data.name, data.task, data.metric) == ("chembl-conformers-pki-CHEMBL1075104", "regression", "rmse")
    assert data.y[:, 0].tolist() == [7, 6] * 5
    both = [load_card(f"chembl-conformers{end}") for end in ("", "-pki")]
    assert both[0].files == both[1].files
    assert both[0].target_columns == both[1].target_columns


def test_missing_protein_is_an_error(table: Path) -> None:
    with pytest.raises(
        ValueError, match=r"chembl-conformers has 200 sets, one per protein: choose one with target_columns"
    ):
        load("chembl-conformers")
    with pytest.raises(ValueError, match=r"target_columns of 'chembl-conformers' must be any of .*, got CHEMBL0"):
        load("chembl-conformers", target_columns=["CHEMBL0"])
