import warnings
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles

from tests.data.molecules.test_molecule import nci
from xgraph.data.molecules import splits
from xgraph.data.molecules.dataset import MoleculeDataset
from xgraph.data.molecules.keys import graph_keys
from xgraph.data.molecules.molecule import pack
from xgraph.data.molecules.splits import (
    SplitOverlapWarning,
    check_overlap,
    random_split,
    scaffold_groups,
    scaffold_split,
)


def plain_scaffold_split(smiles: list[str]) -> dict[str, list[int]]:
    """OGB's procedure, written out."""
    groups: dict[object, list[int]] = {}
    for i, text in enumerate(smiles):
        molecule = Chem.MolFromSmiles(text)
        key = i if molecule is None else MurckoScaffoldSmiles(mol=molecule, includeChirality=True)
        groups.setdefault(key, []).append(i)
    parts: dict[str, list[int]] = {"train": [], "valid": [], "test": []}
    for rows in sorted(groups.values(), key=lambda rows: (len(rows), rows[0]), reverse=True):
        if len(parts["train"]) + len(rows) <= 0.8 * len(smiles):
            parts["train"] += rows
        elif len(parts["train"]) + len(parts["valid"]) + len(rows) <= 0.9 * len(smiles):
            parts["valid"] += rows
        else:
            parts["test"] += rows
    return {name: sorted(rows) for name, rows in parts.items()}


def test_scaffold_split_matches_ogb(tmp_path: Path) -> None:
    smiles = nci()[:1000]
    expected = plain_scaffold_split(smiles)
    for workers in (1, 2):
        parts = scaffold_split(smiles, root=tmp_path / str(workers), workers=workers)
        assert {name: rows.tolist() for name, rows in parts.items()} == expected


def test_scaffolds_are_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smiles = nci()[:600]
    first = scaffold_split(smiles, root=tmp_path)
    monkeypatch.setattr(splits, "_scaffold_groups", lambda *a: pytest.fail("computed again"))
    again = scaffold_split(smiles, root=tmp_path)
    assert all(np.array_equal(first[name], again[name]) for name in first)


def test_invalid_smiles_form_their_own_groups(capfd: pytest.CaptureFixture[str]) -> None:
    parts = scaffold_split(["x", "", "c1ccccc1", "c1ccccc1C", "y", "C" * 30_000], (0.5, 0.5, 0.0))
    assert np.sort(np.concatenate(list(parts.values()))).tolist() == list(range(6))
    assert {2, 3} <= set(parts["train"].tolist())
    assert capfd.readouterr().err == ""


def test_scaffolds_differ_by_chirality() -> None:
    cis, trans = "C1CC[C@H]2CCCC[C@H]2C1", "C1CC[C@@H]2CCCC[C@H]2C1"
    assert scaffold_groups([cis, trans, f"O{cis}"]).tolist() == [0, 1, 0]


def test_scaffold_split_of_an_empty_list() -> None:
    assert [len(rows) for rows in scaffold_split([]).values()] == [0, 0, 0]


@pytest.mark.parametrize("fractions", [(0.5, 0.5), (0.9, 0.2, -0.1), (0.5, 0.2, 0.2), (float("nan"), 0.5, 0.5)])
def test_fractions_are_checked(fractions: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="fractions must be three numbers"):
        scaffold_split(["C"], fractions)
    with pytest.raises(ValueError, match="fractions must be three numbers"):
        random_split(10, fractions)


def test_random_split_covers_all_and_is_seeded() -> None:
    parts = random_split(1003, seed=3)
    assert [len(rows) for rows in parts.values()] == [802, 101, 100]
    assert np.array_equal(np.sort(np.concatenate(list(parts.values()))), np.arange(1003))
    assert all(np.array_equal(parts[name], random_split(1003, seed=3)[name]) for name in parts)
    assert not np.array_equal(parts["test"], random_split(1003, seed=4)["test"])


def test_random_split_does_not_change_the_global_random_state() -> None:
    np.random.seed(0)  # noqa: NPY002
    expected = np.random.rand()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    random_split(100)
    assert np.random.rand() == expected  # noqa: NPY002


SMILES = ["OCC", "CCN", "CCO", "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "CCN"]


@pytest.mark.parametrize("with_keys", [False, True])
def test_overlap_gives_a_warning(with_keys: bool) -> None:
    keys = graph_keys(pack(SMILES)[0]) if with_keys else None
    parts = {"train": np.array([0, 1, 3, 5]), "test": np.array([2, 4])}
    with pytest.warns(SplitOverlapWarning, match=r"1 molecules are in more than one of train, test \(such as CCO\)"):
        assert check_overlap(SMILES, parts, keys) == 1


@pytest.mark.parametrize("with_keys", [False, True])
def test_no_overlap_no_warning(with_keys: bool) -> None:
    keys = graph_keys(pack(SMILES)[0]) if with_keys else None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # stereoisomers are different molecules; a double within a part is none of our business
        assert check_overlap(SMILES, {"a": np.array([0, 2, 3]), "b": np.array([4, 1, 5])}, keys) == 0
        assert check_overlap([], {}, None) == 0


def test_keys_find_the_same_overlap_as_canonical_smiles() -> None:
    generator = np.random.default_rng(0)
    smiles = [text for text in nci()[:700] if Chem.MolFromSmiles(text)]
    smiles += [Chem.MolToSmiles(Chem.MolFromSmiles(text), doRandom=True) for text in smiles[:100]]
    order = generator.permutation(len(smiles))
    parts = {"a": order[:300], "b": order[300:600], "c": order[600:]}
    with pytest.warns(SplitOverlapWarning):
        exact = check_overlap(smiles, parts)
    with pytest.warns(SplitOverlapWarning):
        assert check_overlap(smiles, parts, graph_keys(pack(smiles)[0])) == exact > 20


@pytest.mark.parametrize("with_keys", [False, True])
def test_overlap_of_molecules_that_differ_in_atom_maps_only(with_keys: bool) -> None:
    """As in issue 18: 61 of 80 test molecules are in the training part, with atom maps."""
    smiles = [f"{'C' * i}{end}" for i in range(1, 81) for end in ("O", "N")]
    mapped = [text.replace("C", "[CH3:1]", 1) if i else text for i, text in enumerate(smiles[:61])]
    smiles += [*mapped, *(f"{text}F" for text in smiles[61:80])]
    data = MoleculeDataset.from_smiles(smiles, atom_order="drawn")
    parts = {"train": np.arange(160), "test": np.arange(160, 240)}
    with pytest.warns(SplitOverlapWarning, match=r"61 molecules are in more than one of train, test"):
        assert check_overlap(smiles, parts, graph_keys(data.graphs) if with_keys else None) == 61
