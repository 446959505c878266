from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.data.node_sources import planetoid_pickles, zipped
from xgraph.data import NodeDataset, list_cards, load, load_card
from xgraph.data.published.derive import DERIVE, content_sha256

pytestmark = pytest.mark.realdata
# The mirror lacks the Amazon graphs.
CARDS = [card.name for card in list_cards() if card.kind == "node" and card.files and "amazon" not in card.name]
# nodes, edges (each direction, loops once), features, and nodes of each class or positives, as published
PUBLISHED: dict[str, tuple[int, int, int, Any]] = {
    "cora": (2708, 2 * 5278, 1433, [351, 217, 418, 818, 426, 298, 180]),
    "citeseer": (3327, 2 * 4552, 3703, [249, 590, 668, 701, 596, 508]),
    "coauthor-cs": (18333, 2 * 81894, 6805, None),
    "coauthor-physics": (34493, 2 * 247962, 8415, [5750, 5045, 17426, 2753, 3519]),
    "musae-github": (37700, 2 * 289003, 4005, 9739),
    "musae-facebook": (22470, 2 * (171002 - 179) + 179, 4714, [6495, 6880, 5768, 3327]),
    "tolokers": (11758, 2 * 519000, 10, 2566),
    "minesweeper": (10000, 2 * 39402, 7, 2000),
    "reddit-anomaly": (10984, 168016, 64, 366),
    "german": (1000, 2 * 21742, 27, 700),
}


def nodes(name: str, root: Path, **options: Any) -> NodeDataset:
    data = load(name, root=root, **options)
    assert isinstance(data, NodeDataset)
    return data


def test_every_card_has_published_counts() -> None:
    assert set(CARDS) == set(PUBLISHED)


@pytest.mark.parametrize("name", CARDS)
def test_counts(name: str, real_root: Path) -> None:
    card, data = load_card(name), nodes(name, real_root)
    items, edges, features, classes = PUBLISHED[name]
    assert (len(data), data.num_edges, data.num_features) == (items, edges, features)
    assert (card.items, card.edges, card.features) == (items, edges, features)
    if data.task == "multiclass":
        counts = torch.bincount(data.y[data.y >= 0]).tolist()
        assert len(counts) == data.num_tasks == card.num_classes
        assert sum(counts) == card.labels
        assert classes is None or counts == classes
    else:
        assert int(data.y.nansum()) == card.positives == classes
    edge_index = data.data.edge_index
    keys = (edge_index[0] * items + edge_index[1]).sort().values
    assert torch.equal(keys, keys.unique())  # no duplicates
    assert torch.equal(keys, (edge_index[1] * items + edge_index[0]).sort().values)  # both directions
    loops = int((edge_index[0] == edge_index[1]).sum())
    assert loops == {"musae-facebook": 179, "reddit-anomaly": 10984}.get(name, 0)
    sparse = name in ("cora", "citeseer") or name.startswith(("coauthor", "musae"))
    assert data.data.x.layout == (torch.sparse_csr if sparse else torch.strided)


def test_splits(real_root: Path) -> None:
    def sizes(name: str, **options: Any) -> list[int]:
        data = nodes(name, real_root, **options)
        assert len(torch.cat(list(data.splits.values())).unique()) == sum(map(len, data.splits.values()))
        return [len(data.splits[part]) for part in ("train", "valid", "test")]

    assert sizes("cora") == [140, 500, 1000]
    assert sizes("citeseer") == [120, 500, 1000]
    for fold in (0, 9):
        assert sizes("tolokers", fold=fold) == [5879, 2939, 2940]
        assert sizes("minesweeper", fold=fold) == [5000, 2500, 2500]
    assert sum(sizes("citeseer", split="stratified")) == 3312  # those with labels
    data = nodes("reddit-anomaly", real_root)
    assert [int(data.y[data.splits[part]].sum()) for part in ("train", "valid", "test")] == [220, 73, 73]
    cora = nodes("cora", real_root)
    assert torch.bincount(cora.y[cora.splits["train"]]).tolist() == [20] * 7


@pytest.mark.parametrize("name", ["cora", "citeseer"])
def test_planetoid_from_originals_rebuilt_of_the_mirrors_file(name: str, mirror_folder: Path) -> None:
    """The originals are not in the mirror: they are rebuilt, and the file comes out of them to the byte."""
    path = mirror_folder / "planetoid" / f"{name}.npz"
    with np.load(path) as arrays:
        source = zipped(planetoid_pickles(dict(arrays)))
    made = DERIVE["planetoid"](source, path.name)
    assert content_sha256(made, path.name) == load_card(name).files[0].content_sha256
    assert made == path.read_bytes()


def test_reddit_from_an_original_rebuilt_of_the_mirrors_file(mirror_folder: Path) -> None:
    import io

    from torch_geometric.data import Data

    path = mirror_folder / "reddit_anomaly" / "reddit.npz"
    with np.load(path) as arrays:
        x, edges, y = (torch.from_numpy(arrays[name]) for name in ("x", "edge_index", "y"))
    file = io.BytesIO()
    torch.save(Data(x=x, edge_index=edges.long(), y=y.bool()), file)
    assert DERIVE["pyg_anomaly"](zipped({"reddit.pt": file.getvalue()}), path.name) == path.read_bytes()


def test_german_credit_has_sex_as_its_groups(real_root: Path) -> None:
    """The counts of NIFTY's paper; the first feature is 1 for women, the others lie in -1 to 1."""
    data = nodes("german", real_root, fair_column="Gender")
    assert data.groups is not None
    assert data.groups.names == ["Female", "Male"]
    assert np.bincount(data.groups.codes).tolist() == [310, 690]
    x = data.data.x.numpy()
    assert np.array_equal(x[:, 0], data.groups.codes == 0)
    assert (x[:, 1:].min(0) == -1).all()
    assert (x[:, 1:].max(0) == 1).all()
    assert nodes("german", real_root).groups is None
    with pytest.raises(ValueError, match="fair_column 'sex': the columns of groups of 'german' are: 'Gender'"):
        nodes("german", real_root, fair_column="sex")
    with pytest.raises(ValueError, match="the columns of groups of 'minesweeper' are: none"):
        nodes("minesweeper", real_root, fair_column="sex")
