"""Runs on parts and folds of one's own."""

import csv as csv_module
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import xgraph
from tests.training.fit.test_train import interrupted
from xgraph.options import OptionError
from xgraph.training.fit.train import Interrupted

Train = Callable[..., xgraph.Run]
OWN: dict[str, Any] = {"split": None}  # the usual settings of these tests draw a random split


def table(path: Path, rows: range, part: Callable[[int], str] | None = None) -> Path:
    """Carbon chains with one of three ends; every third is an amine."""
    lines = [f"{'C' * (i // 3 + 1)}{'OCN'[i % 3]},{int(i % 3 == 2)}" + (f",{part(i)}" if part else "") for i in rows]
    path.write_text("\n".join(["smiles,amine" + (",part" if part else ""), *lines]))
    return path


def predictions(run: xgraph.Run) -> list[dict[str, str]]:
    with (run.path / "predictions.csv").open() as file:
        return list(csv_module.DictReader(file))


def words(i: int) -> str:
    return "" if i == 7 else ("train", "Train", "val", "test")[i // 3 % 4]


def test_a_split_column(train: Train, tmp_path: Path) -> None:
    path = table(tmp_path / "own.csv", range(60), words)
    run = train(dataset=path, out="run", split_column="part", **OWN)
    rows = predictions(run)
    assert [int(row["row"]) for row in rows if row["split"] == "test"] == [i for i in range(60) if words(i) == "test"]
    assert "file" not in rows[0]
    again = xgraph.train(config="run/config.toml", out="again")
    assert again.metrics["test"] == pytest.approx(run.metrics["test"])


def test_further_files(train: Train, tmp_path: Path) -> None:
    one, two, three = (table(tmp_path / f"{name}.csv", rows) for name, rows in
                       (("a", range(30)), ("b", range(30, 45)), ("c", range(45, 60))))  # fmt: skip
    run = train(dataset=one, valid=two, test=three, out="run", **OWN)
    places = [(row["split"], row["file"], row["row"]) for row in predictions(run)]
    assert places == [(part, file, str(i)) for part, file in (("valid", "b.csv"), ("test", "c.csv")) for i in range(15)]
    assert Path(run.config.test or "").is_absolute() or run.config.test == str(three)
    assert xgraph.evaluate("run") == pytest.approx(run.metrics["test"])


def test_parts_that_are_missing(train: Train, tmp_path: Path) -> None:
    one, two = table(tmp_path / "a.csv", range(45)), table(tmp_path / "b.csv", range(45, 60))
    with pytest.raises(ValueError, match=r"'a' has no validation part, .* \(--valid FILE, .* \(--valid-fraction 0.1\)"):
        train(dataset=one, test=two, out="run", **OWN)
    drawn = train(dataset=one, test=two, valid_fraction=0.2, out="drawn", **OWN)
    assert [row["split"] for row in predictions(drawn)] == ["valid"] * 9 + ["test"] * 15
    last = train(dataset=one, test=two, keep="last", out="last", **OWN)
    assert "valid" not in last.metrics
    no_test = train(dataset=one, valid=two, out="no_test", **OWN)
    assert "test" not in no_test.metrics
    assert {row["split"] for row in predictions(no_test)} == {"valid"}
    with pytest.raises(ValueError, match="expected a part of 'a': train, valid"):
        xgraph.evaluate("no_test")
    everything = table(tmp_path / "c.csv", range(60), lambda i: "train")
    with pytest.raises(ValueError, match=r"'c' has no .* part .*change the parts in column 'part'"):
        train(dataset=everything, split_column="part", keep="last", out="run", **OWN)
    assert not Path("run").exists()


def test_a_part_of_ones_own_with_one_class(train: Train, tmp_path: Path) -> None:
    path = table(
        tmp_path / "own.csv", range(60), lambda i: "valid" if i % 3 == 0 and i > 30 else ("train", "test")[i % 2]
    )
    with pytest.raises(
        ValueError,
        match=r"in the validation part, .*\(positives of 'amine': 10 of 26 in train, 0 of 9 in valid, 10 of 25 in "
        r"test\); change the parts in column 'part'; or keep the last epoch",
    ):
        train(dataset=path, split_column="part", out="run", **OWN)


def test_contradictions_are_wrong_usage() -> None:
    for settings, message in (
        ({"split_column": "part", "folds": 5}, "split_column, folds: each of them defines the parts"),
        ({"stratified": True}, "stratified=True needs folds"),
        ({"folds": 2}, "folds"),
        ({"split": "random", "test": "b.csv"}, "split='random' cannot be used with test"),
    ):
        with pytest.raises(OptionError, match=message):
            xgraph.train("a.csv", out="run", **settings)


def test_folds_of_a_column_and_their_consumers(train: Train, tmp_path: Path) -> None:
    path = table(tmp_path / "own.csv", range(60), lambda i: str(1 + i // 3 % 4))
    with pytest.raises(ValueError, match=r"column 'part' has fold numbers, 1 to 4: choose"):
        train(dataset=path, split_column="part", out="run", **OWN)
    run = train(dataset=path, split_column="part", fold="all", out="run", **OWN)
    assert [fold.path.name for fold in run.folds] == ["fold_1", "fold_2", "fold_3", "fold_4"]
    tested = [int(row["row"]) for fold in run.folds for row in predictions(fold) if row["split"] == "test"]
    assert sorted(tested) == list(range(60))
    assert xgraph.evaluate("run") == pytest.approx({k: run.metrics["test"][k] for k in xgraph.evaluate("run")})
    assert len(xgraph.predict("run", ["CCN", "CCO"])) == 2


def test_a_fold_with_one_class_is_refused_before_the_first_is_trained(train: Train, tmp_path: Path) -> None:
    path = table(tmp_path / "own.csv", range(60), lambda i: str(3 if i % 3 == 0 and i > 30 else i // 3 % 3))
    with pytest.raises(
        ValueError, match=r"fold 2: dataset: no task of 'own' has both labels, .* in the validation part"
    ):
        train(dataset=path, split_column="part", fold="all", out="run", **OWN)
    assert not Path("run").exists()


def test_folds_of_a_frame_and_evaluation_on_objects(train: Train, tmp_path: Path) -> None:
    frame = pd.read_csv(table(tmp_path / "own.csv", range(60), lambda i: str(i // 3 % 3)))
    run = train(dataset=frame, split_column="part", fold="all", out="run", **OWN)
    assert [fold.path.name for fold in run.folds] == ["fold_0", "fold_1", "fold_2"]
    assert xgraph.evaluate("run", "test", data=frame)["ap"] == pytest.approx(run.metrics["test"]["ap"])
    with pytest.raises(ValueError, match=r"evaluate\(run, 'test', data=data\)"):
        xgraph.evaluate("run")
    data = xgraph.data.load(frame, target_columns=["amine"], split="random")
    one = train(dataset=data, out="one", **OWN)
    assert xgraph.evaluate("one", "test", data=data) == pytest.approx(one.metrics["test"])


@pytest.mark.parametrize("folds", [False, True])
def test_a_run_resumes_on_data_that_moved(train: Train, csv: Path, folds: bool) -> None:
    settings = {"folds": 3, "fold": "0-1"} if folds else {}
    whole = train(out="whole", **settings)
    with interrupted(1, KeyboardInterrupt(), run=2 if folds else 1), pytest.raises(Interrupted):
        train(out="run", **settings)
    Path("elsewhere").mkdir()
    moved = shutil.move(csv, Path("elsewhere") / "renamed.csv").resolve()
    with pytest.raises(FileNotFoundError, match=r"chains.csv' does not exist; .*`xgraph train FILE --resume --out run"):
        xgraph.train(out="run", resume=True)
    run = xgraph.train(moved, out="run", resume=True)
    assert run.metrics["test"]["ap"] == pytest.approx(whole.metrics["test"]["ap"])
    configs = [run.config, *(fold.config for fold in run.folds)]
    assert {config.dataset for config in configs} == {str(moved)}
    moved.write_text(moved.read_text().replace("\nCCO,0\n", "\nCCO,1\n"))
    if not folds:
        with pytest.raises(ValueError, match="have changed since"):
            xgraph.train(moved, out="run", resume=True, epochs=3)
        with pytest.raises(OptionError, match="cannot become 'nci-pains'"):
            xgraph.train("nci-pains", out="run", resume=True)
