import warnings
from pathlib import Path

import numpy as np
import pytest

from xgraph.data import Table, collect, collection, load, load_card
from xgraph.data.collection import excluded
from xgraph.data.molecules.embedded import EMBEDDED


@pytest.fixture(autouse=True)
def own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with a small card's worth of AICures: its table and its competition's molecules."""
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "root"))
    monkeypatch.delenv("XGRAPH_MIRROR", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "root"


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    (tmp_path / "one.csv").write_text("smiles,a,size\nCCO,0,1.5\nCCN,1,2.5\nCC,1,0.5\n")
    (tmp_path / "two.csv").write_text("mol,b\nOCC,1\nCCCC,0\n")
    (tmp_path / "esol.csv").write_text("smiles,solubility\nCCO,0.5\nCCCCCC,-1.5\n")
    (tmp_path / "bare.csv").write_text("smiles\nCCO\nCCCl\n")
    return tmp_path


def test_joins_files_by_their_names(tables: Path) -> None:
    data = collect(["one.csv", str(tables / "two.csv")])
    assert data.task_names == ["one/a", "two/b"]
    assert data.smiles == ["CCO", "CCN", "CC", "CCCC"]
    assert data.name == "one+two"


def test_regression_columns_are_skipped_with_a_warning(tables: Path) -> None:
    with pytest.warns(UserWarning, match=r"'esol\.csv' is skipped because it has no column with labels 0 and 1"):
        data = collect(["one.csv", "esol.csv"])
    assert data.task_names == ["one/a"]
    assert "CCCCCC" not in data.smiles
    with (
        pytest.warns(UserWarning, match="is skipped"),
        pytest.raises(ValueError, match="have no column with labels 0 and 1"),
    ):
        collect(["esol.csv", "bare.csv"])


def test_molecules_without_labels_are_kept(tables: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = collect(["esol.csv", "bare.csv"], labelled=False)
    assert data.smiles == ["CCO", "CCCCCC", "CCCl"]
    assert data.num_tasks == 0


def test_excludes_the_molecules_of_a_file(tables: Path) -> None:
    data = collect(["one.csv", "two.csv"], exclude=["bare.csv"])
    assert data.smiles == ["CCN", "CC", "CCCC"]
    assert data.counts.excluded == 2
    with pytest.raises(ValueError, match="none of the 3 molecules remain"):
        collect(["one.csv"], exclude=["one.csv"])
    Path("known.csv").write_text("smiles\nCCO\nCCN\n")
    Path("some.csv").write_text("smiles,a\nCCO,0\nCCN,1\nC,\n")
    with pytest.raises(ValueError, match="none of the remaining molecules has a label"):
        collect(["some.csv"], exclude=["known.csv"])


def test_excludes_parts_of_a_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    smiles = [f"{'C' * i}{ring}" for i in range(20) for ring in ("C1CC1", "C1CCC1", "c1ccccc1")]
    table = Table(smiles, np.ones((60, 1), np.float32), ["pains"], np.arange(60))
    monkeypatch.setitem(EMBEDDED, "nci_pains", lambda root, progress: table)
    whole = load("nci-pains")
    texts = {part: {whole.smiles[i] for i in whole.splits[part].tolist()} for part in whole.splits}
    assert set(excluded("nci-pains:test")) == texts["test"]
    data = collect(["nci-pains"], exclude=["nci-pains:test", "nci-pains:valid"])
    assert not set(data.smiles) & (texts["test"] | texts["valid"])
    assert data.counts.excluded == len(texts["test"]) + len(texts["valid"]) > 0
    assert set(data.smiles) == texts["train"]


@pytest.mark.parametrize(
    ("spec", "error", "text"),
    [
        ("nci-pain", ValueError, "unknown data set 'nci-pain': did you mean nci-pains"),
        ("nci-pains:tests", ValueError, r"'nci-pains' has no part 'tests' \(parts: train, valid, test\)"),
        ("nci-pains:test:0", ValueError, r"'nci-pains' has no fold '0' \(folds: none\)"),
        ("aicures:test:10", ValueError, r"'aicures' has no fold '10' \(folds: 0 to 9\)"),
        ("one.csv:test", ValueError, r"'one\.csv' is a file and has no part 'test'"),
        ("none.csv", FileNotFoundError, r"file 'none\.csv' does not exist"),
        ("cora:test", ValueError, "'cora' contains the nodes of a graph"),
    ],
)
def test_invalid_exclusions_are_rejected(tables: Path, spec: str, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        collect(["one.csv"], exclude=[spec])


@pytest.mark.parametrize(
    ("name", "error", "text"),
    [
        ("toxcats", ValueError, "unknown data set 'toxcats'"),
        ("cora", ValueError, "'cora' contains the nodes of a graph; only data sets of molecules"),
        ("musk1", ValueError, "'musk1' contains bags"),
        ("ogbg-ppa", ValueError, "'ogbg-ppa' contains graphs that are not molecules"),
        ("./none.csv", FileNotFoundError, "does not exist"),
    ],
)
def test_invalid_data_sets_are_rejected_before_reading(
    tables: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: type[Exception], text: str
) -> None:
    monkeypatch.setattr(collection, "_table", None)
    with pytest.raises(error, match=text):
        collect(["one.csv", name])


def test_competition_molecules_are_always_excluded(
    tables: Path, own_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert collect(["one.csv"]).counts.excluded == 0
    file = own_root / collection.COMPETITION[1]
    file.parent.mkdir(parents=True)
    file.write_text("smiles,activity\n[O-]CC.[Na+],\n")
    monkeypatch.setattr(collection, "obtain", lambda card, wanted, **_: own_root / wanted.path)
    data = collect(["one.csv"])
    assert data.smiles == ["CCN", "CC"]
    assert data.counts.excluded == 1


def test_competition_file_is_fetched_if_its_data_set_is_named(tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = []
    monkeypatch.setattr(
        collection, "obtain", lambda card, wanted, **_: fetched.append(wanted.path) or tables / "bare.csv"
    )
    monkeypatch.setattr(collection, "excluded", lambda spec, **_: [])
    assert collect(["one.csv"]).counts.excluded == 0
    assert not fetched
    assert collect(["one.csv"], exclude=["aicures:test:0"]).counts.excluded == 1
    assert fetched == ["aicures_pseudomonas/test.csv"]
    assert load_card("aicures").file(fetched[0]).bytes == 12447
