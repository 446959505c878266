"""Evaluation on the labelled rows of a new table."""

import csv as csv_module
import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import xgraph
from xgraph.options import OptionError
from xgraph.training.scoring.metrics import METRICS, score_all

Train = Callable[..., xgraph.Run]
NEW = [("CCCCCOC", "0"), ("CCNCC", "1"), ("C1CC", "1"), ("CCO", ""), ("NCCCN", "1"), ("CCCC", "0"), ("OCCO", "0")]


def write(path: Path, rows: Any, header: str = "id,smiles,amine") -> Path:
    path.write_text("\n".join([header, *(f"x{i},{','.join(row)}" for i, row in enumerate(rows))]) + "\n")
    return path


def test_metrics_are_those_of_the_predictions(train: Train, tmp_path: Path) -> None:
    one, two = train(out="one"), train(out="two", hidden_channels=4)
    new = write(tmp_path / "new.csv", NEW)
    labelled = [i for i, (smiles, y) in enumerate(NEW) if y and smiles != "C1CC"]
    y = np.array([[float(NEW[i][1])] for i in labelled])
    for runs in (one.path, [one.path, two.path]):
        frame = xgraph.predict(runs, [NEW[i][0] for i in labelled])
        expected = score_all(y, frame[["amine"]].to_numpy())
        assert xgraph.evaluate(runs, data=new) == pytest.approx(expected)
    assert xgraph.evaluate(one.path, data=pd.read_csv(new)) == pytest.approx(xgraph.evaluate(one.path, data=str(new)))
    assert "pauc_area_fpr0.1" in xgraph.evaluate(one.path, data=new, max_fpr=0.1)


def test_files_beside_the_predictions(train: Train, tmp_path: Path) -> None:
    run = train(out="run", folds=3)
    new = write(tmp_path / "new.csv", NEW)
    metrics = xgraph.evaluate(run.path, data=new, out="out")
    content = json.loads(Path("out/evaluation-new.json").read_text())
    assert {name: content[name] for name in METRICS} == pytest.approx(metrics)
    assert (content["labelled"], content["positives"]) == ({"amine": 5}, {"amine": 2})
    assert (content["unreadable_rows"], content["runs"]) == (1, ["run"])
    with Path("out/predictions-new.csv").open() as file:
        rows = list(csv_module.DictReader(file))
    assert [(row["row"], row["amine"]) for row in rows] == [("0", "0"), ("1", "1"), ("4", "1"), ("5", "0"), ("6", "0")]
    scores = xgraph.predict(run.path, [row["smiles"] for row in rows])["amine"]  # folds are an ensemble
    assert [float(row["amine_score"]) for row in rows] == pytest.approx(list(scores))


def test_columns_are_those_of_the_run_unless_named(train: Train, csv: Path, tmp_path: Path) -> None:
    csv.write_text(csv.read_text().replace("smiles,amine", "ligand,amine"))
    run = train(out="run", smiles_column="ligand")
    other = write(tmp_path / "new.csv", [(smiles, y, "C") for smiles, y in NEW], "id,ligand,kills,smiles")
    with pytest.raises(ValueError, match=r"'amine' not found .* in the order of the run's tasks with target_columns"):
        xgraph.evaluate(run.path, data=other)
    values = xgraph.evaluate(run.path, data=other, target_columns=["kills"])
    same = write(tmp_path / "same.csv", NEW, "id,ligand,amine")
    assert values == pytest.approx(xgraph.evaluate(run.path, data=same))
    usual = write(tmp_path / "usual.csv", NEW)
    assert values == pytest.approx(xgraph.evaluate(run.path, data=usual, smiles_column="smiles"))
    with pytest.raises(OptionError, match="expected one column for each of the 1 tasks of the run .*, got 2"):
        xgraph.evaluate(run.path, data=other, target_columns=["kills", "id"])
    with pytest.raises(OptionError, match="out: this option is for new data"):
        xgraph.evaluate(run.path, out="x")
    blank = write(tmp_path / "blank.csv", [(smiles, "") for smiles, _ in NEW], "id,ligand,amine")
    with pytest.raises(ValueError, match=r"no row of 'blank' has a label of 'amine'|labels"):
        xgraph.evaluate(run.path, data=blank)


def test_words_and_classes_are_read_as_for_the_run(train: Train, csv: Path, tmp_path: Path) -> None:
    words = csv.read_text().replace(",1\n", ",hit\n").replace(",0\n", ",miss\n")
    csv.write_text(words)
    run = train(out="run", positive="hit")
    new = write(tmp_path / "new.csv", [(smiles, {"0": "miss", "1": "hit"}.get(y, "")) for smiles, y in NEW])
    xgraph.evaluate(run.path, data=new, out="out")
    assert json.loads(Path("out/evaluation-new.json").read_text())["positives"] == {"amine": 2}
    classes = train(out="classes", task="multiclass", loss="ce", target_columns=["amine"])
    assert 0 <= xgraph.evaluate(classes.path, data=new)["accuracy"] <= 1
    write(new, [("CCO", "none of these"), ("CCN", "hit")])
    with pytest.raises(ValueError, match="'new' has classes that the run does not know: 'none of these'"):
        xgraph.evaluate(classes.path, data=new)


def test_scores_on_the_training_table_are_said_to_be_optimistic(train: Train, csv: Path) -> None:
    run = train(out="run")
    with pytest.warns(UserWarning, match="chains.csv holds the training rows of the run, .*give split"):
        xgraph.evaluate(run.path, data=csv)


def test_molecules_of_the_training_part_are_counted(train: Train, csv: Path, tmp_path: Path) -> None:
    run = train(out="run", folds=3, fold=0)
    with (run.path / "predictions.csv").open() as file:
        held = {row["smiles"] for row in csv_module.DictReader(file)}
    every = [line.split(",")[0] for line in csv.read_text().splitlines()[1:]]
    trained = [smiles for smiles in every if smiles not in held]
    again = [f"[CH3:7]{smiles[1:]}" for smiles in trained if smiles.startswith("CC")][:3]  # with an atom map
    rows = [(smiles, str(i % 2)) for i, smiles in enumerate([*again, *sorted(held)[:4]])]
    new = write(tmp_path / "new.csv", rows)
    with pytest.warns(
        UserWarning, match=r"3 of the 7 molecules of 'new' \(such as '\[CH3:7\].*were in the training part"
    ):
        xgraph.evaluate(run.path, data=new)
    csv.unlink()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        xgraph.evaluate(run.path, data=new)  # nobody can tell


def test_data_that_moved_are_accepted_if_their_content_is_the_same(train: Train, csv: Path, tmp_path: Path) -> None:
    run = train(out="run")
    Path("elsewhere").mkdir()
    moved = Path(shutil.move(csv, Path("elsewhere") / "renamed.csv"))
    with pytest.raises(
        FileNotFoundError, match=r"chains.csv' does not exist; .*`xgraph evaluate run --data FILE --split"
    ):
        xgraph.evaluate(run.path)
    assert xgraph.evaluate(run.path, "test", data=moved) == pytest.approx(run.metrics["test"])
    moved.write_text(moved.read_text().replace("\nCCO,0\n", "\nCCO,1\n"))
    with pytest.raises(ValueError, match="the molecules, labels or splits of 'renamed' have changed"):
        xgraph.evaluate(run.path, "test", data=moved)


def test_bags(tmp_path: Path) -> None:
    rows = [f"b{b},{int(b % 3 == 0)},{b % 3 + i / 10},{i}" for b in range(30) for i in range(3)]
    table = tmp_path / "bags.csv"
    table.write_text("\n".join(["bag,label,size,mass", *rows]))
    short: dict[str, Any] = {"epochs": 2, "pretrain_epochs": 1, "hidden_channels": 4, "threads": 1}
    run = xgraph.train(table, bag_column="bag", out="run", **short)
    new = tmp_path / "new.csv"
    new.write_text(
        "note,mass,label,size,bag\n" + "\n".join(f"x,{i},{b % 2},{b},n{b}" for b in range(4) for i in (1, 2))
    )
    metrics = xgraph.evaluate(run.path, data=new, out="out")
    with Path("out/predictions-new.csv").open() as file:
        found = [(row["bag"], row["label"], float(row["label_score"])) for row in csv_module.DictReader(file)]
    assert [(bag, y) for bag, y, _ in found] == [("n0", "0"), ("n1", "1"), ("n2", "0"), ("n3", "1")]
    scores = np.array([[score] for _, _, score in found])
    assert metrics == pytest.approx(score_all(np.array([[0.0], [1.0], [0.0], [1.0]]), scores))
