"""Predictions for folders of bags, with the coordinates of the instances."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from bag_tables import table

import xgraph
from tests.data.bag_folders import clam
from xgraph.data import BagDataset
from xgraph.training.scoring.bag_scores import explain_bags
from xgraph.training.scoring.inference import probability

SMALL: dict[str, Any] = {"epochs": 2, "pretrain_epochs": 1, "hidden_channels": 8, "num_layers": 1, "threads": 1}


@pytest.fixture
def run(tmp_path: Path) -> xgraph.Run:
    clam(tmp_path / "slides")
    return xgraph.train(tmp_path / "slides", **SMALL, instances=2, out=tmp_path / "run")


def in_memory(content: dict[str, Any]) -> BagDataset:
    ptr = np.cumsum([0, *map(len, content.values())])
    return BagDataset(np.concatenate(list(content.values())), ptr, bag_names=list(content))


def test_scores_and_weights_with_coordinates(run: xgraph.Run, tmp_path: Path) -> None:
    content = clam(tmp_path / "new", 9, seed=5, labels=False)
    frame = xgraph.predict(run.path, tmp_path / "new", instances_out=tmp_path / "w.csv.gz")
    assert list(frame.columns) == ["bag", "label", "error"]
    assert list(frame["bag"]) == list(content)
    want = explain_bags(run.model, in_memory(content), torch.arange(9))  # type: ignore[arg-type]
    np.testing.assert_allclose(frame["label"], probability(want.logits)[:, 0], rtol=1e-5)
    weights = pd.read_csv(tmp_path / "w.csv.gz")
    assert list(weights.columns) == ["bag", "row", "x", "y", "weight", "score"]
    assert list(weights["bag"]) == [name for name, x in content.items() for _ in x]
    assert list(weights["row"]) == [row for x in content.values() for row in range(len(x))]
    np.testing.assert_allclose(weights["weight"], want.weights[:, 0], rtol=1e-5)
    np.testing.assert_allclose(weights["score"], probability(want.scores)[:, 0], rtol=1e-5)
    coords = []
    for name in content:
        with h5py.File(tmp_path / "new" / "h5_files" / f"{name}.h5") as file:
            coords.append(file["coords"][()])
    np.testing.assert_array_equal(weights[["x", "y"]], np.concatenate(coords))


def test_bags_that_cannot_be_read_have_an_error_and_no_score(run: xgraph.Run, tmp_path: Path) -> None:
    new = tmp_path / "new"
    content = clam(new, 6, seed=5)
    whole = xgraph.predict(run.path, new)
    x = content["slide_01"].copy()
    x[1, 3] = np.inf
    for name in ("slide_01", "slide_03", "slide_04"):
        (new / "h5_files" / f"{name}.h5").unlink()
    np.save(new / "slide_01.npy", x)
    np.save(new / "slide_03.npy", np.zeros((4, 7)))
    (new / "slide_04.h5").write_bytes(b"cut off")
    frame = xgraph.predict(run.path, new, instances_out=tmp_path / "w.csv")
    assert list(frame["bag"]) == list(content)
    assert list(frame["error"].str.partition(": ")[0]) == ["", "slide_01.npy", "", "slide_03.npy", "slide_04.h5", ""]
    assert frame["error"][1] == "slide_01.npy: row 1 of its features is not finite"
    assert frame["error"][3] == "slide_03.npy: its instances have shape [7], those of the run [6]"
    vectors = xgraph.embed(run.path, new)
    assert (vectors["bag"].tolist(), vectors["error"].tolist()) == (frame["bag"].tolist(), frame["error"].tolist())
    again = xgraph.embed(run.path, in_memory({name: content[name] for name in ("slide_00", "slide_02")}))
    np.testing.assert_allclose(vectors["v0"].dropna()[:2], again["v0"], rtol=1e-5)
    good = [0, 2, 5]
    assert list(frame["label"].notna()) == [i in good for i in range(6)]
    np.testing.assert_allclose(frame["label"][good], whole["label"][good], rtol=1e-6)
    assert set(pd.read_csv(tmp_path / "w.csv")["bag"]) == {"slide_00", "slide_02", "slide_05"}
    for name in ("slide_00", "slide_02", "slide_05"):
        (new / "h5_files" / f"{name}.h5").unlink()
    nothing = xgraph.predict(run.path, new, instances_out=tmp_path / "w.csv")
    assert list(nothing["label"].isna()) == [True] * 3
    assert (tmp_path / "w.csv").read_text() == "bag,row,weight,score\n"


def test_bags_of_the_runs_own_folder_and_ensembles(run: xgraph.Run, tmp_path: Path) -> None:
    other = xgraph.train(tmp_path / "slides", **SMALL, seed=1, out=tmp_path / "other")
    frame = xgraph.predict([run.path, other.path], instances_out=tmp_path / "w.csv")
    assert list(frame.columns) == ["bag", "label", "label_std"]
    assert len(frame) == 30
    one, two = (xgraph.predict(path)["label"] for path in (run.path, other.path))
    np.testing.assert_allclose(frame["label"], (one + two) / 2, rtol=1e-6)
    np.testing.assert_allclose(frame["label_std"], np.std([one, two], axis=0, ddof=1), rtol=1e-6)
    weights = pd.read_csv(tmp_path / "w.csv")
    np.testing.assert_allclose(weights.groupby("bag")["weight"].sum(), 1, rtol=1e-5)
    named = xgraph.predict(run.path, ["slide_07", None, "slide_02"], instances_out=tmp_path / "w.csv")
    assert list(named["bag"][[0, 2]]) == ["slide_07", "slide_02"]
    assert list(named["label"]) == pytest.approx([one[7], np.nan, one[2]], nan_ok=True)
    assert list(pd.read_csv(tmp_path / "w.csv")["bag"].unique()) == ["slide_07", "slide_02"]


def test_a_large_bag_is_scored_in_pieces(run: xgraph.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clam(tmp_path / "new", 4, seed=5)
    whole = xgraph.predict(run.path, tmp_path / "new", instances_out=tmp_path / "whole.csv")
    monkeypatch.setattr("xgraph.data.bags.passes.INSTANCES", 2)
    pieces = xgraph.predict(run.path, tmp_path / "new", instances_out=tmp_path / "pieces.csv")
    np.testing.assert_allclose(pieces["label"], whole["label"], rtol=1e-5)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "pieces.csv"), pd.read_csv(tmp_path / "whole.csv"), rtol=1e-5)


def test_tables_and_folders_can_be_scored_by_runs_on_each_other(run: xgraph.Run, tmp_path: Path) -> None:
    content = clam(tmp_path / "new", 3, seed=5)
    frame = pd.concat(pd.DataFrame(x).assign(bag=name) for name, x in content.items())
    frame.to_csv(tmp_path / "new.csv", index=False)
    scores = xgraph.predict(run.path, tmp_path / "new.csv")["label"]
    np.testing.assert_allclose(scores, xgraph.predict(run.path, tmp_path / "new")["label"], rtol=1e-5)
    table().to_csv(tmp_path / "patients.csv", index=False)
    columns = {"bag_column": "patient", "target_columns": ["ill"]}
    other = xgraph.train(tmp_path / "patients.csv", **columns, **SMALL, out=tmp_path / "other")
    clam(tmp_path / "narrow", 3, width=4)
    with pytest.warns(UserWarning, match="trained on named columns, but the files of .* have none: .*f0, f1, f2, f3"):
        assert xgraph.predict(other.path, tmp_path / "narrow")["ill"].notna().all()
    with pytest.raises(ValueError, match="has no files of bags"):
        xgraph.predict(run.path, tmp_path)
