"""Tests on the real data sets that XGRAPH_MIRROR points to."""

import os
from pathlib import Path

import pytest

from xgraph.data import MoleculeDataset, load


@pytest.fixture(scope="session")
def mirror_folder() -> Path:
    """The mirror; a file missing from it fails the test that opens it."""
    folder = Path(os.environ["XGRAPH_MIRROR"]).resolve()
    assert folder.is_dir(), f"XGRAPH_MIRROR={folder} is not a folder"
    return folder


@pytest.fixture(scope="session")
def real_root(session_root: Path) -> Path:
    """The session's root, common to its processes, so that molecules are parsed once."""
    return session_root


@pytest.fixture(scope="session")
def molhiv_dataset(real_root: Path, mirror_folder: Path) -> MoleculeDataset:
    """ogbg-molhiv, with the split as given."""
    dataset = load("ogbg-molhiv", root=real_root)
    assert isinstance(dataset, MoleculeDataset)
    return dataset
