import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xgraph.data import Table, load, load_card, random_split, scaffold_split
from xgraph.data import registry as module
from xgraph.data.registry import read_card_table

SMILES = ["CCO", "c1ccccc1", "Cc1ccccc1", "C1CC", "C1CCCC1", "c1ccncc1", "CCN", "CCC", "C1CC1", "CO", "CN", "CF"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    lines = [f"{s},{i % 2},{(i // 2) % 2}" for i, s in enumerate(SMILES)]
    lines.insert(3, ",1,1")  # a row without a molecule: rows and entries differ from here on
    path.write_text("structure,a,b\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("root")


def test_embedded_default(root: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no molecule may stand in two parts
        dataset = load("nci-pains", root=root)
    assert (dataset.name, dataset.kind, dataset.metric, dataset.num_tasks) == ("nci-pains", "graph", "ap", 1)
    assert len(dataset) == 4991
    assert len(dataset.errors) == 8
    sizes = {part: len(rows) for part, rows in dataset.splits.items()}
    positives = {part: int(dataset.y[rows].sum()) for part, rows in dataset.splits.items()}
    assert sum(sizes.values()) == 4991
    assert sum(positives.values()) == 345
    # as the card promises: enough positives in every part
    assert positives == {"train": 241, "valid": 59, "test": 45}


def test_own_table_by_path(table: Path, root: Path) -> None:
    for name in (table, str(table)):
        dataset = load(name, smiles_column="structure", root=root)
        assert (dataset.name, dataset.metric, dataset.task_names) == ("mine", "ap", ["a", "b"])
        assert len(dataset) == len(SMILES) - 1  # C1CC cannot be parsed
        assert [error.row for error in dataset.errors] == [3, 4]
        rows = np.concatenate([dataset.row[positions].numpy() for positions in dataset.splits.values()])
        assert sorted(rows.tolist()) == [0, 1, 2, *range(5, 13)]


def test_splits_of_an_own_table_are_rows_of_the_file(table: Path, root: Path) -> None:
    # entry i of the table is row i, or i + 1 after the row without a molecule
    def entries(positions: object, dataset: object) -> list[int]:
        rows = dataset.row[positions].tolist()  # type: ignore[attr-defined]
        return sorted(row - (row > 3) for row in rows)

    parts = {"random": random_split(12, seed=5), "scaffold": scaffold_split(SMILES)}
    for split, want in parts.items():
        dataset = load(table, split=split, seed=5, smiles_column="structure", root=root)
        for part, rows in want.items():
            assert entries(dataset.splits[part], dataset) == [row for row in rows.tolist() if SMILES[row] != "C1CC"]


def test_target_columns_of_an_own_table(table: Path, root: Path) -> None:
    dataset = load(table, smiles_column="structure", target_columns=["b"], root=root)
    assert dataset.task_names == ["b"]
    with pytest.raises(TypeError, match="target_columns must be a list of column names, got the string 'b'"):
        load(table, smiles_column="structure", target_columns="b", root=root)


def test_registered_table_keeps_the_chosen_tasks() -> None:
    card = load_card("nci-pains")
    with pytest.raises(ValueError, match=r"target_columns of 'nci-pains' are \['pains'\], got \['y'\]"):
        read_card_table(card, ["y"])
    with pytest.raises(ValueError, match="smiles_column of 'nci-pains' is 'smiles', got 'mol'"):
        load("nci-pains", smiles_column="mol")


def test_columns_of_an_embedded_table(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Table(["C", "CC"], np.array([[0, 1], [1, 0]], np.float32), ["other", "pains"], np.arange(2))
    monkeypatch.setitem(module.EMBEDDED, "nci_pains", lambda folder, progress: whole)
    table = read_card_table(load_card("nci-pains"))
    assert table.task_names == ["pains"]
    assert table.y.tolist() == [[1.0], [0.0]]


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("nci-pain", {}, "unknown data set 'nci-pain': did you mean nci-pains"),
        (
            "nci-pains",
            {"split": "given"},
            r"split must be one of \['scaffold', 'random'\] for 'nci-pains', got 'given'",
        ),
        ("nci-pains", {"split": "lucky"}, "got 'lucky'"),
        ("nci-pains", {"fold": 0}, "fold=0 was given, but the scaffold split of 'nci-pains' has no folds"),
        ("aicures", {"fold": 10}, "fold must be 0 to 9 for 'aicures', got 10"),
        ("aicures", {"fold": -1}, "fold must be 0 to 9 for 'aicures', got -1"),
        ("aicures", {"fold": 1, "split": "random"}, "fold=1 was given, but the random split of 'aicures' has no folds"),
        ("advprop-tox21", {"fold": 3}, "fold must be 0 to 2"),
        ("nci-pains", {"seed": -1, "split": "random"}, "seed must be an integer, 0 or more, got -1"),
        ("aicures", {"target_columns": []}, "target_columns is empty: expected different columns, at least one"),
        ("nci-pains", {"target_columns": ["pains", "pains"]}, "target_columns names 'pains' twice"),
        ("ogbg-molhiv", {"fold": 1}, "the given split of 'ogbg-molhiv' has no folds"),
    ],
)
def test_mistakes_are_told_before_anything_is_fetched(
    name: str, options: dict[str, object], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*args: object, **options: object) -> None:
        raise RuntimeError("something was fetched")

    monkeypatch.setattr(module, "obtain", never)
    monkeypatch.setitem(module.EMBEDDED, "nci_pains", never)
    with pytest.raises(ValueError, match=text):
        load(name, **options)  # type: ignore[arg-type]


def test_fold_must_be_a_number() -> None:
    with pytest.raises(TypeError, match="fold must be an integer, got '1'"):
        load("aicures", fold="1")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="name: expected a data set's name or the path of a CSV file, got 5"):
        load(5)  # type: ignore[arg-type]


def test_paths_that_are_not_there(tmp_path: Path, table: Path) -> None:
    for name in (tmp_path / "none", str(tmp_path / "none.txt"), "none.csv", "none.csv.gz", "NONE.CSV"):
        with pytest.raises(FileNotFoundError, match=r"there is no file .*(none|NONE)"):
            load(name)
    with pytest.raises(ValueError, match="is a folder; expected a data set's name or a CSV file"):
        load(tmp_path)
    with pytest.raises(ValueError, match=r"split must be one of .* for 'mine', got 'given'"):
        load(table, split="given")
    with pytest.raises(ValueError, match="the scaffold split of 'mine' has no folds"):
        load(table, fold=0)


def test_a_registered_name_wins_over_a_file_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path
) -> None:
    (tmp_path / "nci-pains").write_text("smiles,y\nC,1\n")
    monkeypatch.chdir(tmp_path)
    assert len(load("nci-pains", root=root)) == 4991
    assert module._own_table(Path("nci-pains")) == Path("nci-pains")


def test_features_beside_the_graph(table: Path, root: Path) -> None:
    dataset = load(table, smiles_column="structure", features=("morgan", "maccs"), root=root)
    assert dataset.feature_kinds == ["morgan", "maccs"]
    assert dataset.features.shape == (len(SMILES) - 1, 2048 + 167)
    for none in (None, []):
        assert load(table, smiles_column="structure", features=none, root=root).features is None


def test_features_of_a_registered_table_are_kept(root: Path) -> None:
    first = load("nci-pains", features=["maccs"], root=root)
    assert len(list((root / "processed").glob("features-maccs-*"))) == 1
    assert first.features.shape == (4991, 167)
    told: list[str] = []
    again = load(
        "nci-pains", split="random", features=["maccs", "morgan"], root=root, progress=lambda *t: told.append(t[2])
    )
    assert set(told) == {"describing: morgan"}
    assert bool((again.features[:, :167] == first.features).all())
    assert len(list((root / "processed").glob("features-*"))) == 2


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "nci-pains",
            {"features": ["maccs", "ecfp"]},
            "features must be among rdkit, morgan, maccs, torsion, got 'ecfp'",
        ),
        ("nci-pains", {"features": ["maccs", "maccs"]}, "features must be different, got 'maccs' 2 times"),
        (
            "digits-bags",
            {"features": ["maccs"]},
            r"features=\['maccs'\] was given, but 'digits-bags' has no table of mole",
        ),
        ("cora", {"features": ["maccs"]}, r"features=\['maccs'\] was given, but 'cora' has no table of molecules"),
    ],
)
def test_features_refused(name: str, options: dict[str, Any], message: str, root: Path) -> None:
    with pytest.raises(ValueError, match=message):
        load(name, root=root, **options)


def test_features_are_no_names_and_not_of_bags(table: Path) -> None:
    with pytest.raises(TypeError, match=r"features must be a list of kinds .* got the string 'maccs'"):
        load("nci-pains", features="maccs")
    with pytest.raises(ValueError, match=r"features=\['maccs'\] was given, but with bag_column there are bags"):
        load(table, bag_column="a", features=["maccs"])
