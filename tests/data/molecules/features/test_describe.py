import math
import signal
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rdkit import Chem, rdBase
from rdkit.Chem import Descriptors, MACCSkeys, rdMolDescriptors

from tests.data.molecules.test_molecule import nci
from xgraph.data.molecules.features import describe as module
from xgraph.data.molecules.features.describe import describe, descriptor_names
from xgraph.data.molecules.features.kinds import KINDS, LARGEST
from xgraph.data.molecules.standardize import standardize_smiles

SMILES = ["CC(=O)Oc1ccccc1C(=O)O", "CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "CC(=O)[O-].[Na+]", "F[C@](Cl)(Br)I", "C#CCCCCC"]
# no hydrogens, no charges, no bonds, no element, no carbon, an isotope, a query atom
STRANGE = ["[H][H]", "[U]", "[Na+].[Cl-]", "*", "O", "[2H]O[2H]", "C*", "[Fe+2].[C-]#N", "B1(O)OO1"]


def large() -> list[str]:
    return nci()[:120]


def descriptor(monkeypatch: pytest.MonkeyPatch, name: str, value: Any) -> None:
    """Put another descriptor in the place of one of RDKit's."""
    listed = [(n, value if n == name else f) for n, f in Descriptors.descList]
    monkeypatch.setattr(Descriptors, "descList", listed)


def test_descriptors_are_log_transformed_rdkit_values() -> None:
    features = describe(SMILES, ["rdkit"])
    assert features.dtype == torch.float32
    assert descriptor_names(["rdkit"]) == [name for name, _ in Descriptors.descList]
    for row, smiles in zip(features.tolist(), SMILES, strict=True):
        raw = Descriptors.CalcMolDescriptors(Chem.MolFromSmiles(smiles), missingVal=math.nan)
        want = [
            (math.log1p(x) if x > 0 else -math.log1p(-x)) if math.isfinite(x) else 0.0
            for x in (float(raw[name]) for name in descriptor_names(["rdkit"]))
        ]
        assert row == pytest.approx(want, rel=1e-6, abs=1e-9)
    assert min(features.min().item(), 0) < -1  # some are negative


def test_maccs_keys_match_rdkit() -> None:
    features = describe(SMILES, ["maccs"])
    for row, smiles in zip(features, SMILES, strict=True):
        bits = MACCSkeys._pyGenMACCSKeys(Chem.MolFromSmiles(smiles)).GetOnBits()  # type: ignore[attr-defined]
        assert row.nonzero().flatten().tolist() == list(bits)
    assert features.max() == 1


def test_morgan_counts_match_the_older_rdkit_interface() -> None:
    features = describe(SMILES, ["morgan"])
    with rdBase.BlockLogs():
        for row, smiles in zip(features, SMILES, strict=True):
            old = rdMolDescriptors.GetHashedMorganFingerprint(Chem.MolFromSmiles(smiles), 2, nBits=2048)
            want = np.zeros(2048)
            for bit, count in old.GetNonzeroElements().items():
                want[bit] = count
            assert np.array_equal(row, want)
    assert features.max() > 1


def test_torsions_count_chains_of_four_atoms() -> None:
    features = describe(SMILES, ["torsion"])
    for row, smiles in zip(features, SMILES, strict=True):
        molecule = Chem.MolFromSmiles(smiles)
        paths = Chem.FindAllPathsOfLengthN(molecule, 4, useBonds=False)
        assert row.sum() == len(paths)
    # propyl chloride forth and back is one kind of chain; pentane has two of one kind
    assert describe(["CCCCl", "ClCCC", "CCCCC"], ["torsion"]).max(1).values.tolist() == [1, 1, 2]


def test_kinds_are_concatenated_in_order() -> None:
    both = describe(SMILES, ["maccs", "rdkit"])
    assert torch.equal(both, torch.cat([describe(SMILES, [kind]) for kind in ("maccs", "rdkit")], dim=1))
    names = descriptor_names(["maccs", "rdkit"])
    assert len(names) == both.size(1)
    every = descriptor_names(list(KINDS))
    assert len(set(every)) == len(every) == sum(describe(["C"], [kind]).size(1) for kind in KINDS)
    assert (both[:, names.index("MolWt")].expm1()[0]) == pytest.approx(180.16, abs=0.01)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "x", None])
def test_values_that_are_not_finite_become_zero(monkeypatch: pytest.MonkeyPatch, value: Any) -> None:
    column = descriptor_names(["rdkit"]).index("TPSA")
    before = describe(SMILES, ["rdkit"], workers=1)
    descriptor(monkeypatch, "TPSA", lambda molecule: value)
    after = describe(SMILES, ["rdkit"], workers=1)
    assert (before[:, column] != 0).any()
    assert (after[:, column] == 0).all()
    after[:, column] = before[:, column]
    assert torch.equal(after, before)


def test_failing_descriptors_become_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(molecule: Any) -> float:
        raise RuntimeError("Pre-condition Violation")

    column = descriptor_names(["rdkit"]).index("MolWt")
    descriptor(monkeypatch, "MolWt", fail)
    features = describe(SMILES, ["rdkit"], workers=1)
    assert (features[:, column] == 0).all()
    assert (features[:, column + 1] != 0).all()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1e300, 100.0),
        (-1e300, -100.0),
        (10**400, 0.0),
        (1e40, math.log(1e40)),
        (-0.5, -math.log(1.5)),
        (True, math.log(2)),
    ],
)
def test_very_large_numbers(monkeypatch: pytest.MonkeyPatch, value: float, expected: float) -> None:
    descriptor(monkeypatch, "BertzCT", lambda molecule: value)
    features = describe(["CCO"], ["rdkit"], workers=1)[0, descriptor_names(["rdkit"]).index("BertzCT")]
    assert features.item() == pytest.approx(expected)


def test_unusual_molecules_have_finite_features_without_warnings(capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        features = describe(STRANGE, list(KINDS), workers=1)
    assert features.isfinite().all()
    assert features.abs().max() <= 255
    assert capfd.readouterr() == ("", "")


def test_counts_are_limited_and_large_molecules_skipped() -> None:
    chain = "C" * (LARGEST + 1)
    features = describe([chain], list(KINDS), workers=1)[0]
    width = len(descriptor_names(["rdkit"]))
    assert (features[:width] == 0).all()
    assert features[width:].max() == 255
    assert (describe(["C" * 60], ["rdkit"])[0] != 0).any()


@pytest.mark.parametrize("workers", [1, 2])
def test_same_in_several_processes(workers: int) -> None:
    seen: list[tuple[int, int, str]] = []
    features = describe(
        large(), ["morgan", "maccs"], keep=False, workers=workers, progress=lambda *step: seen.append(step)
    )
    assert torch.equal(features, torch.cat([describe(large(), [kind], keep=False) for kind in ("morgan", "maccs")], 1))
    assert [step for step in seen if step[0] == step[1]] == [
        (120, 120, "describing: morgan"),
        (120, 120, "describing: maccs"),
    ]


def test_standardized() -> None:
    salt = ["CC(=O)[O-].[Na+]"]
    plain, standard = (describe(salt, ["rdkit", "morgan"], standardize=flag) for flag in (False, True))
    assert torch.equal(standard, describe([standardize_smiles(salt[0])], ["rdkit", "morgan"]))
    assert not torch.equal(plain, standard)


def test_each_kind_is_cached_separately(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = describe(large(), ["morgan", "maccs"], root=tmp_path)
    kept = sorted(path.name.split("-")[1] for path in (tmp_path / "processed").iterdir())
    assert kept == ["maccs", "morgan"]
    assert sum(path.stat().st_size for path in (tmp_path / "processed").iterdir()) < 1.1 * first.numel()
    monkeypatch.setattr(module, "map_chunks", lambda *a, **k: pytest.fail("computed again"))
    again = describe(large(), ["maccs", "morgan"], root=tmp_path)
    assert torch.equal(again, torch.cat([first[:, 2048:], first[:, :2048]], 1))
    for other in ({"standardize": True}, {"keep": False}):
        with pytest.raises(pytest.fail.Exception):
            describe(large(), ["morgan"], root=tmp_path, **other)  # type: ignore[arg-type]
    for changed in (large()[1:], large()[::-1]):
        with pytest.raises(pytest.fail.Exception):
            describe(changed, ["morgan"], root=tmp_path)


def test_cache_depends_on_the_descriptor_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Descriptors, "descList", [("a", lambda molecule: 1.0), ("b", lambda molecule: 2.0)])
    first = describe(large(), ["rdkit"], root=tmp_path, workers=1)
    monkeypatch.setattr(Descriptors, "descList", [("a", lambda molecule: 1.0), ("c", lambda molecule: 3.0)])
    second = describe(large(), ["rdkit"], root=tmp_path, workers=1)
    assert first[0].expm1().tolist() == pytest.approx([1, 2])
    assert second[0].expm1().tolist() == pytest.approx([1, 3])
    monkeypatch.setattr(rdBase, "rdkitVersion", "1.2.3")
    describe(large(), ["rdkit"], root=tmp_path, workers=1)
    assert len(list((tmp_path / "processed").iterdir())) == 3


def test_small_sets_are_not_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "root"))
    describe(SMILES, ["maccs"])
    assert not (tmp_path / "root").exists()
    describe(large(), ["maccs"])
    assert (tmp_path / "root" / "processed").is_dir()


def test_nothing() -> None:
    assert describe([], ["rdkit", "maccs"]).shape == (0, len(descriptor_names(["rdkit", "maccs"])))
    assert describe(SMILES, []).shape == (5, 0)
    assert descriptor_names([]) == []


def test_invalid_arguments_are_rejected() -> None:
    with pytest.raises(ValueError, match="features must be any of rdkit, morgan, maccs, torsion, minimol, got 'ecfp'"):
        describe(SMILES, ["maccs", "ecfp"])
    with pytest.raises(ValueError, match="features must not repeat, but 'maccs' occurs 2 times"):
        descriptor_names(["maccs", "rdkit", "maccs"])
    with pytest.raises(TypeError, match=r"features must be a list with any of rdkit, .*, got the string 'maccs'"):
        describe(SMILES, "maccs")
    with pytest.raises(TypeError, match="smiles must be a sequence of strings, got a single string"):
        describe("CCO", ["maccs"])
    for standardize in (False, True):
        with pytest.raises(ValueError, match="smiles 'C1CC': RDKit"):
            describe(["C", "C1CC"], ["maccs"], standardize=standardize)


def test_keyboard_interrupts_are_delivered() -> None:
    handler = signal.getsignal(signal.SIGINT)
    describe(SMILES, ["rdkit", "maccs"], workers=1)
    assert signal.getsignal(signal.SIGINT) is handler
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
