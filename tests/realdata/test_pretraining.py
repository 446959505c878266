"""What encoders are pretrained on, of the real data sets."""

from pathlib import Path

import pytest

import xgraph
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


@pytest.mark.slow
def test_molecules_of_chebi_are_found_by_their_descriptions(mirror_folder: Path, tmp_path: Path) -> None:
    file = mirror_folder / "molecule_text/chebi20_validation.txt.gz"
    settings = {"objective": "two-tower", "text_column": "description", "epochs": 2, "batch_size": 128, "threads": 1}
    small = {"hidden_channels": 64, "num_layers": 2, "lr": 0.003}
    run = xgraph.pretrain(file, out=tmp_path / "run", **settings, **small)
    assert run.metrics["molecules"] > 3000
    assert run.metrics["valid"]["molecule_recall@10"] > 0.2, "by chance: 10 of 155"
