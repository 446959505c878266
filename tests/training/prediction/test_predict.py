import gzip
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import xgraph
from xgraph.training.files.checkpoint import HEADER, read_checkpoint, write_checkpoint
from xgraph.training.prediction.predict import write_predictions

Train = Callable[..., xgraph.Run]


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> xgraph.Run:
    shutil.copytree(finished / "one", tmp_path / "run")
    return xgraph.Run.open("run")


def test_one_output_row_per_input_row(run: xgraph.Run) -> None:
    smiles = ["CCO", "", "not a molecule", "CCN", " ", "C1CC", "CCO"]
    frame = xgraph.predict(run.path, smiles)
    assert list(frame.columns) == ["smiles", "amine", "error"]
    assert list(frame["smiles"]) == smiles
    assert [bool(e) for e in frame["error"]] == [False, True, True, False, True, True, False]
    assert [math.isnan(s) for s in frame["amine"]] == [bool(e) for e in frame["error"]]
    assert frame["error"][1].startswith("empty")
    assert frame["amine"][0] == frame["amine"][6] != frame["amine"][3]
    assert frame["amine"].dropna().between(0, 1).all()


def test_scores_equal_those_of_the_model(run: xgraph.Run) -> None:
    from torch_geometric.data import Batch

    from xgraph.data import MoleculeDataset

    smiles = ["CCO", "CCCCN", "C"]
    data = MoleculeDataset.from_smiles(smiles)
    with torch.no_grad():
        logits = run.model(Batch.from_data_list([data[i] for i in range(3)]))[:, 0].double()
    assert list(xgraph.predict(run.path, smiles)["amine"]) == pytest.approx(torch.sigmoid(logits).tolist(), abs=1e-6)


def test_files_may_have_blank_lines(run: xgraph.Run, tmp_path: Path) -> None:
    text = '\ufeffname,SMILES\r\na,CCO\r\n\r\nb,"CC(=O)O"\r\nc,xyz\r\n'
    (tmp_path / "new.csv").write_bytes(text.encode())
    (tmp_path / "new.csv.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("new.csv", "new.csv.gz"):
        frame = xgraph.predict(run.path, tmp_path / name)
        assert list(frame["smiles"]) == ["CCO", "", "CC(=O)O", "xyz"]
        assert [bool(e) for e in frame["error"]] == [False, True, False, True]


def test_predictions_are_written(run: xgraph.Run, tmp_path: Path) -> None:
    frame = xgraph.predict(run.path, ["CCO", "", "x,y"])
    write_predictions(frame, tmp_path / "out.csv")
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert len(lines) == 4
    assert lines[0] == "smiles,amine,error"
    assert float(lines[1].split(",")[1]) == frame["amine"][0]
    assert lines[2].startswith(",,empty")
    assert lines[3].startswith('"x,y",,')


def test_empty_input(run: xgraph.Run) -> None:
    assert len(xgraph.predict(run.path, [])) == 0
    assert list(xgraph.predict(run.path, ["", "?"])["amine"].isna()) == [True, True]


def test_ensemble_is_the_mean(train: Train, run: xgraph.Run) -> None:
    other = train(out="other", epochs=1, pretrain_epochs=0, seed=5, standardize=True)
    smiles = ["CCO", "bad", "CCN"]
    one, two = (xgraph.predict(r.path, smiles)["amine"].to_numpy() for r in (run, other))
    both = xgraph.predict([run.path, other.path], smiles)["amine"].to_numpy()
    assert both == pytest.approx((one + two) / 2, nan_ok=True)
    assert not np.allclose(one, two, equal_nan=True)


def test_molecules_are_standardised_as_in_training(train: Train, run: xgraph.Run) -> None:
    other = train(out="other", epochs=1, pretrain_epochs=0, standardize=True)
    plain, salt = xgraph.predict(other.path, ["CCN", "CC[NH3+].[Cl-]"])["amine"]
    assert plain == salt
    plain, salt = xgraph.predict(run.path, ["CCN", "CC[NH3+].[Cl-]"])["amine"]
    assert plain != salt


def test_runs_with_different_tasks_are_refused(train: Train, run: xgraph.Run, csv: Path) -> None:
    csv.write_text(csv.read_text().replace("amine", "another"))
    other = train(out="other", epochs=1, pretrain_epochs=0)
    with pytest.raises(ValueError, match="same tasks"):
        xgraph.predict([run.path, other.path], ["C"])


def test_a_task_may_be_called_error(train: Train, csv: Path) -> None:
    csv.write_text(csv.read_text().replace("amine", "error"))
    frame = xgraph.predict(train(out="other", epochs=1, pretrain_epochs=0).path, ["C"])
    assert list(frame.columns) == ["smiles", "error_score", "error"]


def test_columns_have_unique_names(train: Train, csv: Path) -> None:
    rows = [f"{'C' * n},{n % 2},{n // 2 % 2},{n // 3 % 2}" for n in range(1, 60)]
    csv.write_text("mol,error,error_score,other\n" + "\n".join(rows))
    other = train(out="other", epochs=1, pretrain_epochs=0, smiles_column="mol")
    frame = xgraph.predict(other.path, ["C"])
    assert list(frame.columns) == ["smiles", "error_score", "error_score_", "other", "error"]
    assert frame["error_score"][0] != frame["error_score_"][0]
    header = (other.path / "predictions.csv").read_text().splitlines()[0].split(",")
    assert len(set(header)) == len(header) == 9


def test_missing_smiles_get_an_error(run: xgraph.Run) -> None:
    frame = xgraph.predict(run.path, pd.Series(["CCO", None, float("nan"), pd.NA, ""], dtype=object))
    assert list(frame["amine"].isna()) == [False, True, True, True, True]
    assert list(frame["error"] != "") == [False, True, True, True, True]
    assert frame["smiles"][0] == "CCO"


def test_predictions_can_be_compressed(run: xgraph.Run, tmp_path: Path) -> None:
    frame = xgraph.predict(run.path, ["CCO", "bad"])
    write_predictions(frame, tmp_path / "out.csv.gz")
    assert pd.read_csv(tmp_path / "out.csv.gz")["amine"][0] == frame["amine"][0]


def test_features_other_than_in_training_are_refused(run: xgraph.Run) -> None:
    path = run.path / "best.ckpt"
    state = read_checkpoint(path)
    write_checkpoint({**state, HEADER: {**state[HEADER], "featurizer": "old-0"}}, path)
    with pytest.raises(ValueError, match="'old-0'"):
        xgraph.predict(run.path, ["C"])


@pytest.mark.parametrize(
    ("runs", "smiles", "error", "message"),
    [
        ("nowhere", ["C"], FileNotFoundError, "nowhere is not a run directory"),
        ([], ["C"], ValueError, "at least one run"),
        ("run", "CCO", FileNotFoundError, "pass them as a list"),
        ("run", 5, TypeError, "items: expected a list or pandas Series of SMILES.*; got 5"),
        ("run", ["C", 3], TypeError, "expected SMILES strings, got 3"),
        ("run", ["C", ["CC"]], TypeError, r"expected SMILES strings, got \['CC'\]"),
    ],
)
def test_invalid_items_are_refused(
    run: xgraph.Run, runs: Any, smiles: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        xgraph.predict(runs, smiles)


def test_a_frame_is_read_as_a_file_is_and_keeps_its_index(run: xgraph.Run) -> None:
    table = pd.DataFrame({"id": [1, 2, 3], "smiles": ["CCN", "CCO", None], "x": ["CC", "CC", "CC"]}, index=[7, 3, 5])
    kept = table[table["id"] != 1]
    kept["score"] = xgraph.predict(run.path, kept)["amine"]  # aligns by the index
    expected = xgraph.predict(run.path, ["CCO"])["amine"][0]
    assert kept.loc[3, "score"] == expected
    assert math.isnan(kept.loc[5, "score"])
    series = xgraph.predict(run.path, table["smiles"])
    assert list(series.index) == [7, 3, 5]
    assert series.loc[3, "amine"] == expected
    assert xgraph.predict(run.path, table, smiles_column="x")["amine"].nunique() == 1
    assert xgraph.predict(run.path, table[:0].astype({"smiles": str})).empty


@pytest.mark.parametrize(
    ("items", "error", "message"),
    [
        ({"smiles": ["CCO"]}, TypeError, r"got \{'smiles': \['CCO'\]\}"),
        ({"CCO"}, TypeError, "pandas Series of SMILES, a DataFrame"),
        (None, TypeError, "got None"),
        (b"CCO", TypeError, "got b'CCO'"),
        (pd.DataFrame({"a": ["x", "y"]}), ValueError, "no SMILES column found: the columns of the data frame are 'a'"),
        (pd.DataFrame([["C", "C"]], columns=["smiles", "smiles"]), ValueError, "has the column 'smiles' twice"),
        (pd.DataFrame(), ValueError, "no columns"),
        (pd.DataFrame({"smiles": [3]}), TypeError, "expected SMILES strings, got 3"),
    ],
)
def test_other_collections_are_refused(run: xgraph.Run, items: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        xgraph.predict(run.path, items)


def test_the_runs_own_smiles_column_comes_first(train: Train, run: xgraph.Run, tmp_path: Path) -> None:
    rows = [f"{'C' * n}N,{'C' * n}O,{n % 2}" for n in range(1, 21)]
    (tmp_path / "two.csv").write_text("ligand,smiles,active\n" + "\n".join(rows) + "\n")
    one = train(dataset="two.csv", smiles_column="ligand", out="ligand", epochs=2)
    frame = xgraph.predict(one.path, tmp_path / "two.csv")
    assert frame["smiles"][0] == "CN"
    assert list(xgraph.predict(one.path, pd.read_csv("two.csv"))["active"]) == list(frame["active"])
    (tmp_path / "other.csv").write_text("id,smiles\n1,CCO\n")
    with pytest.warns(
        UserWarning, match="no column 'ligand', from which the run was trained; reading SMILES from 'smi"
    ):
        assert xgraph.predict(one.path, tmp_path / "other.csv")["smiles"][0] == "CCO"
    two = train(dataset="two.csv", smiles_column="smiles", out="smiles", epochs=2)
    with pytest.raises(ValueError, match=r"trained on different columns \('ligand', 'smiles'\)"):
        xgraph.predict([one.path, two.path], tmp_path / "two.csv")
    assert xgraph.predict([one.path, two.path], tmp_path / "two.csv", smiles_column="smiles")["smiles"][0] == "CO"


def test_a_detected_smiles_column_is_the_runs_own_too(train: Train, tmp_path: Path) -> None:
    rows = [f"{'C' * n}N,{n % 2}" for n in range(1, 21)]
    (tmp_path / "ligands.csv").write_text("ligand,active\n" + "\n".join(rows) + "\n")
    run = train(dataset="ligands.csv", out="detected", epochs=1, pretrain_epochs=0)
    assert read_checkpoint(run.path / "best.ckpt")[HEADER]["smiles_column"] == "ligand"
    (tmp_path / "both.csv").write_text("smiles,ligand\nCCO,CCN\nCCO,CCCN\n")
    expected = xgraph.predict(run.path, ["CCN", "CCCN"])
    assert list(xgraph.predict(run.path, "both.csv")["active"]) == list(expected["active"])
    (tmp_path / "other.csv").write_text("id,structure\n1,CCO\n")
    with pytest.warns(UserWarning, match="no column 'ligand', from which the run was trained; reading SMILES from 'st"):
        assert xgraph.predict(run.path, "other.csv")["smiles"][0] == "CCO"
    (tmp_path / "named.csv").write_text("smiles,active\n" + "\n".join(rows) + "\n")
    named = train(dataset="named.csv", out="named", epochs=1, pretrain_epochs=0)
    with pytest.raises(ValueError, match=r"trained on different columns \('ligand', 'smiles'\); name the one"):
        xgraph.predict([run.path, named.path], "both.csv")


def test_many_tasks_in_one_frame(train: Train, tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    tasks = [f"t{i}" for i in range(300)]
    rows = [",".join(["C" * n, *(str((n + i) % 2) for i in range(300))]) for n in range(1, 21)]
    (tmp_path / "many.csv").write_text(",".join(["smiles", *tasks]) + "\n" + "\n".join(rows) + "\n")
    run = train(dataset="many.csv", out="many", epochs=1, pretrain_epochs=0)
    recwarn.clear()
    frame = xgraph.predict(run.path, ["CCO", "bad", "C"])
    assert list(frame.columns) == ["smiles", *tasks, "error"]
    assert frame[tasks].notna().all(axis=1).tolist() == [True, False, True]
    assert not recwarn.list


def test_many_molecules_are_scored_as_few_are(run: xgraph.Run) -> None:
    smiles = [f"{'C' * (n % 37 + 1)}{'ON'[n % 2]}" if n % 11 else "?" for n in range(2500)]  # in other processes
    frame = xgraph.predict(run.path, smiles)
    few = xgraph.predict(run.path, smiles[1200:1300])
    assert frame["amine"][1200:1300].to_numpy() == pytest.approx(few["amine"].to_numpy(), abs=1e-6, nan_ok=True)
    assert list(frame["error"][1200:1300]) == list(few["error"])
    assert frame["amine"].isna().sum() == 228


@pytest.mark.parametrize("combine", ["mean", "rank"])
def test_scores_that_are_not_finite_are_errors(run: xgraph.Run, tmp_path: Path, combine: str) -> None:
    """The weights of oxygen in one of the runs are so large that molecules with it have no score."""
    shutil.copytree(run.path, "other")
    state = read_checkpoint("other/best.ckpt")
    state["state_dict"]["model.atom.weight"][7] = 3e38  # of the eighth atomic number
    state["state_dict"]["model.convs.0.mlp.0.weight"] *= 1e6
    write_checkpoint(state, "other/best.ckpt")
    smiles = ["CN", "CO", "x", "CCN"]
    frame = xgraph.predict([run.path, "other"], smiles, combine=combine)
    assert frame["error"][1] == "the model's score for 'amine' is not finite"
    assert [bool(error) for error in frame["error"]] == [False, True, True, False]
    assert frame[["amine", "amine_std"]].isna().to_numpy().tolist() == [[bool(e)] * 2 for e in frame["error"]]
    if combine == "rank":  # of the two that have scores
        assert frame["amine"].sum() == 1
    (tmp_path / "new.csv").write_text("smiles\n" + "\n".join(smiles))
    done = xgraph.predict_file([run.path, "other"], tmp_path / "new.csv", tmp_path / "out.csv", combine=combine)
    assert (done.rows, done.failed, done.first) == (4, 2, "row 1: the model's score for 'amine' is not finite")
