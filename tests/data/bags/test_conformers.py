import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from xgraph.data import conformer_bags
from xgraph.data.bags import conformers
from xgraph.data.bags.conformers import DESCRIPTORS

SMILES = ["CCO", "c1ccccc1C(=O)O", "C1CC", "CC(N)C(=O)O", "", "[Na+].[Cl-]", "CCCCCO"]


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "root"))
    return tmp_path / "root"


def test_molecules_become_bags() -> None:
    y = torch.tensor([1, 0, 1, 0, 1, 0, torch.nan])
    data = conformer_bags(SMILES, y, num_conformers=3, name="shapes", task_names=["active"], metric="roc_auc")
    assert repr(data) == "BagDataset('shapes', bags=4, instances=12, features=140, tasks=1)"
    assert (data.row.tolist(), data.sizes.tolist()) == ([0, 1, 3, 6], [3, 3, 3, 3])
    assert data.bag_names == [SMILES[i] for i in data.row]
    assert data.y[:3, 0].tolist() == [1, 0, 0]
    assert data.y[3].isnan()
    assert [(error.row, error.smiles) for error in data.errors] == [(2, "C1CC"), (4, ""), (5, "[Na+].[Cl-]")]
    assert [error.message[:20] for error in data.errors] == [
        "RDKit cannot parse i",
        "the SMILES is empty",
        "too few atoms (minim",
    ]
    for i in range(4):
        x = data[i].x
        assert not any(torch.equal(x[a], x[b]) for a, b in itertools.combinations(range(3), 2))


def test_descriptors_match_rdkit() -> None:
    """A conformer that is embedded here from the same seed has the same descriptors."""
    options = conformers._Options(2, 0, False, ("usrcat", "autocorr3d", "whim"), None)
    molecule = Chem.AddHs(Chem.MolFromSmiles("CCCCCO"))
    assert conformers._embed(molecule, "CCCCCO", options) == [0, 1]
    data = conformer_bags(["CCCCCO"], num_conformers=2, descriptors=options.descriptors)
    for i in range(2):
        want = [
            *rdMolDescriptors.GetUSRCAT(molecule, confId=i),
            *rdMolDescriptors.CalcAUTOCORR3D(molecule, confId=i),
            *rdMolDescriptors.CalcWHIM(molecule, confId=i),
        ]
        np.testing.assert_array_equal(data[0].x[i], np.array(want, dtype=np.float32))


@pytest.mark.parametrize("name", sorted(DESCRIPTORS))
def test_descriptors_are_rotation_invariant(name: str) -> None:
    from rdkit.Chem import rdMolTransforms

    options = conformers._Options(1, 0, False, (name,), None)
    molecule = Chem.AddHs(Chem.MolFromSmiles("CC(N)C(=O)Oc1ccccc1"))
    conformers._embed(molecule, "x", options)
    before = np.array(DESCRIPTORS[name](molecule, confId=0))
    angle = np.pi / 5
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    turn[:3, 3] = [4, -1, 2]
    rdMolTransforms.TransformConformer(molecule.GetConformer(0), turn)
    np.testing.assert_allclose(DESCRIPTORS[name](molecule, confId=0), before, rtol=1e-2, atol=0.05)


def same(one: Any, two: Any) -> bool:
    return bool(torch.equal(one.x, two.x))


def test_seeds() -> None:
    data = conformer_bags(["CCCCO", "CCCCN"], num_conformers=2)
    again = conformer_bags(["CCCCN", "CC", "CCCCO"], num_conformers=2)
    assert same(data[0], again[2])
    assert same(data[1], again[0])
    assert not same(data[0], conformer_bags(["CCCCO"], num_conformers=2, seed=1)[0])
    relaxed = conformer_bags(["CCCCO"], num_conformers=2, minimize=True)
    assert not same(data[0], relaxed[0])
    featurizers = {one.featurizer for one in (data, relaxed, conformer_bags(["C"], seed=1), conformer_bags(["C"]))}
    assert len(featurizers) == 4


def test_results_are_cached(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformers, "CHUNK", 3)
    seen: list[tuple[int, int, str]] = []
    data = conformer_bags(SMILES, num_conformers=2, progress=lambda *args: seen.append(args))
    assert seen == [(3, 7, "conformers"), (6, 7, "conformers"), (7, 7, "conformers")]
    assert len(list(root.rglob("conformers-*.pt"))) == 3
    monkeypatch.setattr(conformers, "_described", lambda *_: pytest.fail("computed again"))
    again = conformer_bags(SMILES, num_conformers=2)
    assert torch.equal(again.batch([0, 1, 2, 3]).x, data.batch([0, 1, 2, 3]).x)
    assert again.errors == data.errors
    monkeypatch.undo()
    monkeypatch.setenv("XGRAPH_ROOT", str(root))
    conformer_bags(SMILES[:3], num_conformers=3)
    assert len(list(root.rglob("conformers-*.pt"))) == 4


def test_interrupted_call_resumes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformers, "CHUNK", 2)
    texts = ["C", "CC", "CCC", "CCCC", "CCCCC", "CCCCCC"]
    real, done = conformers._described, []

    def described(smiles: str, options: Any) -> Any:
        if len(done) == 4:
            done.append("")
            raise KeyboardInterrupt
        done.append(smiles)
        return real(smiles, options)

    monkeypatch.setattr(conformers, "_described", described)
    with pytest.raises(KeyboardInterrupt):
        conformer_bags(texts, num_conformers=1, workers=1)
    assert len(conformer_bags(texts, num_conformers=1, workers=1)) == 6
    assert done == [*texts[:4], "", *texts[4:]]


def test_results_do_not_depend_on_the_number_of_processes(tmp_path: Path) -> None:
    texts = ["C" * i for i in range(1, 20)]
    one = conformer_bags(texts, num_conformers=1, workers=1, root=tmp_path / "one")
    two = conformer_bags(texts, num_conformers=1, workers=2, root=tmp_path / "two")
    assert torch.equal(one.batch(range(19)).x, two.batch(range(19)).x)


def test_large_peptides_fail_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[bool] = []

    def embed(molecule: Any, count: int, parameters: Any) -> list[int]:
        tried.append(parameters.useRandomCoords)
        return []

    monkeypatch.setattr("rdkit.Chem.rdDistGeom.EmbedMultipleConfs", embed)
    with pytest.raises(
        ValueError, match="none of the 2 molecules has a conformer; row 0: 'CCO': RDKit cannot find a conf"
    ):
        conformer_bags(["CCO", "C" * 150], workers=1)
    assert tried == [False, True, False]  # 452 atoms get no second try


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"num_conformers": 0}, "num_conformers must be a positive integer, got 0"),
        ({"num_conformers": 2.0}, "num_conformers must be a positive integer, got 2.0"),
        ({"descriptors": ["shape"]}, "descriptors must be a list with any of usrcat, autocorr3d, .* got .'shape'."),
        ({"descriptors": []}, "descriptors must be a list with any of"),
        ({"y": [1, 0]}, "y must have 1 rows, one per molecule, got 2"),
        ({"smiles": ["C1CC"]}, "none of the 1 molecules has a conformer; row 0: 'C1CC': RDKit cannot parse it"),
        ({"smiles": []}, "none of the 0 molecules has a conformer"),
    ],
)
def test_invalid_arguments_are_rejected(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        conformer_bags(**{"smiles": ["C"], **options})
    with pytest.raises(TypeError, match="smiles must be a sequence of strings, got a single string"):
        conformer_bags("CCO")
