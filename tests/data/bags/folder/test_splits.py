"""Splits of folders of bags, in which the bags of a case stay together."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.data.bag_folders import clam
from xgraph.data import BagDataset, load, read_bag_folder
from xgraph.data.bags.folder.labels import CASES
from xgraph.training.config.parts import assign_folds

PARTS = ("train", "valid", "test")
pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def slides(tmp_path: Path) -> Path:
    clam(tmp_path / "slides", 60, per_case=3)
    return tmp_path / "slides"


def rewrite(
    slides: Path, cells: dict[str, list[Any]], keep: tuple[str, ...] = ("case_id", "slide_id", "label")
) -> None:
    """Write the table of labels with further columns, and some of the old ones."""
    header, *lines = [line.split(",") for line in (slides / "labels.csv").read_text().splitlines()]
    chosen = [header.index(name) for name in keep]
    rows = [[*keep, *cells]]
    rows += [
        [*(line[i] for i in chosen), *(str(column[row]) for column in cells.values())] for row, line in enumerate(lines)
    ]
    (slides / "labels.csv").write_text("\n".join(map(",".join, rows)))


def parts(data: BagDataset) -> dict[str, list[int]]:
    return {name: bags.tolist() for name, bags in data.splits.items()}


def check_cases(data: BagDataset) -> None:
    assert data.cases is not None
    cases = [{data.cases[i] for i in bags} for bags in data.splits.values()]
    assert sum(map(len, cases)) == len(set.union(*cases))


@pytest.mark.parametrize(
    "options", [{}, {"split": "random"}, {"folds": 4, "fold": 2}, {"folds": 5, "fold": 0, "seed": 1}]
)
def test_cases_stay_together_whatever_the_order_of_rows(slides: Path, options: dict[str, Any]) -> None:
    data = load(slides, **options)
    check_cases(data)
    assert sorted(bag for bags in parts(data).values() for bag in bags) == list(range(60))
    for bags in data.splits.values():
        assert 0.2 < float(data.y[bags].mean()) < 0.6, "every part has its share of positives"
    lines = (slides / "labels.csv").read_text().splitlines()
    (slides / "labels.csv").write_text("\n".join([lines[0], *reversed(lines[1:])]))
    assert parts(load(slides, **options)) == parts(data)
    if options.get("split") == "random":
        assert parts(load(slides, split="random", seed=7)) != parts(data)


def test_columns_of_cases(slides: Path) -> None:
    for name in CASES:
        rewrite(slides, {name: [i // 6 for i in range(60)]}, keep=("slide_id", "label"))
        assert load(slides).cases == [str(i // 6) for i in range(60)]
    rewrite(slides, {"ward": ["" if i < 6 else i // 6 for i in range(60)]}, keep=("slide_id", "label"))
    assert load(slides).cases is None
    data = load(slides, case_column="ward")
    check_cases(data)
    assert len(set(data.cases)) == 15, "a bag without a case is a case of its own"


def test_a_column_of_the_table_defines_the_parts_unless_another_way_is_given(slides: Path) -> None:
    words = [("train", "Validation", "TEST", "", "train")[i // 3 % 5] for i in range(60)]
    rewrite(slides, {"split": words})
    with pytest.warns(
        UserWarning, match="slides: bags in no part, as their split is blank or not listed: 12; the first"
    ):
        data = load(slides)
    assert parts(data) == {
        "train": [i for i in range(60) if words[i] == "train"],
        "valid": [i for i in range(60) if words[i] == "Validation"],
        "test": [i for i in range(60) if words[i] == "TEST"],
    }
    with pytest.warns(UserWarning, match="in no part"):
        assert parts(read_bag_folder(slides)) == parts(data)
    assert len(load(slides, split="stratified").splits["train"]) > 30
    assert len(load(slides, folds=3, fold=1).splits["test"]) in (18, 21)
    rewrite(slides, {"part": ["train"] * 30 + ["test"] * 30})
    data = load(slides, split_column="part", valid_fraction=0.3)
    check_cases(data)
    assert data.splits["test"].tolist() == list(range(30, 60))
    assert 6 <= len(data.splits["valid"]) <= 12
    assert read_bag_folder(slides).splits == {}
    assert len(load(slides, split="whole").splits["test"]) == 60
    rewrite(slides, {"split": [i // 3 % 4 for i in range(60)]})
    with pytest.raises(ValueError, match="has fold numbers, 0 to 3: choose the one to test on with fold"):
        load(slides)
    assert parts(load(slides, fold=3))["valid"] == [i for i in range(60) if i // 3 % 4 == 0]
    rewrite(slides, {"split": ["in", "out"] * 30})
    with pytest.raises(ValueError, match="split_column 'split' has 'in' in data row 0; expected train, valid"):
        load(slides)


def test_parts_of_a_table_without_cases(slides: Path) -> None:
    rewrite(slides, {"split": ["train", "test", "valid"] * 20}, keep=("slide_id", "label"))
    assert load(slides).splits["valid"].tolist() == [*range(2, 60, 3)]


def test_a_case_in_two_parts_is_told(slides: Path) -> None:
    rewrite(slides, {"split": ["train"] * 40 + ["valid"] * 10 + ["test"] * 10})
    with pytest.warns(
        UserWarning,
        match="cases with bags in several parts, .*: 2; the first is 'patient_13': 'slide_39' is in train, 's",
    ):
        load(slides)


def test_tables_and_files_that_define_the_parts(slides: Path, tmp_path: Path) -> None:
    header, *lines = (slides / "labels.csv").read_text().splitlines()
    for name, rows in (("one", lines[:30]), ("two", lines[30:45]), ("three", lines[45:])):
        (tmp_path / f"{name}.csv").write_text("\n".join([header, *rows]))
    data = load(slides, labels=tmp_path / "one.csv", valid=tmp_path / "two.csv", test=tmp_path / "three.csv")
    assert parts(data) == {"train": [*range(30)], "valid": [*range(30, 45)], "test": [*range(45, 60)]}
    (tmp_path / "three.csv").write_text("\n".join([header, *lines[44:]]))
    with pytest.raises(ValueError, match="bag 'slide_44' is in two parts, valid and test"):
        load(slides, labels=tmp_path / "one.csv", valid=tmp_path / "two.csv", test=tmp_path / "three.csv")
    np.savez(tmp_path / "rows.npz", train=np.arange(30), val=np.arange(30, 45), test=np.arange(45, 60))
    assert parts(load(slides, split_file=tmp_path / "rows.npz")) == parts(data)
    names = [f"slide_{i:02d}" for i in range(60)]
    columns = [names[:30], names[30:45], names[45:]]
    rows = [",".join([str(i), *(column[i] if i < len(column) else "" for column in columns)]) for i in range(30)]
    splits = tmp_path / "splits_0.csv"  # as CLAM writes it
    splits.write_text("\n".join([",train,val,test", *rows]))
    assert parts(load(slides, split_file=splits)) == parts(data)
    splits.write_text("train,val,test\nslide_01.svs,slide_03,slide_06\nslide_02,gone,slide_07\n")
    with pytest.warns(UserWarning, match="slides: bags") as caught:
        data = load(slides, split_file=splits)
    assert parts(data) == {"train": [1, 2], "valid": [3], "test": [6, 7]}
    assert [str(one.message).split(";")[0] for one in caught] == [
        "slides: bags that splits_0.csv lists but have no file: 1",
        "slides: bags in no part, as their split is blank or not listed: 55",
    ]
    splits.write_text("train,val,test\nslide_01,slide_01,\n")
    with pytest.raises(ValueError, match="split_file: bag 'slide_01' is in both parts 'train' and 'valid' of"):
        load(slides, split_file=splits)


def test_classes_in_words(slides: Path) -> None:
    subtypes = [("LUAD", "LUSC", "normal_tissue")[i // 3 % 3] for i in range(60)]
    rewrite(slides, {"label": subtypes}, keep=("case_id", "slide_id"))
    with pytest.raises(ValueError, match="its cells are 'LUAD', 'LUSC', 'normal_tissue': say which one"):
        load(slides)
    data = load(slides, task="multiclass")
    assert (data.task, data.task_names, data.metric) == ("multiclass", ["LUAD", "LUSC", "normal_tissue"], "accuracy")
    assert [data.task_names[i] for i in data.y.argmax(1)] == subtypes
    check_cases(data)
    assert all(set(data.y[bags].argmax(1).tolist()) == {0, 1, 2} for bags in data.splits.values())
    data = load(slides, positive="LUSC")
    assert data.y[:, 0].tolist() == [float(word == "LUSC") for word in subtypes]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cases=st.lists(st.integers(0, 6), min_size=12, max_size=12), seed=st.integers(0, 99))
def test_any_cases_stay_together(tmp_path: Path, cases: list[int], seed: int) -> None:
    data = BagDataset(torch.ones(12, 2), bag=np.arange(12), y=np.arange(12) % 2, cases=[f"c{case}" for case in cases])
    folds = assign_folds(data.y.numpy(), 3, data.cases)
    assert all(len({int(folds[i]) for i in range(12) if cases[i] == case}) == 1 for case in set(cases))
    from xgraph.data.bags.folder.problems import Problems
    from xgraph.data.bags.folder.splits import split_folder
    from xgraph.data.splits.own import OwnSplit

    data.splits = split_folder(data, None, OwnSplit("random", seed=seed), Problems("slides"))
    check_cases(data)
    assert sum(map(len, data.splits.values())) == 12
