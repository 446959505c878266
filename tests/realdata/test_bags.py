import csv
import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.data import bag_sources as sources
from tests.data.node_sources import zipped
from xgraph.data import BagDataset, list_cards, load, load_card
from xgraph.data.bags import conformer_sets
from xgraph.data.published.bags import BIRD_FOLDS
from xgraph.data.published.derive import DERIVE, content_sha256
from xgraph.data.published.derive_bags import _prtools
from xgraph.data.published.measured import ACTIVE, read_measured

pytestmark = pytest.mark.realdata
CARDS = [
    card.name
    for card in list_cards()
    if card.kind == "bag" and card.files and card.reader != "conformers" and not card.is_regression
]
# bags, instances, shape of an instance, and positive labels, as published; of mnist-bags, as made here
PUBLISHED: dict[str, tuple[int, int, tuple[int, ...], int]] = {
    "musk1": (92, 476, (166,), 47),
    "musk2": (102, 6598, (166,), 39),
    "elephant": (200, 1391, (230,), 100),
    "fox": (200, 1320, (230,), 100),
    "mutagenesis1": (188, 10486, (7,), 125),
    "mutagenesis2": (42, 2132, (7,), 13),
    "protein": (193, 26611, (9,), 25),
    "newsgroups2": (100, 3094, (200,), 50),
    "corel": (2000, 7947, (9,), 700),
    "birds": (548, 10232, (38,), 1175),
    "mnist-bags": (999, 10000, (1, 28, 28), 642),
}


def bags(name: str, root: Path, **options: Any) -> BagDataset:
    data = load(name, root=root, **options)
    assert isinstance(data, BagDataset)
    return data


def test_every_card_has_published_counts() -> None:
    assert set(CARDS) == set(PUBLISHED)


def test_thrombin(real_root: Path) -> None:
    data = bags("thrombin", real_root)
    assert repr(data) == "BagDataset('thrombin', bags=40, instances=1128, features=7, targets=1)"
    assert (data.task, data.metric, data.task_names) == ("regression", "rmse", ["affinity"])
    assert data.sizes[:4].tolist() == [138, 1, 4, 2]
    assert data.y[:3, 0].tolist() == pytest.approx([7.69897, 8.30103, 4.09891])
    assert (float(data.y.min()), float(data.y.max())) == pytest.approx((4.09891, 11.6021))
    assert [len(part) for part in data.splits.values()] == [24, 8, 8]
    assert bags("thrombin", real_root, split="random", seed=1).splits["test"].tolist() != data.splits["test"].tolist()


@pytest.mark.parametrize("name", CARDS)
def test_counts(name: str, real_root: Path) -> None:
    card, data = load_card(name), bags(name, real_root)
    items, instances, shape, positives = PUBLISHED[name]
    assert (len(data), data.num_instances, data.instance_shape) == (items, instances, shape)
    assert (card.items, card.instances, card.features) == (items, instances, shape[0])
    assert int(data.y.nansum()) == card.positives == positives
    assert int((~data.y.isnan()).sum()) == card.labels
    assert data.task_names == card.target_columns
    every = torch.cat(list(data.splits.values()))
    assert sorted(every.tolist()) == list(range(items))
    assert all(0 < data.y[part].sum() < data.y[part].numel() for part in data.splits.values())


@pytest.mark.parametrize("name", [name for name in CARDS if load_card(name).folds and name not in ("corel", "birds")])
def test_folds_match_the_file(name: str, real_root: Path, mirror_folder: Path) -> None:
    card = load_card(name)
    assert card.folds == 50
    assert card.given is not None
    with np.load(mirror_folder / card.given.file, allow_pickle=False) as arrays:
        train = arrays["fold_train"]
    for fold in range(0, 50, 7):
        data = bags(name, real_root, fold=fold)
        want = train[fold // 10, fold % 10]
        assert data.splits["test"].tolist() == np.flatnonzero(~want).tolist()
        seen = torch.cat([data.splits["train"], data.splits["valid"]])
        assert sorted(seen.tolist()) == np.flatnonzero(want).tolist()
        assert len(data.splits["valid"]) == pytest.approx(0.1 * want.sum(), abs=1)
        assert 0 < data.y[data.splits["valid"]].sum() < len(data.splits["valid"])


def test_folds_of_corel_and_birds_are_the_tasks(real_root: Path, mirror_folder: Path) -> None:
    with np.load(mirror_folder / "mil_other" / "corel.npz", allow_pickle=False) as arrays:
        for task, kind in enumerate(arrays["categories"].tolist()):
            data = bags("corel", real_root, fold=31, target_columns=[kind])
            assert data.splits["test"].tolist() == np.flatnonzero(~arrays["fold_train"][task, 3, 1]).tolist()
            assert data.y[:, 0].tolist() == arrays["y"][task].tolist()
    with np.load(mirror_folder / "mil_birds" / "folds.npz", allow_pickle=False) as arrays:
        for species, name in BIRD_FOLDS.items():
            data = bags("birds", real_root, split="given", fold=31, target_columns=[species])
            assert data.splits["test"].tolist() == np.flatnonzero(~arrays[f"{name}_fold_train"][3, 1]).tolist()
            assert data.y[:, 0].tolist() == arrays[f"{name}_y"].tolist()


def test_species_of_segments_are_labels_of_their_recordings(real_root: Path) -> None:
    data = bags("birds", real_root)
    assert data.instance_y is not None
    assert int((~data.instance_y[:, 0].isnan()).sum()) == 4998
    for i in range(len(data)):
        heard = data.instance_y[data[i].instance].nan_to_num(0).amax(0)
        assert (heard <= data.y[i]).all()
    assert (int(data.y[:, 0].sum()), int(data.y.sum(0).min())) == (197, 15)


def test_musk1_matches_uci(real_root: Path, mirror_folder: Path) -> None:
    packed = (mirror_folder / "mil_classic" / "musk1_uci_clean1.data.gz").read_bytes()
    rows = list(csv.reader(io.StringIO(gzip.decompress(packed).decode())))
    x = np.array([row[2:168] for row in rows], dtype=np.float64)
    labels = np.array([float(row[168].rstrip(".")) for row in rows])
    data = bags("musk1", real_root)
    batch = data.batch(range(92))
    ours = np.column_stack([batch.x.numpy(), batch.y[batch.batch, 0].numpy()])
    uci = np.column_stack([x, labels])
    np.testing.assert_array_equal(ours[np.lexsort(ours.T)], uci[np.lexsort(uci.T)])


def test_musk2_is_derived_from_its_source_byte_for_byte(mirror_folder: Path) -> None:
    source = (mirror_folder / "mil_classic" / "musk2.mat").read_bytes()
    file = load_card("musk2").files[0]
    assert content_sha256(source, "") == file.source_sha256
    made = DERIVE["mil_musk2"](source, file.path)
    assert made == (mirror_folder / file.path).read_bytes()
    assert content_sha256(made, file.path) == file.content_sha256


def jlds(path: Path) -> list[bytes]:
    """Julia files rebuilt of the mirror's file: one, or one for each kind of picture, in an order of its own."""
    with np.load(path, allow_pickle=False) as file:
        found = [sources.split_bags(file["X"], file["bag_ptr"])]
        y, train = np.atleast_2d(file["y"]), file["fold_train"]
        train = train if train.ndim == 4 else train[None]
    random = np.random.default_rng(0)
    contents = []
    for task in range(len(y)):
        order = random.permutation(y.shape[1]) if task else np.arange(y.shape[1])
        contents.append(sources.jld([found[0][i] for i in order], y[task, order], train[task][..., order]))
    return contents


@pytest.mark.parametrize("name", ["musk1", "elephant", "fox", "mutagenesis1", "mutagenesis2", "protein", "newsgroups2"])
def test_from_originals_of_which_the_julia_file_is_rebuilt(name: str, mirror_folder: Path) -> None:
    """The MATLAB files are in the mirror; the Julia files are not, and are rebuilt of what was made of them."""
    file = load_card(name).files[0]
    kept = mirror_folder / file.path
    (source,) = jlds(kept)
    if file.derive == "mil_prtools":
        source = zipped({f"x/{name}.mat": kept.with_suffix(".mat").read_bytes(), "x/Toy.jld": source})
    made = DERIVE[file.derive](source, file.path)
    assert content_sha256(made, file.path) == file.content_sha256
    assert made == kept.read_bytes()


def test_corel_from_rebuilt_originals(mirror_folder: Path) -> None:
    file = load_card("corel").files[0]
    kept = mirror_folder / file.path
    names = load_card("corel").target_columns
    source = zipped({f"{name}.jld": content for name, content in zip(names, jlds(kept), strict=True)})
    made = DERIVE["mil_corel"](source, file.path)
    assert content_sha256(made, file.path) == file.content_sha256


def test_folds_of_birds_from_rebuilt_originals(mirror_folder: Path) -> None:
    file = load_card("birds").file("mil_birds/folds.npz")
    text = gzip.decompress((mirror_folder / "mil_birds" / "hja_birdsong_features.txt.gz").read_bytes())
    table = np.array([line.split(",") for line in text.decode().splitlines()[1:]], dtype=np.float64)
    found = sources.split_bags(table[:, 1:], np.append(np.unique(table[:, 0], return_index=True)[1], len(table)))
    contents = {"x/features.txt": text}
    with np.load(mirror_folder / file.path, allow_pickle=False) as kept:
        for name in BIRD_FOLDS.values():
            order = np.random.default_rng(0).permutation(len(found))
            y, train = kept[f"{name}_y"][order], kept[f"{name}_fold_train"][..., order]
            contents[f"x/{name}.jld"] = sources.jld([found[i] for i in order], y, train)
    made = DERIVE["mil_birds"](zipped(contents), file.path)
    assert made == (mirror_folder / file.path).read_bytes()


@pytest.mark.parametrize("name", ["musk1", "musk2", "elephant", "fox"])
def test_matlab_files_hold_the_same_bags(name: str, mirror_folder: Path) -> None:
    x, ptr, y = _prtools((mirror_folder / "mil_classic" / f"{name}.mat").read_bytes())
    with np.load(mirror_folder / "mil_classic" / f"{name}.npz", allow_pickle=False) as kept:
        for made, key in ((x, "X"), (ptr, "bag_ptr"), (y, "y")):
            np.testing.assert_array_equal(made, kept[key])


@pytest.mark.parametrize("name", ["chembl-conformers", "chembl"])
def test_chembl_table(name: str, mirror_folder: Path) -> None:
    card = load_card(name)
    path = mirror_folder / card.files[0].path
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()[1:]
    parts = [line.split(",") for line in lines]
    assert list(dict.fromkeys(part[0] for part in parts)) == card.target_columns
    active = sum(float(part[3]) >= ACTIVE for part in parts)
    assert (len({part[1] for part in parts}), len(lines), active) == (card.items, card.labels, card.positives)
    sets: dict[str, list[str]] = {}
    for line in lines:
        protein, _, rest = line.partition(",")
        sets.setdefault(protein, []).append(rest)
    source = zipped({f"{protein}.smi": "\n".join(rest).encode() for protein, rest in sets.items()})
    assert DERIVE["chembl_pki"](source, "") == path.read_bytes()
    smiles, y, _ = read_measured(path, ["CHEMBL2468"])
    assert (len(smiles), y.shape) == (339, (339, 1))


def test_a_few_molecules_of_chembl(real_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def few(path: Path, targets: Any, **options: Any) -> Any:
        smiles, y, rows = read_measured(path, targets, **options)
        shortest = np.argsort([len(text) for text in smiles], kind="stable")[:8]
        return [smiles[i] for i in shortest], y[shortest], rows[shortest]

    monkeypatch.setattr(conformer_sets, "read_measured", few)
    data = bags("chembl-conformers", real_root, target_columns=["CHEMBL2468"])
    assert (data.num_features, data.task_names) == (load_card("chembl-conformers").features, ["CHEMBL2468"])
    assert data.sizes.tolist() == [10] * 8
    assert data.errors == []
