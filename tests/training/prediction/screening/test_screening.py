"""A run as a function of tables, and folders of files on two workers of Ray."""

import pickle

import numpy as np
import pandas as pd
import pytest

import xgraph
from xgraph.options import OptionError

SMILES = ["CCO", "c1ccccc1O", "nonsense", "CCN", "CC(=O)Nc1ccc(O)cc1", "C1CCCCC1", "", "CCCl"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("screening")
    rows = [f"{'C' * n}{end},{int(end == 'N')}" for n in range(1, 9) for end in "OCN"]
    (folder / "amines.csv").write_text("smiles,amine\n" + "\n".join(rows) + "\n")
    short = {"epochs": 1, "pretrain_epochs": 0, "hidden_channels": 4, "num_layers": 1, "batch_size": 8}
    return xgraph.train(folder / "amines.csv", split="random", out=folder / "run", device="cpu", **short)


def library():
    return pd.DataFrame({"id": range(len(SMILES)), "smiles": SMILES})


def test_a_predictor_scores_a_table_as_predict_does_however_it_is_cut(run):
    predictor = xgraph.Predictor(run.path, smiles_column="smiles", device="cpu")
    whole = predictor(library())
    expected = xgraph.predict(run.path, SMILES, device="cpu")
    assert list(whole.columns) == ["id", "smiles", "amine_score", "error"]
    np.testing.assert_allclose(whole["amine_score"], expected["amine"], rtol=1e-6)
    assert (whole["error"] != "").tolist() == (expected["error"] != "").tolist()
    again = pickle.loads(pickle.dumps(predictor))  # as a pool sends it
    parts = pd.concat([again(library().iloc[[i]]) for i in reversed(range(len(SMILES)))]).sort_index()
    pd.testing.assert_frame_equal(parts, whole, rtol=1e-6)


def test_settings_that_cannot_be(run, tmp_path):
    for options, error, text in (
        ({"workers": 0}, OptionError, "workers = 0: expected an integer of 1 or more"),
        ({"cpus": 0}, OptionError, "cpus = 0: expected a positive number"),
        ({"out": tmp_path}, OptionError, "is the folder of the library itself"),
        ({"folder": tmp_path / "none"}, FileNotFoundError, "none is not a folder"),
        ({}, FileNotFoundError, "has no Parquet file"),
    ):
        with pytest.raises(error, match=text):
            xgraph.predict_folder(run.path, **{"folder": tmp_path, "out": tmp_path / "out", **options})


@pytest.mark.slow
def test_a_folder_is_scored_by_two_workers_and_an_interrupted_job_goes_on(run, tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "300")  # the 30 s of the default are short on a loaded machine
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    ray = pytest.importorskip("ray")
    source, target = tmp_path / "library", tmp_path / "scores"
    source.mkdir()
    for number in range(5):
        library().assign(file=number).to_parquet(source / f"part-{number}.parquet")
    (source / "part-3.parquet").write_bytes(b"no Parquet file")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=10**8)
    try:
        with pytest.raises(
            ValueError,
            match=r"1 of 5 files could not be scored: 'part-3.parquet'; part-3.parquet: .* is not a Parquet file",
        ):
            xgraph.predict_folder(run.path, source, target, workers=2, device="cpu", smiles_column="smiles")
        assert sorted(file.name for file in target.iterdir()) == [f"part-{n}.parquet" for n in (0, 1, 2, 4)]
        before = {file: file.stat().st_mtime_ns for file in target.iterdir()}
        library().assign(file=3).to_parquet(source / "part-3.parquet")
        (target / "part-1.parquet").unlink()
        written = xgraph.predict_folder(run.path, source, target, workers=2, device="cpu", smiles_column="smiles")
        assert [file.name for file in written] == ["part-1.parquet", "part-3.parquet"]
        assert all(file.stat().st_mtime_ns == before[file] for file in before if file.name != "part-1.parquet")
        assert xgraph.predict_folder(run.path, source, target, workers=2) == []
        expected = xgraph.predict(run.path, SMILES, device="cpu")
        for number in range(5):
            frame = pd.read_parquet(target / f"part-{number}.parquet")
            assert frame["file"].astype(int).tolist() == [number] * len(SMILES)
            np.testing.assert_allclose(frame["amine_score"], expected["amine"], rtol=1e-6)
        # The same with Ray Data's own reader and writer.
        data = ray.data.read_parquet(str(source)).map_batches(
            xgraph.Predictor,
            fn_constructor_kwargs={"run": str(run.path), "smiles_column": "smiles", "device": "cpu"},
            batch_format="pandas",
            batch_size=3,
            compute=ray.data.ActorPoolStrategy(size=2),
            num_cpus=0.5,  # which leaves a core for reading and writing
        )
        data.write_parquet(str(tmp_path / "other"))
        scores = pd.read_parquet(tmp_path / "other").sort_values(["file", "id"])["amine_score"]
        np.testing.assert_allclose(scores, np.tile(expected["amine"], 5), rtol=1e-5)
    finally:
        ray.shutdown()
