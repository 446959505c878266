import warnings
from importlib import import_module
from inspect import signature
from pathlib import Path

import numpy as np
import pytest

from xgraph.data import load, requested
from xgraph.data.cards import molecules
from xgraph.data.loaders import LOADERS, RULES
from xgraph.data.molecules.splits import SplitOverlapWarning
from xgraph.data.registry import Split

SMILES = ["CCO", "c1ccccc1", "Cc1ccccc1", "C1CC", "C1CCCC1", "c1ccncc1", "CCN", "CCC", "C1CC1", "CO", "CN", "CF"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "mine.csv"
    lines = [f"{s},{i % 2},{(i // 2) % 2}" for i, s in enumerate(SMILES)]
    lines.insert(3, ",1,1")  # a row without a molecule: rows and entries differ from here on
    path.write_text("structure,a,b\n" + "\n".join(lines) + "\n")
    return path


def test_embedded_default(session_root: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", SplitOverlapWarning)
        dataset = load("nci-pains", root=session_root)
    assert (dataset.name, dataset.kind, dataset.metric, dataset.num_tasks) == ("nci-pains", "graph", "ap", 1)
    assert len(dataset) == 4991
    assert len(dataset.errors) == 8
    sizes = {part: len(rows) for part, rows in dataset.splits.items()}
    positives = {part: int(dataset.y[rows].sum()) for part, rows in dataset.splits.items()}
    assert sum(sizes.values()) == 4991
    assert sum(positives.values()) == 345
    # as the card promises: enough positives in every part
    assert positives == {"train": 241, "valid": 59, "test": 45}


def test_table_by_path(table: Path) -> None:
    for name in (table, str(table)):
        dataset = load(name, smiles_column="structure")
        assert (dataset.name, dataset.metric, dataset.task_names) == ("mine", "ap", ["a", "b"])
        assert len(dataset) == len(SMILES) - 1  # C1CC cannot be parsed
        assert [error.row for error in dataset.errors] == [3, 4]
        rows = np.concatenate([dataset.row[positions].numpy() for positions in dataset.splits.values()])
        assert sorted(rows.tolist()) == [0, 1, 2, *range(5, 13)]


@pytest.mark.parametrize("split", ["scaffold", "scaffold-balanced", "cluster", "random"])
def test_splits_of_a_table_refer_to_its_rows(table: Path, split: Split) -> None:
    dataset = load(table, split=split, seed=5, smiles_column="structure")
    rows = {part: dataset.row[positions].tolist() for part, positions in dataset.splits.items()}  # type: ignore[union-attr]
    assert rows.keys() == {"train", "valid", "test"}
    assert sorted(row for part in rows.values() for row in part) == [0, 1, 2, *range(5, 13)]
    part_of = {row: part for part, listed in rows.items() for row in listed}
    if split.startswith("scaffold"):  # the same scaffold in every ring of benzene
        assert len({part_of[row] for row, text in enumerate([*SMILES[:4], "", *SMILES[4:]]) if "c1ccccc1" in text}) == 1


def test_target_columns_of_a_table(table: Path) -> None:
    dataset = load(table, smiles_column="structure", target_columns=["b"])
    assert dataset.task_names == ["b"]
    with pytest.raises(TypeError, match="target_columns must be a list of column names, got the string 'b'"):
        load(table, smiles_column="structure", target_columns="b")


def test_smiles_column_of_a_card_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="smiles_column must be 'smiles' for 'nci-pains', got 'mol'"):
        load("nci-pains", smiles_column="mol")


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("nci-pain", {}, "unknown data set 'nci-pain': did you mean nci-pains"),
        (
            "nci-pains",
            {"split": "given"},
            r"split must be one of scaffold, random for 'nci-pains', got 'given'",
        ),
        ("nci-pains", {"split": "lucky"}, "got 'lucky'"),
        ("nci-pains", {"fold": 0}, "fold=0 cannot be used: the scaffold split of 'nci-pains' has no folds"),
        ("aicures", {"fold": 10}, "fold must be between 0 and 9 for 'aicures', got 10"),
        ("aicures", {"fold": -1}, "fold must be between 0 and 9 for 'aicures', got -1"),
        (
            "aicures",
            {"fold": 1, "split": "random"},
            "fold=1 cannot be used: the random split of 'aicures' has no folds",
        ),
        ("advprop-tox21", {"fold": 3}, "fold must be between 0 and 2"),
        ("nci-pains", {"seed": -1, "split": "random"}, "seed must be a non-negative integer, got -1"),
        ("aicures", {"target_columns": []}, "target_columns must be at least one column, without duplicates, got none"),
        (
            "nci-pains",
            {"target_columns": ["pains", "pains"]},
            "target_columns must be at least one column, .*got 'pains' twice",
        ),
        ("ogbg-molhiv", {"fold": 1}, "the given split of 'ogbg-molhiv' has no folds"),
    ],
)
def test_invalid_arguments_are_rejected_before_fetching(
    name: str, options: dict[str, object], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*args: object, **options: object) -> None:
        raise RuntimeError("something was fetched")

    monkeypatch.setattr(molecules, "obtain", never)
    monkeypatch.setitem(molecules.EMBEDDED, "nci_pains", never)
    with pytest.raises(ValueError, match=text):
        load(name, **options)  # type: ignore[arg-type]


def test_fold_must_be_a_number() -> None:
    with pytest.raises(TypeError, match="fold must be an integer, got '1'"):
        load("aicures", fold="1")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a CSV file or a DataFrame, got 5"):
        load(5)  # type: ignore[arg-type]


def test_missing_paths_are_an_error(tmp_path: Path, table: Path) -> None:
    for name in (tmp_path / "none", str(tmp_path / "none.txt"), "none.csv", "none.csv.gz", "NONE.CSV"):
        with pytest.raises(FileNotFoundError, match=r"file .*(none|NONE).* does not exist"):
            load(name)
    with pytest.raises(ValueError, match="is a folder; expected the name of a data set or a CSV file"):
        load(tmp_path)
    with pytest.raises(ValueError, match=r"split must be one of scaffold, .* for 'mine', got 'stratified'"):
        load(table, split="stratified")
    with pytest.raises(ValueError, match="the scaffold split has no folds; give their number with folds"):
        load(table, fold=0)


def test_registered_name_takes_precedence_over_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nci-pains").write_text("smiles,y\nC,1\n")
    monkeypatch.chdir(tmp_path)
    assert len(load("nci-pains")) == 4991
    assert requested.own_table(Path("nci-pains")) == Path("nci-pains")


def test_additional_features(table: Path) -> None:
    dataset = load(table, smiles_column="structure", features=("morgan", "maccs"))
    assert dataset.feature_kinds == ["morgan", "maccs"]
    assert dataset.features.shape == (len(SMILES) - 1, 2048 + 167)
    for none in (None, []):
        assert load(table, smiles_column="structure", features=none).features is None


def test_features_are_cached(tmp_path: Path) -> None:
    table = tmp_path / "many.csv"
    table.write_text("smiles,y\n" + "".join(f"{'C' * (i % 25)}{'N' * (i // 25)}O,{i % 2}\n" for i in range(500)))
    first = load(table, split="random", features=["maccs"], root=tmp_path)
    assert len(list((tmp_path / "processed").glob("features-maccs-*"))) == 1
    steps: list[str] = []
    again = load(
        table,
        split="random",
        seed=1,
        features=["maccs", "morgan"],
        root=tmp_path,
        progress=lambda *t: steps.append(t[2]),
    )
    assert set(steps) == {"describing: morgan"}
    assert bool((again.features[:, :167] == first.features).all())
    assert len(list((tmp_path / "processed").glob("features-*"))) == 2


def test_separator_and_encoding_of_a_table(tmp_path: Path) -> None:
    path = tmp_path / "Größe.txt"
    rows = "".join(f"{'C' * n}|{n % 2}|ä\n" for n in range(1, 21))
    path.write_bytes(f"smiles|label|Größe\n{rows}".encode("cp1252"))
    with pytest.raises(ValueError, match="is not UTF-8 text; .*--encoding cp1252"):
        load(path)
    data = load(path, split="random", separator="|", encoding="cp1252")
    assert (data.name, data.task_names, len(data)) == ("Größe", ["label"], 20)
    further = load(path, test=path, valid=path, separator="|", encoding="cp1252")
    assert [len(rows) for rows in further.splits.values()] == [20, 20, 20]
    path.write_bytes(f"bag|label|Größe\n{''.join(f'{n}|{n % 2}|{n}.5{chr(10)}' for n in range(20))}".encode("cp1252"))
    bags = load(path, bag_column="bag", separator="|", encoding="cp1252")
    assert bags.feature_names == ["Größe"]
    with pytest.raises(ValueError, match="separator='|' cannot be used: 'nci-pains' is a registered data set"):
        load("nci-pains", separator="|")


def test_inapplicable_options_are_rejected(table: Path) -> None:
    for name, options, message in (
        ("nci-pains", {"features": ["maccs", "ecfp"]}, "features must be any of rdkit, morgan, .*, got 'ecfp'"),
        ("nci-pains", {"features": ["maccs", "maccs"]}, "features must not repeat, but 'maccs' occurs 2 times"),
        ("nci-pains", {"bag_column": "b"}, "bag_column='b' cannot be used: 'nci-pains' is a registered data set"),
        ("nci-pains", {"feature_columns": ["b"]}, r"feature_columns=\['b'\] cannot be used: it requires bag_column"),
        (
            "digits-bags",
            {"features": ["maccs"]},
            r"features=\['maccs'\] cannot be used: 'digits-bags' is not a table of mol",
        ),
        (
            "digits-bags",
            {"smiles_column": "s"},
            "smiles_column='s' cannot be used: 'digits-bags' is not a table of mol",
        ),
        ("cora", {"features": ["maccs"]}, r"features=\['maccs'\] cannot be used: 'cora' is not a table of molecules"),
        ("cora", {"target_columns": ["a"]}, r"target_columns=\['a'\] cannot be used: 'cora' is not a table"),
        ("ogbg-ppa", {"standardize": True}, "standardize=True cannot be used: 'ogbg-ppa' is not a table of molecules"),
        (
            table,
            {"bag_column": "a", "features": ["maccs"]},
            r"features=\['maccs'\] cannot be used: with bag_column the table",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            load(name, **options)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"features must be a list with any of .* got the string 'maccs'"):
        load("nci-pains", features="maccs")


def test_every_kind_has_its_loader() -> None:
    # the names and signatures that the table of loaders relies on
    for loader in LOADERS.values():
        parameters = signature(getattr(import_module(loader.module), loader.function)).parameters
        rules = {"rules"} if loader.options.issuperset(RULES) else set()
        options = loader.options.difference(RULES) if rules else loader.options
        assert set(list(parameters)[1:]) == options | rules | {"root", "progress"}
