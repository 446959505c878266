"""What encoders are pretrained on, of the real data sets."""

import pytest

from xgraph.data import collect, identities, load
from xgraph.data.collection import COMPETITION, excluded
from xgraph.data.molecules.table import read_smiles
from xgraph.data.storage.root import mirror

pytestmark = pytest.mark.realdata


def test_competition_molecules_are_excluded_from_pretraining() -> None:
    hidden = read_smiles(f"{mirror()}/{COMPETITION[1]}")
    assert len(hidden) == 238
    data = collect(["bbbp", "aicures"])
    assert data.counts.excluded > 40
    assert not set(identities(data.smiles)) & set(identities(hidden))


def test_test_part_of_a_fold_is_excluded() -> None:
    fold = load("aicures", fold=3)
    test = {fold.smiles[i] for i in fold.splits["test"].tolist()}
    assert set(excluded("aicures:test:3")) == test
    data = collect(["bace", "aicures"], exclude=["aicures:test:3"])
    left = set(identities(data.smiles))
    assert not left & set(identities(sorted(test)))
    assert len(set(excluded("aicures:test"))) == len({*fold.smiles})
