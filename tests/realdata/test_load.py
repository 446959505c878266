import csv
import gzip
import hashlib
import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from xgraph.data import MoleculeDataset, list_cards, load, load_card, read_table, scaffold_split
from xgraph.data.cards.files import obtain
from xgraph.data.cards.molecules import read_card_table

pytestmark = pytest.mark.realdata
CARDS = [card.name for card in list_cards() if card.table]
# fold: train, valid and test molecules and positives, as published with the data
AICURES = [
    ((1694, 29), (202, 14), (201, 5)),
    ((1694, 30), (201, 4), (202, 14)),
    ((1694, 40), (202, 4), (201, 4)),
    ((1694, 38), (201, 6), (202, 4)),
    ((1695, 39), (201, 3), (201, 6)),
    ((1618, 41), (278, 4), (201, 3)),
    ((1611, 43), (208, 1), (278, 4)),
    ((1688, 43), (201, 4), (208, 1)),
    ((1694, 41), (202, 3), (201, 4)),
    ((1694, 40), (201, 5), (202, 3)),
]


@pytest.mark.parametrize("name", CARDS)
def test_tables_match_their_cards(name: str, real_root: Path) -> None:
    card = load_card(name)
    table = read_card_table(card, root=real_root)
    assert len(table.smiles) == card.items
    assert table.task_names == card.target_columns
    assert table.errors == []
    assert np.isfinite(table.y).sum() == card.labels
    assert table.task == ("regression" if card.is_regression else "binary")
    if not card.is_regression:
        assert np.nansum(table.y, dtype=np.float64) == card.positives


@pytest.mark.parametrize("fold", range(10))
def test_aicures_folds_match_the_published_folds(fold: int, real_root: Path, mirror_folder: Path) -> None:
    dataset = load("aicures", fold=fold, root=real_root)
    assert (len(dataset), dataset.metric, dataset.errors) == (2097, "ap", [])
    sizes = tuple((len(dataset.splits[p]), int(dataset.y[dataset.splits[p]].sum())) for p in ("train", "valid", "test"))
    assert sizes == AICURES[fold]
    every = np.concatenate([rows.numpy() for rows in dataset.splits.values()])
    assert sorted(every.tolist()) == list(range(2097))
    for part, file in {"train": "train", "valid": "dev", "test": "test"}.items():
        path = mirror_folder / "aicures_pseudomonas" / "train_cv" / f"fold_{fold}" / f"{file}.csv"
        with open(path, newline="") as lines:
            published = [(row["smiles"], float(row["activity"])) for row in csv.DictReader(lines)]
        positions = dataset.splits[part].tolist()
        assert [(dataset.smiles[i], dataset.y[i, 0].item()) for i in positions] == published


def test_aicures_test_table_is_fetched_too(real_root: Path, mirror_folder: Path) -> None:
    table = read_table(mirror_folder / "aicures_pseudomonas" / "test.csv", require_targets=False)
    assert len(table.smiles) == 238
    assert "aicures_pseudomonas/test.csv" in [file.path for file in load_card("aicures").files]


@pytest.mark.parametrize("name", ["bbbp", "bace", "clintox", "sider", "tox21", "muv", "delaney", "freesolv", "lipo"])
def test_moleculenet_scaffold_splits_equal_the_mirrors(name: str, real_root: Path, mirror_folder: Path) -> None:
    table = read_card_table(load_card(name), root=real_root)
    parts = scaffold_split(table.smiles, root=real_root)
    with np.load(mirror_folder / "moleculenet" / "splits" / f"{name}_scaffold.npz", allow_pickle=False) as kept:
        assert set(kept) == set(parts)
        for part in parts:
            np.testing.assert_array_equal(parts[part], kept[part])


def test_ogbg_molhiv_matches_ogb(real_root: Path, mirror_folder: Path, molhiv_dataset: MoleculeDataset) -> None:
    dataset = molhiv_dataset
    refused = [137, 987, 12882, 18293, 30784, 30785, 35728]
    assert dataset.task_names == ["HIV_active"]
    assert [error.row for error in dataset.errors] == refused
    table = read_card_table(load_card("ogbg-molhiv"), root=real_root)
    for part, (size, positives) in {"train": (32901, 1232), "valid": (4113, 81), "test": (4113, 130)}.items():
        packed = (mirror_folder / "ogbg_molhiv" / "split" / "scaffold" / f"{part}.csv.gz").read_bytes()
        rows = np.loadtxt(io.BytesIO(gzip.decompress(packed)), dtype=np.int64)
        assert len(rows) == size
        lost = [error.row for error in dataset.errors]
        assert dataset.row[dataset.splits[part]].tolist() == [row for row in rows.tolist() if row not in lost]
        assert table.y[rows, 0].sum() == positives
    again = load("ogbg-molhiv", split="scaffold", root=real_root)  # computed: the same as given
    assert {part: rows.tolist() for part, rows in again.splits.items()} == {
        part: rows.tolist() for part, rows in dataset.splits.items()
    }


# SHA-256 of OGB's own index files, uncompressed, and of "SMILES,label" in its table: from a public copy of the release.
RELEASE = {
    "bace": ("b6eb8effc9403aaa", "a24de5dcd7874cf2", "e21ea95f290d4935", "0550528017cc81d1"),
    "esol": ("19b2cbad90f551b4", "442b1ad1ec1c2966", "0e20dfe71ba5b752", "538e99e8a77aef35"),
    "freesolv": ("8c2dd9f60124a1e7", "3c987bc99f671802", "cf7a4acec361783c", "9c066a084d49579c"),
}
# Of the test parts in a public copy of OGB's splits.
TEST_PARTS = {
    "bbbp": "0f8622182181e211",
    "clintox": "a07aa6551609558f",
    "sider": "442dfd06421310a7",
    "tox21": "8a108f6c45e116de",
}
# Molecules in OGB's own splits, rows that RDKit rejects today included.
SIZES = {
    "bbbp": (1631, 204, 204),
    "clintox": (1181, 148, 148),
    "sider": (1141, 143, 143),
    "tox21": (6264, 783, 784),
    "lipo": (3360, 420, 420),
}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _given(name: str, root: Path) -> dict[str, list[int]]:
    card = load_card(f"ogbg-mol{name}")
    assert card.given is not None
    parts = zip(("train", "valid", "test"), card.given.paths(), strict=True)
    paths = {part: obtain(card, card.file(path), folder=root) for part, path in parts}
    return {part: list(map(int, gzip.decompress(path.read_bytes()).split())) for part, path in paths.items()}


@pytest.mark.parametrize("name", RELEASE)
def test_rows_labels_and_split_are_those_of_ogbs_release(name: str, real_root: Path) -> None:
    table = read_card_table(load_card(f"ogbg-mol{name}"), root=real_root)
    lines = [f"{smiles},{y:.6g}\n" for smiles, y in zip(table.smiles, table.y[:, 0].tolist(), strict=True)]
    parts = ["".join(f"{row}\n" for row in rows) for rows in _given(name, real_root).values()]
    assert tuple(map(_digest, ("".join(lines), *parts))) == RELEASE[name]


@pytest.mark.parametrize("name", SIZES)
def test_splits_have_the_sizes_and_test_parts_of_ogb(name: str, real_root: Path) -> None:
    parts = _given(name, real_root)
    assert tuple(map(len, parts.values())) == SIZES[name]
    assert sorted(row for rows in parts.values() for row in rows) == list(range(load_card(f"ogbg-mol{name}").items))
    if name in TEST_PARTS:
        assert _digest("".join(f"{row}\n" for row in parts["test"])) == TEST_PARTS[name]


def test_clintox_of_ogb_lacks_the_molecule_with_a_dummy_atom(real_root: Path) -> None:
    ours, whole = (read_card_table(load_card(name), root=real_root) for name in ("ogbg-molclintox", "clintox"))
    assert "*" in whole.smiles[0]
    assert ours.smiles == whole.smiles[1:]
    np.testing.assert_array_equal(ours.y, whole.y[1:])
    # totals of OGB's 1,477 graphs, and the elements in the order in which they occur there
    molecules = [Chem.MolFromSmiles(text) for text in ours.smiles]
    assert sum(molecule.GetNumAtoms() for molecule in molecules) == 38637
    assert sum(molecule.GetNumBonds() for molecule in molecules) == 164744 // 4
    elements = dict.fromkeys(atom.GetAtomicNum() for molecule in molecules for atom in molecule.GetAtoms())
    assert list(elements)[:8] == [6, 17, 8, 1, 7, 43, 15, 9]


@pytest.mark.parametrize("name", ["bbbp", "bace", "clintox", "sider", "tox21", "hiv"])
def test_advprop_splits_match_the_npz(name: str, real_root: Path, mirror_folder: Path) -> None:
    card = load_card(f"advprop-{name}")
    assert card.given is not None
    for fold in range(card.folds) if card.folds else [None]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # repeated molecules stand in several parts of the random splits
            dataset = load(card.name, fold=fold, root=real_root)
        lost = {error.row for error in dataset.errors}
        suffix = f"_{122 + fold}" if fold is not None else ""
        with np.load(mirror_folder / card.given.file, allow_pickle=False) as kept:
            for part, positions in dataset.splits.items():
                want = [row for row in kept[part + suffix].tolist() if row not in lost]
                assert sorted(dataset.row[positions].tolist()) == sorted(want)


def test_soap_papers_hiv_counts(real_root: Path, mirror_folder: Path) -> None:
    card = load_card("advprop-hiv")
    table = read_card_table(card, root=real_root)
    with np.load(mirror_folder / "moleculenet_advprop" / "splits" / "hiv_scaffold.npz", allow_pickle=False) as kept:
        positives = {part: int(table.y[kept[part]].sum()) for part in kept}
        sizes = {part: len(kept[part]) for part in kept}
    assert sizes == {"train": 33530, "valid": 4191, "test": 4192}
    assert positives == {"train": 1272, "valid": 85, "test": 130}


def test_one_task_of_many(real_root: Path) -> None:
    dataset = load("tox21", target_columns=["NR-AR"], root=real_root)
    assert (dataset.num_tasks, dataset.task_names) == (1, ["NR-AR"])
    assert int(np.nansum(dataset.y.numpy())) == 308  # 309 in the table, one of them in a row RDKit refuses


def test_repeated_molecules_give_a_warning(real_root: Path) -> None:
    with pytest.warns(UserWarning, match="are in more than one of"):
        load("advprop-tox21", root=real_root)
