import gzip
import io
import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import savemat

from tests.data import bag_sources as sources
from tests.data.node_sources import zipped
from xgraph.data import load_card
from xgraph.data.cards import files
from xgraph.data.published import derive_bags
from xgraph.data.published.derive import DERIVE
from xgraph.data.published.derive_bags import read_jld
from xgraph.data.storage.download import FetchError

RANDOM = np.random.default_rng(0)
SIZES = [2, 1, 3, *[1] * 9]
X = RANDOM.random((sum(SIZES), 2)).astype(np.float32)
PTR = np.concatenate([[0], np.cumsum(SIZES)])
BAGS = sources.split_bags(X, PTR)
Y = np.array([1, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1], np.int8)
TRAIN = sources.folds(12)


def arrays(derived: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(derived), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("n", [12, 64, 130])
def test_a_julia_file(packed: bool, n: int) -> None:
    bags = [np.full((i % 3 + 1, 2), i, np.float32) for i in range(n)]
    y = np.arange(n) % 3 == 0
    for labels in (y.astype(np.int64), y.astype(np.uint8), np.where(y, 1.0, -1.0)):
        read, labels_read, train = read_jld(sources.jld(bags, labels, sources.folds(n), packed))
        assert all(np.array_equal(one, two) for one, two in zip(read, bags, strict=True))
        np.testing.assert_array_equal(labels_read, y)
        np.testing.assert_array_equal(train, sources.folds(n))
    assert (labels_read.dtype, train.dtype, read[0].dtype) == (np.int8, bool, np.float32)


def test_one_julia_file() -> None:
    derived = arrays(DERIVE["mil_julia"](sources.jld(BAGS, Y, TRAIN), ""))
    assert list(derived) == ["X", "bag_ptr", "y", "fold_train"]
    np.testing.assert_array_equal(derived["X"], X)
    assert (derived["bag_ptr"].tolist(), derived["y"].tolist()) == (PTR.tolist(), Y.tolist())
    np.testing.assert_array_equal(derived["fold_train"], TRAIN)


def matlab(order: NDArray[Any]) -> bytes:
    """A PRTools data set whose rows stand in this order."""
    bag = np.repeat(np.arange(len(SIZES)), SIZES)
    names = np.array([f"bag {i:02d} " for i in bag])
    out = io.BytesIO()
    lablist = np.full((2, 4), "", dtype=object)
    lablist[0, 0] = np.array(["negative", "positive"])
    ident = {"ident": np.arange(len(X)), "milbag": names[order]}
    content = {"data": X[order], "nlab": (Y[bag[order]] + 1).reshape(-1, 1), "lablist": lablist, "ident": ident}
    savemat(out, {"x": content})
    return out.getvalue()


def test_a_matlab_file_and_folds() -> None:
    source = zipped({"host/toy.mat": matlab(np.arange(len(X))), "other/Toy.jld": sources.jld(BAGS, Y, TRAIN)})
    derived = arrays(DERIVE["mil_prtools"](source, ""))
    np.testing.assert_array_equal(derived["X"], X)
    assert (derived["bag_ptr"].tolist(), derived["y"].tolist()) == (PTR.tolist(), Y.tolist())
    np.testing.assert_array_equal(derived["fold_train"], TRAIN)
    source = zipped({"toy.mat": matlab(np.arange(len(X))), "Toy.jld": sources.jld(BAGS, 1 - Y, TRAIN)})
    with pytest.raises(ValueError, match="the folds belong to different bags"):
        DERIVE["mil_prtools"](source, "")


def test_a_matlab_file_whose_folds_are_drawn() -> None:
    derived = arrays(DERIVE["mil_musk2"](matlab(np.arange(len(X))), ""))
    test = ~derived["fold_train"]
    assert test.shape == (5, 10, 12)
    assert (test.sum(1) == 1).all()  # every bag in one fold of each repetition
    assert set(test.sum(2).ravel()) == {1, 2}
    positives = (test & (derived["y"] == 1)).sum(2)
    assert positives.max() == 1
    assert len({part.tobytes() for part in test}) == 5
    shuffled = arrays(DERIVE["mil_musk2"](matlab(np.append(np.arange(3, len(X)), np.arange(3))), ""))
    np.testing.assert_array_equal(shuffled["X"], np.concatenate([X[3:], X[:3]]))


def test_images_of_several_kinds_are_stored_once() -> None:
    orders = [np.arange(12), RANDOM.permutation(12)]
    labels, folds = [Y, 1 - Y], [TRAIN, TRAIN[::-1]]
    contents = {
        f"data/Corel{name}.jld": sources.jld([BAGS[i] for i in order], y[order], train[..., order])
        for name, order, y, train in zip(("African", "Beach"), orders, labels, folds, strict=True)
    }
    derived = arrays(DERIVE["mil_corel"](zipped(contents), ""))
    assert list(derived) == ["X", "bag_ptr", "y", "categories", "fold_train"]
    np.testing.assert_array_equal(derived["X"], X)
    np.testing.assert_array_equal(derived["y"], labels)
    np.testing.assert_array_equal(derived["fold_train"], folds)
    assert derived["categories"].tolist() == ["African", "Beach"]
    contents["data/CorelBuses.jld"] = sources.jld([bag + 1 for bag in BAGS], Y, TRAIN)
    with pytest.raises(ValueError, match="the files do not contain the same bags"):
        DERIVE["mil_corel"](zipped(contents), "")


def test_recordings_are_matched_by_their_features() -> None:
    ids = np.arange(12) * 2 + 1
    lines = [
        f"{ids[bag]},{','.join(map(repr, row.tolist()))}\n" for bag in range(12) for row in BAGS[bag].astype(np.float64)
    ]
    contents = {"birds/features.txt": ("bag_id, [segment features]\n" + "".join(lines)).encode()}
    for i, species in enumerate(("WinterWren", "PacificslopeFlycatcher", "Red-breastedNuthatch")):
        order = np.roll(np.arange(12), i)
        bags = [BAGS[j][::-1] for j in order]  # and their rows in another order
        contents[f"x/{species}.jld"] = sources.jld(bags, np.roll(Y, 1)[order], TRAIN[..., order])
    derived = arrays(DERIVE["mil_birds"](zipped(contents), ""))
    assert next(iter(derived)) == "WinterWren_y"
    assert list(derived)[-1] == "bag_id"
    assert derived["bag_id"].tolist() == ids.tolist()
    for species in ("WinterWren", "PacificslopeFlycatcher", "Red-breastedNuthatch"):
        assert derived[f"{species}_y"].tolist() == np.roll(Y, 1).tolist()
        np.testing.assert_array_equal(derived[f"{species}_fold_train"], TRAIN)


def test_sets_become_one_table() -> None:
    contents = {"a/CHEMBL1.smi": b"C,CHEMBL7,5.5\nCC,CHEMBL8,6\n", "a/CHEMBL2.smi": b"CCO,CHEMBL9,7\r\n\r\n"}
    derived = DERIVE["chembl_pki"](zipped(contents), "")
    want = "dataset,smiles,chembl_id,pki\nCHEMBL1,C,CHEMBL7,5.5\nCHEMBL1,CC,CHEMBL8,6\nCHEMBL2,CCO,CHEMBL9,7\n"
    assert gzip.decompress(derived).decode() == want
    assert derived == DERIVE["gzip_source"](want.encode(), "")


def test_missing_h5py_is_an_error_with_a_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(FetchError, match="a Julia file .HDF5., which needs h5py: pip install h5py"):
        read_jld(b"")
    monkeypatch.setattr(files, "read_source", lambda url, progress: b"")
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path))
    monkeypatch.delenv("XGRAPH_MIRROR", raising=False)
    card = load_card("protein")
    with pytest.raises(FetchError, match="protein: .*: the source is a Julia file .*pip install h5py; .*XGRAPH_MIRROR"):
        files.obtain(card, card.files[0])
    assert not list(tmp_path.iterdir())


def test_invalid_sources_are_rejected(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path))
    monkeypatch.delenv("XGRAPH_MIRROR", raising=False)
    for name in ("protein", "corel", "musk1", "chembl-conformers"):
        card = load_card(name)
        for junk in (b"", b"junk"):
            monkeypatch.setattr(files, "read_source", lambda url, progress, junk=junk: junk)
            with pytest.raises(FetchError, match=f"{name}: cannot make {card.files[0].path} from"):
                files.obtain(card, card.files[0])
    card = load_card("musk2")
    monkeypatch.setattr(files, "read_source", lambda url, progress: b"junk")
    with pytest.raises(FetchError, match=r"musk2: .*musk1.mat has the wrong checksum.*the source has changed"):
        files.obtain(card, card.files[0])


def test_every_function_is_registered() -> None:
    own = {name for name in DERIVE if name.startswith("mil_") or name == "chembl_pki"}
    assert all(callable(getattr(derive_bags, name)) for name in own)
    assert len(own) == 6
