"""Tests on the real data sets that XGRAPH_MIRROR points to."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def mirror_folder() -> Path:
    """The mirror; a file missing from it fails the test that opens it."""
    folder = Path(os.environ["XGRAPH_MIRROR"]).resolve()
    assert folder.is_dir(), f"XGRAPH_MIRROR={folder} is not a folder"
    return folder


@pytest.fixture(scope="session")
def real_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root for the whole session, so that molecules are parsed once."""
    return tmp_path_factory.mktemp("real-root")
