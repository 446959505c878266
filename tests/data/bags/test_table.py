import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from xgraph.data import BagDataset, LabelRules, load, read_bags
from xgraph.data.objects import settings_of
from xgraph.data.recognise import recognise
from xgraph.data.splits.own import OwnSplit

TABLE = "bag,label,size,mass\nx,1,1,2\ny,0,3,4\nx,1,5,6\nz,,7,8\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "own.csv"


def read(file: Path, text: str | bytes, **options: Any) -> BagDataset:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_bags(file, **options)


def test_bags_in_any_order(file: Path) -> None:
    data = read(file, TABLE)
    assert (data.name, data.bag_names, data.task_names) == ("own", ["x", "y", "z"], ["label"])
    assert (data.feature_names, data.row.tolist(), data.instance_row) == (["size", "mass"], [0, 1, 3], None)
    np.testing.assert_equal(data.y.numpy(), [[1], [0], [np.nan]])
    assert data[0].x.tolist() == [[1, 2], [5, 6]]
    assert data[0].instance.tolist() == [0, 2]


@pytest.mark.parametrize(
    "text",
    [
        TABLE.replace("\n", "\r\n"),
        "\ufeff" + TABLE,
        TABLE.replace(",", ";"),
        TABLE.replace(",", "\t"),
        gzip.compress(TABLE.encode(), mtime=0),
        TABLE.replace("bag,label", "Bag ID,Y"),
        TABLE.replace(",1,", ",true,").replace(",0,", ",False,"),
        TABLE.replace(",0,", ",-1,"),
        TABLE.replace("z,,", "z,NaN,"),
        TABLE.rstrip("\n"),
        TABLE.replace("x,1,1", "x,,1"),  # one row of a bag may say it for all
        TABLE.replace("x,", '"x",'),
        TABLE.replace("x,", " x ,"),
    ],
    ids=range(13),
)
def test_equivalent_tables(file: Path, text: str | bytes) -> None:
    data, want = read(file, text), read(file, TABLE)
    assert data.bag_names == want.bag_names
    np.testing.assert_equal(data.y.numpy(), want.y.numpy())
    assert torch.equal(data.batch([0, 1, 2]).x, want.batch([0, 1, 2]).x)


def test_names_of_bags_are_text(file: Path) -> None:
    data = read(file, "bag,label,a\n01,1,1\n1,0,2\nNA,0,3\n1.0,1,4\n")
    assert data.bag_names == ["01", "1", "NA", "1.0"]


def test_blank_lines_count_as_rows(file: Path) -> None:
    data = read(file, "bag,label,a\nx,1,1\n\nx,1,2\n,,\ny,0,3\n\n")
    assert (data.bag_names, data.row.tolist()) == (["x", "y"], [0, 4])
    assert data.instance_row is not None
    assert data.instance_row[data.batch([0, 1]).instance].tolist() == [0, 2, 4]


def test_explicit_columns(file: Path) -> None:
    text = "patient,ill,bad,note,a,b\np,1,0,hm,1,2\nq,0,0,hm,3,4\n"
    data = read(file, text, bag_column="patient", target_columns=["bad", "ill"], feature_columns=["b", "a"])
    assert (data.task_names, data.feature_names) == (["bad", "ill"], ["b", "a"])
    assert (data.y.tolist(), data[0].x.tolist()) == ([[0, 1], [0, 0]], [[2, 1]])
    # to predict, labels are not needed, and are not looked at where none are asked for
    other = {"bag_column": "patient", "feature_columns": ["a"], "require_targets": False}
    assert read(file, text, **other).num_tasks == 0
    wrong = "bag,label,a\nx,1,1\nx,0.7,2\n"
    assert read(file, wrong, target_columns=[], feature_columns=["a"], require_targets=False).num_tasks == 0


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            "bag,label,a\nx,1,1\nx,0,2\n",
            {},
            "labels differ within bag 'x': column 'label' is 1 in data row 0 and 0 in data row 1",
        ),
        ("bag,label,a\nx,1,1\n,0,2\n", {}, "column 'bag' has no bag in 1 rows; the first is data row 1"),
        ("bag,label,a\nx,1,1\nx,1,\n", {}, "column 'a' is not in data row 1 .bag 'x'"),
        ("bag,label,a\nx,1,1\n\ny,1,nan\n", {}, "column 'a' is not in data row 2 .bag 'y'"),
        ("bag,label,a\nx,1,1\nx,1,-inf\n", {}, "column 'a' is not in data row 1 .bag 'x'"),
        ("bag,label,a\nx,1,1\nx,1,1e60\n", {}, "column 'a' is not in data row 1 .bag 'x'"),
        ("bag,label,a\nx,1,1\nx,1\n", {}, "column 'a' is not in data row 1 .bag 'x'"),
        (
            "bag,label,a\nx,1,1\n\nx,1,12b\n",
            {},
            "features must be numbers, but column 'a' contains '12b' in data row 2 .bag 'x'",
        ),
        ("bag,label,a\nx,1,1\nx,1,3,4\n", {}, "own.csv is not a valid CSV file: .*Expected 3 fields in line 2, saw 4"),
        ("bag,label,a\nx,1,1,3\nx,1,3,4\n", {}, "own.csv is not a valid CSV file"),
        ('bag,label,a\nx,1,"1\n', {}, "own.csv is not a valid CSV file"),
        (
            "bag,label,a\nx,0.5,1\n",
            {},
            "column 'label' holds a single number, 0.5, so that there is nothing to learn",
        ),
        ("bag,label,a\nx,well,1\n", {}, "column 'label' contains the text 'well'"),
        ("bag,label,a\n", {}, "has a header .bag, label, a. but no rows"),
        ("bag,label\nx,1\n", {}, "the table has no feature columns"),
        (",bag,label,a\n0,1,1,1\n", {}, "a column has no name .*'Unnamed: 0'.*row numbers written by pandas"),
        ("bag,label,a\n1,1,1\n", {"smiles_column": "smi"}, "SMILES column 'smi' does not exist"),
        ("bag,label,a,a\n1,1,1,1\n", {}, "the header repeats 'a'"),
        (b"bag,label\xe4\n", {}, "own.csv is not UTF-8 text"),
        (gzip.compress(TABLE.encode() * 100, mtime=0)[:-30], {}, "own.csv is a damaged or truncated gzip file"),
        ("", {}, "own.csv is empty"),
    ],
)
def test_invalid_arguments_are_rejected(file: Path, text: str | bytes, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(file, text, **options)


def test_frame_must_be_a_pandas_frame() -> None:
    with pytest.raises(TypeError, match="frame must be a pandas DataFrame, got dict"):
        BagDataset.from_frame({"bag": [1], "y": [1], "a": [1]})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="column names must be unique: the columns are 'bag', 'y', 'y'"):
        BagDataset.from_frame(pd.DataFrame([[1, 1, 1]], columns=["bag", "y", "y"]))


def test_columns_must_not_be_a_string(file: Path) -> None:
    with pytest.raises(TypeError, match="label columns must be a list of names, got the string 'label'"):
        read(file, TABLE, target_columns="label")


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_bags(tmp_path / "none.csv")


def test_frames() -> None:
    frame = pd.DataFrame({"bag": [3, 1, 3], "y": [1, 0, 1], "a": [1.0, 2.0, 3.0], 7: [1, 2, 3]}, index=[9, 9, 4])
    data = BagDataset.from_frame(frame, name="mine", metric="roc_auc")
    assert (data.name, data.metric, data.bag_names) == ("mine", "roc_auc", ["3", "1"])
    assert (data.feature_names, data.row.tolist()) == (["a", "7"], [0, 1])
    assert data[0].x.tolist() == [[1, 1], [3, 3]]
    data = BagDataset.from_frame(frame, bag_column="a", target_columns=["y"], feature_columns=["7"])
    assert len(data) == 3


def test_columns_without_a_name_can_be_chosen_or_stay_empty(file: Path) -> None:
    assert read(file, "bag,label,a,\nx,1,1,\ny,0,2,\n").feature_names == ["a"]
    assert read(file, ",bag,label,a\n0,x,1,1\n1,y,0,2\n", feature_columns=["a"]).feature_names == ["a"]
    frame = pd.read_csv(file)
    with pytest.raises(ValueError, match="a column has no name"):
        BagDataset.from_frame(frame)
    assert BagDataset.from_frame(frame, feature_columns=["Unnamed: 0"]).num_features == 1


def numbers(bags: int = 40) -> str:
    """A table with two rows for each bag, whose number grows by an eighth."""
    return "bag,label,size\n" + "".join(f"b{i // 2},{i // 2 / 8 - 1},{i}\n" for i in range(2 * bags))


def test_columns_of_numbers_are_regression(file: Path) -> None:
    data = read(file, numbers(), splitting=OwnSplit("stratified"))
    assert (data.task, data.metric, data.task_names) == ("regression", "rmse", ["label"])
    assert data.y[:, 0].tolist() == [i / 8 - 1 for i in range(40)]
    assert data.notes == {"label": "numbers from -1 to 3.875: regression"}
    assert [(bags // 10).bincount().tolist() for bags in data.splits.values()] == [[6] * 4, [2] * 4, [2] * 4]
    frame = pd.read_csv(file)
    assert BagDataset.from_frame(frame).task == "regression"
    two = BagDataset.from_frame(frame.assign(more=7 - frame["label"]), target_columns=["more", "label"])
    assert two.y[:2].tolist() == [[8, -1], [7.875, -0.875]]
    assert load(file, bag_column="bag", active_above=1).task == "binary"
    for settings, task in (({}, "regression"), ({"active_above": "1"}, None), ({"task": "binary"}, "binary")):
        known = {"bag_column": "bag", "target_columns": "label", **settings}
        assert recognise(file, known).task == (None if task == "binary" else task)
        assert settings_of(frame, known).get("task") == (None if task == "binary" else task)
    assert recognise(file, {"bag_column": "bag"}) == ("bag", "table of bags", "regression")


@pytest.mark.parametrize(
    ("label", "options", "text"),
    [
        ("high", {}, "regression needs numbers .* column 'label' contains the text 'high'"),
        ("inf", {}, "column 'label' contains the infinite number 'inf'"),
        ("1e40", {}, "more than a number of 32 bits can be"),
        (
            "-0.9999",
            {},
            "labels differ within bag 'b0': column 'label' is -0.999899983 in data row 0 and -1 in data row 1",
        ),
        ("-1", {"rules": LabelRules(task="binary")}, "labels must be 0, 1 or empty"),
        ("-1", {"rules": LabelRules(task="multiclass")}, "must hold classes"),
        ("-1", {"metric": "roc_auc"}, "metric must be one of rmse, mae, r2, pearson, spearman, got 'roc_auc'"),
    ],
)
def test_wrong_numbers_are_refused(file: Path, label: str, options: dict[str, Any], text: str) -> None:
    content = numbers().replace("b0,-1.0,0", f"b0,{label},0")
    with pytest.raises(ValueError, match=text):
        read(file, content, **options)


SMILES = "bag,label,smi\nx,1,CCO\nx,1,C1CC\ny,0,zzz\n\nz,0,c1ccccc1\nx,1,C\n"


def test_molecules_as_instances(file: Path) -> None:
    data = read(file, SMILES, smiles_column="smi")
    assert (data.bag_names, data.row.tolist(), data.y.tolist()) == (["x", "z"], [0, 4], [[1], [0]])
    assert [(error.row, error.smiles) for error in data.errors] == [(1, "C1CC"), (2, "zzz"), (2, "")]
    assert "no molecule of bag 'y' can be parsed" in data.errors[2].message
    assert data.instance_row is not None
    batch = data.batch([1, 0])
    assert data.instance_row[batch.instance].tolist() == [4, 0, 5]
    assert batch.batch.bincount().tolist() == [6, 3, 1]
    assert data.featurizer
    with pytest.raises(ValueError, match="none of the 1 molecules can be parsed"):
        read(file, "bag,label,smi\ny,0,zzz\n", smiles_column="smi")


def test_load_takes_a_table_of_bags(file: Path) -> None:
    rows = [f"b{i % 20},{i % 20 < 5:d},{i}" for i in range(60)]
    file.write_text("\n".join(["bag,active,a", *rows]))
    options: dict[str, Any] = {"bag_column": "bag", "target_columns": ["active"]}
    data = load(file, **options)
    assert isinstance(data, BagDataset)
    assert [(len(bags), int(data.y[bags].sum())) for bags in data.splits.values()] == [(12, 3), (4, 1), (4, 1)]
    assert list(data.splits) == ["train", "valid", "test"]

    def train(**more: Any) -> list[int]:
        return list(load(file, **options, **more).splits["train"].tolist())

    assert train(seed=5) == train() == train(split="random")
    assert train(split="random", seed=5) != train(split="random", seed=6)
    for more, text in (
        ({"split": "scaffold"}, r"split must be one of stratified, random, given for 'own', got 'scaffold'"),
        ({"fold": 1}, "the stratified split has no folds; give their number with folds"),
        ({"standardize": True}, "standardize=True needs smiles_column"),
    ):
        with pytest.raises(ValueError, match=text):
            load(file, **options, **more)
    with pytest.raises(ValueError, match="bag_column='bag' cannot be used: 'musk1' is a registered data set"):
        load("musk1", bag_column="bag")
    file.write_text(SMILES)
    data = load(file, bag_column="bag", smiles_column="smi")
    assert isinstance(data, BagDataset)
    assert data.instance_shape == ()
