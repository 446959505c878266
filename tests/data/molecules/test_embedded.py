from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams

from xgraph.data.molecules import embedded
from xgraph.data.molecules.embedded import nci_pains, pains_labels
from xgraph.data.storage.store import CacheWarning


@pytest.fixture(scope="module")
def folder(session_root: Path) -> Path:
    nci_pains(session_root)
    return session_root


def test_counts_match_the_card(folder: Path) -> None:
    table = nci_pains(folder)
    y = table.y[:, 0]
    assert (len(table.smiles), table.y.shape, table.y.dtype) == (4999, (4999, 1), np.float32)
    assert table.task_names == ["pains"]
    assert table.rows.tolist() == list(range(4999))
    assert np.isfinite(y).sum() == 4991
    assert np.nansum(y) == 345


def test_labels_match_single_molecule_filters(folder: Path) -> None:
    table = nci_pains(folder)
    params = FilterCatalogParams()
    params.AddCatalog(FilterCatalogParams.FilterCatalogs.PAINS)  # the whole catalogue: A, B and C
    catalog = FilterCatalog(params)
    for row in range(0, 4999, 17):
        molecule = Chem.MolFromSmiles(table.smiles[row])
        want = np.nan if molecule is None else float(catalog.HasMatch(molecule))
        np.testing.assert_equal(float(table.y[row, 0]), want)


def test_second_call_reads_the_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "pains_labels", lambda *args: pytest.fail("computed again"))
    assert np.nansum(nci_pains(folder).y) == 345
    assert len(list((folder / "processed").glob("nci-pains-*.pt"))) == 1


def test_damaged_or_unwritable_labels_are_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "pains_labels", lambda smiles, progress: np.ones(len(smiles), np.int8))
    nci_pains(tmp_path)
    (kept,) = (tmp_path / "processed").iterdir()
    kept.write_bytes(b"junk")
    with pytest.warns(CacheWarning, match="is damaged"):
        assert np.nansum(nci_pains(tmp_path).y) == 4999
    (tmp_path / "file").write_text("")
    with pytest.warns(CacheWarning, match=r"kept in memory only: .*XGRAPH_ROOT"):
        assert np.nansum(nci_pains(tmp_path / "file" / "root").y) == 4999


def test_progress_ends_at_the_end() -> None:
    seen: list[tuple[int, int, str]] = []
    smiles = ["CCO", "O=C1C=CC(=O)C=C1"] * 300
    labels = pains_labels(smiles, lambda *args: seen.append(args))
    assert labels.tolist() == [0, 1] * 300
    assert seen == [(500, 600, "PAINS labels"), (600, 600, "PAINS labels")]


def test_missing_data_folder_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rdkit import RDConfig

    monkeypatch.setattr(RDConfig, "RDDataDir", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"nci-pains needs .*first_5K\.smi, which this RDKit does not include"):
        nci_pains(tmp_path)
