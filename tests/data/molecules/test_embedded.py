import os
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams

from xgraph.data.molecules import embedded
from xgraph.data.molecules.embedded import nci_pains, pains_labels


@pytest.fixture(scope="module")
def folder(session_root: Path) -> Path:
    nci_pains(session_root)
    return session_root


def test_counts_are_those_on_the_card(folder: Path) -> None:
    table = nci_pains(folder)
    y = table.y[:, 0]
    assert (len(table.smiles), table.y.shape, table.y.dtype) == (4999, (4999, 1), np.float32)
    assert table.task_names == ["pains"]
    assert table.rows.tolist() == list(range(4999))
    assert np.isfinite(y).sum() == 4991
    assert np.nansum(y) == 345


def test_labels_equal_one_molecule_at_a_time(folder: Path) -> None:
    table = nci_pains(folder)
    params = FilterCatalogParams()
    params.AddCatalog(FilterCatalogParams.FilterCatalogs.PAINS)  # the whole catalogue: A, B and C
    catalog = FilterCatalog(params)
    for row in range(0, 4999, 17):
        molecule = Chem.MolFromSmiles(table.smiles[row])
        want = np.nan if molecule is None else float(catalog.HasMatch(molecule))
        np.testing.assert_equal(float(table.y[row, 0]), want)


def test_second_call_reads_what_the_first_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*args: object) -> None:
        raise RuntimeError("computed again")

    monkeypatch.setattr(embedded, "pains_labels", never)
    assert np.nansum(nci_pains(folder).y) == 345
    (kept,) = (folder / "embedded").iterdir()
    assert kept.name.startswith("nci-pains-")
    assert "rdkit-" in kept.name


@pytest.mark.parametrize("junk", [b"", b"\x93NUMPY junk", b"\x80\x04."])
def test_damaged_labels_are_computed_anew(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, junk: bytes
) -> None:
    (kept,) = (folder / "embedded").iterdir()
    good = kept.read_bytes()
    path = tmp_path / "embedded" / kept.name
    path.parent.mkdir()
    path.write_bytes(junk)
    labels = np.load(kept)
    monkeypatch.setattr(embedded, "pains_labels", lambda smiles, progress: labels)
    assert np.nansum(nci_pains(tmp_path).y) == 345
    assert path.read_bytes() == good


def test_works_where_nothing_can_be_kept(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (kept,) = (folder / "embedded").iterdir()
    labels = np.load(kept)
    monkeypatch.setattr(embedded, "pains_labels", lambda smiles, progress: labels)
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match=r"nci-pains are not kept: .*XGRAPH_ROOT"):
        table = nci_pains(tmp_path / "file" / "root")
    assert np.nansum(table.y) == 345
    assert os.listdir(tmp_path) == ["file"]


def test_progress_ends_at_the_end() -> None:
    seen: list[tuple[int, int, str]] = []
    smiles = ["CCO", "O=C1C=CC(=O)C=C1"] * 300
    labels = pains_labels(smiles, lambda *args: seen.append(args))
    assert labels.tolist() == [0, 1] * 300
    assert seen == [(500, 600, "PAINS labels"), (600, 600, "PAINS labels")]


def test_missing_data_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rdkit import RDConfig

    monkeypatch.setattr(RDConfig, "RDDataDir", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"nci-pains: this RDKit comes without .*first_5K\.smi"):
        nci_pains(tmp_path)
