"""Bags through the command: train, evaluate, predict, and what goes wrong."""

import json
from pathlib import Path

import pytest
from bag_tables import table

from xgraph.cli import main

Capture = pytest.CaptureFixture[str]
SMALL = ["--epochs", "2", "--pretrain-epochs", "1", "--hidden-channels", "8", "--num-layers", "1", "--threads", "1"]
COLUMNS = ["--bag-column", "patient", "--target-columns", "ill"]


@pytest.fixture
def patients() -> str:
    table().to_csv("patients.csv", index=False)
    return "patients.csv"


@pytest.fixture
def run(patients: str, capsys: Capture) -> str:
    assert main(["train", patients, *COLUMNS, *SMALL, "--instances", "2", "--out", "run"]) == 0
    capsys.readouterr()
    return "run"


def test_a_run_on_bags_from_training_to_instance_weights(patients: str, capsys: Capture) -> None:
    command = ["train", patients, *COLUMNS, *SMALL, "--model", "smoothed-max", "--tau", "0.5", "--loss", "auc-margin"]
    assert main([*command, "--instances", "2", "--gamma", "0.5", "--out", "run"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "run: run"
    assert "patients: 36 train, 12 valid, 12 test bags" in captured.err
    config = Path("run/config.toml").read_text()
    for line in ("instances = 2", "tau = 0.5", 'bag_column = "patient"', 'name = "smoothed-max"'):
        assert line in config
    assert main(["evaluate", "run", "--json"]) == 0
    assert "roc_auc" in json.loads(capsys.readouterr().out)["test"]
    table(5, seed=1).to_csv("new.csv", index=False)
    assert main(["predict", "run", "new.csv", "-o", "preds.csv", "--instances-out", "weights.csv"]) == 0
    assert capsys.readouterr().out == ""
    assert Path("preds.csv").read_text().splitlines()[0] == "patient,ill,ill_score,error"
    assert len(Path("preds.csv").read_text().splitlines()) == 6
    assert len(Path("weights.csv").read_text().splitlines()) == len(table(5, seed=1)) + 1
    assert main(["predict", "run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "bag,ill_score"
    assert len(lines) == 61
    assert main(["predict", "run", "new.csv", "--only-scores"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "bag,ill,error"


def test_rows_without_a_score_are_counted(run: str, capsys: Capture) -> None:
    new = table(5, seed=1).astype({"f0": object})
    new.loc[3, "f0"] = "?"
    new.to_csv("new.csv", index=False)
    assert main(["predict", run, "new.csv", "-o", "preds.csv"]) == 0
    assert "1 of 5 rows have no score: see the column `error`" in capsys.readouterr().err
    assert "data row 3: expected a finite number in column 'f0', got '?'" in Path("preds.csv").read_text()


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (["musk1", "--instances", "0"], 2, "instances = 0: expected 1 or more"),
        (["musk1", "--model", "gine"], 2, "model 'gine' is for molecules; for bags, choose from attention"),
        (
            ["nci-pains", "--instances", "4"],
            2,
            "instances = 4: this setting is for bags, but the data set holds molecules",
        ),
        (["musk1", "--bag-column", "b"], 2, "bag_column = 'b': this setting is for CSV files"),
        (["musk1", "--loss", "bce", "--gamma", "0.5"], 2, "has an effect only if `instances` is set"),
        (["patients.csv", *COLUMNS, "--heads", "3"], 2, "heads must divide the number of pooled columns, 1"),
        (["patients.csv", *COLUMNS, "--encoder", "cnn"], 2, "encoder must be mlp if instances are feature rows"),
        (["patients.csv", *COLUMNS, "--fold", "0-4"], 1, "fold = 0,1,2,3,4: 'patients.csv' has no folds"),
        (
            ["patients.csv", "--bag-column", "nobody"],
            1,
            "bag column 'nobody' does not exist: the columns are 'patient'",
        ),
        (["patients.csv", "--bag-column", "patient"], 1, "no label column found"),
        (["patients.csv"], 1, "no SMILES column found"),
        (["bags.csv"], 1, "for a table of bags, set bag_column (--bag-column)"),
        (
            ["patients.csv", "--bag-column", "patient", "--target-columns", "patient"],
            1,
            "'patient' is the bag column",
        ),
        (
            ["patients.csv", *COLUMNS, "--feature-columns", "f0,ill"],
            1,
            "column 'ill' holds labels, so it is no feature",
        ),
        (["index.csv", *COLUMNS], 1, "a column has no name (here 'Unnamed: 0'); if it contains row numbers"),
        (
            ["text.csv", *COLUMNS],
            1,
            "or list the feature columns in feature_columns (--feature-columns)",
        ),
        (["mixed.csv", *COLUMNS], 1, "labels differ within bag 'p"),
        (["gaps.csv", *COLUMNS], 1, "data row 4 (bag 'p"),
        (["lost.csv", *COLUMNS], 1, "has no bag in 1 rows; the first is data row 7"),
    ],
)
def test_invalid_training_commands_are_refused(
    patients: str, argv: list[str], code: int, message: str, capsys: Capture
) -> None:
    whole = table()
    whole.rename(columns={"patient": "Bag"}).to_csv("bags.csv", index=False)
    whole.to_csv("index.csv")
    whole.assign(note="text").to_csv("text.csv", index=False)
    whole.assign(ill=whole.index % 2).to_csv("mixed.csv", index=False)
    whole.assign(f1=whole.f1.where(whole.index != 4)).to_csv("gaps.csv", index=False)
    whole.assign(patient=whole.patient.where(whole.index != 7)).to_csv("lost.csv", index=False)
    assert main(["train", *argv, *SMALL, "--out", "run"]) == code
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err
    assert not Path("run").exists()


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (["run", "none.csv"], 1, "items: no file 'none.csv'"),
        (["run", "narrow.csv"], 1, "lacks 1 of the 4 features that the run was trained on: 'f2'"),
        (["run", "new.csv", "--bag-column", "b"], 1, "has no column 'b'"),
        (["run", "new.csv", "--bag-column", "f1"], 1, "column 'f1' is a feature of the run and cannot name the bags"),
        (
            ["run", "new.csv", "--smiles-column", "b"],
            2,
            "this option is for molecules, but the run is on feature columns",
        ),
        (["run", "new.csv", "--instances-out", "."], 2, "Invalid value for --instances-out: . is a folder"),
        (["run", "new.csv", "--instances-out", "no/w.csv"], 2, "does not exist"),
        (["run", "new.csv", "--instances-out", "new.csv"], 2, "is the input file"),
        (["run", "new.csv", "-o", "p.csv", "--instances-out", "./p.csv"], 2, "is also the file of --out"),
        (["run", "names.csv"], 1, "'patients' has no bag 'p77'"),
    ],
)
def test_invalid_predict_commands_are_refused(
    run: str, argv: list[str], code: int, message: str, capsys: Capture
) -> None:
    table(5, seed=1).to_csv("new.csv", index=False)
    table(5, seed=1).drop(columns="f2").to_csv("narrow.csv", index=False)
    Path("names.csv").write_text("patient\np1\np77\n")
    assert main(["predict", *argv]) == code
    err = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert message in err
    assert "Traceback" not in err
    assert not Path("p.csv").exists()


def test_models_of_bags_are_described_with_their_options(capsys: Capture) -> None:
    for name, own in (("attention", "--heads"), ("smoothed-max", "--tau"), ("mean", "--gamma"), ("max", "--encoder")):
        assert main(["models", name]) == 0
        out = capsys.readouterr().out
        assert own in out
        assert ("--gamma" in out) == (name != "max")
