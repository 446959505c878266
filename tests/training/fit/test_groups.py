import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from rdkit import Chem, RDConfig
from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles
from rdkit.rdBase import BlockLogs

from xgraph.training.config.build import build_config
from xgraph.training.fit.groups import make_groups
from xgraph.training.sources.molecules import MoleculeSource

RINGS = ["C1CC1", "c1ccccc1", "C1CCNCC1", "C1CCCC1"]


def data(counts: list[int], others: list[int] | None = None, y: Any = None) -> Any:
    """Molecules of several scaffolds, with `counts` of each in the training part and `others` elsewhere."""
    smiles = [f"{'C' * i}{ring}" for ring, count in zip(RINGS, counts, strict=False) for i in range(count)]
    train = len(smiles)
    smiles += [f"N{'C' * i}{ring}" for ring, count in zip(RINGS, others or [], strict=False) for i in range(count)]
    labels = torch.zeros(len(smiles), 1) if y is None else torch.tensor(y)
    splits = {"train": torch.arange(train), "valid": torch.arange(train, len(smiles))}
    return MoleculeSource(
        SimpleNamespace(graph_smiles=smiles, featurizer="", y=labels, splits=splits), build_config({})
    )


def sizes(groups: torch.Tensor) -> list[int]:
    return torch.bincount(groups).tolist()


def test_scaffolds() -> None:
    groups = make_groups("scaffold", data([3, 2, 4], [1, 0, 2]), smallest=2)
    assert groups.dtype == torch.int64
    assert groups.tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 2, 0, 2, 2]


def test_groups_with_few_training_molecules_are_pooled() -> None:
    groups = make_groups("scaffold", data([3, 1, 4, 2], [0, 9, 0, 0]), smallest=3)
    assert groups[:10].tolist() == [0, 0, 0, 2, 1, 1, 1, 1, 2, 2]
    assert groups[10:].tolist() == [2] * 9, "as elsewhere: many there do not make a group here"


def test_groups_without_training_molecules_are_not_counted() -> None:
    groups = make_groups("scaffold", data([3, 3], [0, 0, 2]), smallest=2)
    assert sizes(groups[:6]) == [3, 3]
    assert int(groups.max()) == 1, "a group that no batch holds would stay unseen for ever"


def test_labels_of_one_task() -> None:
    y = [[0.0], [1.0], [0.0], [float("nan")], [0.0], [1.0]]
    assert make_groups("label", data([3, 3], y=y), smallest=2).tolist() == [0, 1, 0, 2, 0, 1]


def test_labels_of_several_tasks_are_taken_together() -> None:
    nan = float("nan")
    y = [[0, 0], [0, 1], [0, nan], [0, 0], [0, 1], [0, nan], [1.0, 1], [nan, 1]]
    groups = make_groups("label", data([4, 4], y=y), smallest=2).tolist()
    assert len({groups[0], groups[1], groups[2]}) == 3
    assert groups[:3] == groups[3:6]
    assert groups[6] == groups[7] == 3


def test_a_single_group_warns() -> None:
    with pytest.warns(
        UserWarning, match="groups = 'scaffold': all 4 training molecules are in one group.*= 3 molecules"
    ):
        assert make_groups("scaffold", data([2, 2]), smallest=3).tolist() == [0] * 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_groups("scaffold", data([2, 2]), smallest=2)


def test_scaffolds_are_those_of_the_split() -> None:
    lines = (Path(RDConfig.RDDataDir) / "NCI/first_5K.smi").read_text().splitlines()[:900]
    with BlockLogs():
        smiles = [text for text in (line.split()[0] for line in lines) if Chem.MolFromSmiles(text) is not None]
    train = torch.arange(0, len(smiles), 2)
    source = MoleculeSource(
        SimpleNamespace(graph_smiles=smiles, featurizer="", splits={"train": train}), build_config({})
    )
    groups = make_groups("scaffold", source, smallest=4)
    names = np.array([MurckoScaffoldSmiles(smiles[i], includeChirality=True) for i in train])
    kept, counts = np.unique(names, return_counts=True)
    kept = kept[counts >= 4]
    assert len(kept) > 5
    numbers = groups[train].numpy()
    assert int(groups.max()) == len(kept)  # and one group of the rest
    for name in kept:
        assert len(set(numbers[names == name])) == 1
    assert set(numbers[~np.isin(names, kept)]) == {len(kept)}
