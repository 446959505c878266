"""Folders of bags as data sets: what is read, and what is left out with a warning."""

import multiprocessing
import os
import pickle
import warnings
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.data.bag_folders import LOCATED, WRITERS, clam
from xgraph.data import BagDataset, instance_statistics, load, read_bag_folder
from xgraph.data.bags.folder.store import FolderStore
from xgraph.data.recognise import recognise


@pytest.fixture(autouse=True)
def _no_unexpected_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_a_folder_of_clam(tmp_path: Path) -> None:
    content = clam(tmp_path / "slides")
    data = read_bag_folder(tmp_path / "slides")
    assert (
        repr(data) == f"BagDataset('slides', bags=30, instances={sum(map(len, content.values()))}, features=6, tasks=1)"
    )
    assert data.bag_names == list(content)
    assert data.y[:, 0].tolist() == [float(i // 2 % 3 == 0) for i in range(30)]
    assert data.task_names == ["label"]
    for i, x in enumerate(content.values()):
        np.testing.assert_array_equal(data[i].x, x)
    rows = (data.bag_ptr[[4, 2]] + 1, torch.tensor([0, 1]))
    np.testing.assert_array_equal(data.batch([4, 2], rows).x, [content["slide_04"][1], content["slide_02"][1]])
    assert isinstance(data.store, FolderStore)
    coords = data.store.coords(3)
    assert coords is not None
    assert coords.shape == (len(content["slide_03"]), 2)


def test_a_table_of_numbers_is_regression(tmp_path: Path) -> None:
    folder = tmp_path / "slides"
    content = clam(folder, 40, labels=False)
    rows = [f"{name},{i // 2},{i / 8 - 1},{7 * i % 40}" for i, name in enumerate(content)]
    (folder / "labels.csv").write_text("\n".join(["slide_id,case_id,survival,patches", *rows]))
    assert recognise(folder, {"target_columns": "survival"}) == ("bag", "folder of bags", "regression")
    data = load(folder, target_columns=["survival"])
    assert isinstance(data, BagDataset)
    assert (data.task, data.metric, data.y[:2].tolist()) == ("regression", "rmse", [[-1], [-0.875]])
    assert data.notes == {"survival": "numbers from -1 to 3.875: regression"}
    assert [len(bags) for bags in data.splits.values()] == pytest.approx([24, 8, 8], abs=4)
    means = [float(data.y[bags].mean()) for bags in data.splits.values()]
    assert max(means) - min(means) < 1
    with pytest.raises(ValueError, match="2 columns hold numbers"):
        load(folder)
    assert recognise(folder, {}).task is None


def test_every_format_in_one_folder(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    bags = {}
    for number, (form, (ending, write)) in enumerate(WRITERS.items()):
        bags[form] = random.normal(size=(number + 1, 3)).astype(np.float16)
        write(tmp_path / f"{form}{ending}", bags[form], np.zeros((number + 1, 2)))
    (tmp_path / "labels.tsv").write_text("bag\tlabel\n" + "".join(f"{form}\t1\n" for form in bags))
    data = read_bag_folder(tmp_path)
    assert data.bag_names == sorted(bags)
    for i, form in enumerate(data.bag_names):
        np.testing.assert_array_equal(data[i].x, bags[form].astype(np.float32))
    assert data.store.located == [2 * (name in LOCATED) for name in data.bag_names]


def test_names_of_the_columns_and_endings_of_slides(tmp_path: Path) -> None:
    for name in ("a.1", "b"):
        np.save(tmp_path / f"{name}.npy", np.ones((2, 3)))
    for header, cells in (
        ("bag,label", ("a.1", "b")),
        ("slide_id,y", ("a.1.svs", "b.NDPI")),
        ("id,Slide,target", ("1,C:\\x\\a.1.tiff", "2,/data/b.h5")),
        ("name,bag,class", ("zero,a.1", "one,b")),
    ):
        (tmp_path / "t.csv").write_text(f"{header}\n{cells[1]},0\n{cells[0]},1\n")
        data = read_bag_folder(tmp_path, tmp_path / "t.csv")
        assert (data.bag_names, data.y[:, 0].tolist(), data.row.tolist()) == (["a.1", "b"], [1, 0], [1, 0])
    (tmp_path / "t.csv").write_text("tray,grade,x\nb,1,0\na.1,,1\n")
    data = read_bag_folder(tmp_path, tmp_path / "t.csv", bag_column="tray", target_columns=["x", "grade"])
    assert data.task_names == ["x", "grade"]
    np.testing.assert_array_equal(data.y, [[1, np.nan], [0, 1]])


def warned(folder: Path) -> tuple[BagDataset, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = read_bag_folder(folder)
    return data, [str(one.message) for one in caught]


def test_what_is_left_out_is_counted_with_the_first_example(tmp_path: Path) -> None:
    folder = tmp_path / "slides"
    content = clam(folder, 12)
    h5 = folder / "h5_files"
    (h5 / "slide_00.h5").write_bytes((h5 / "slide_00.h5").read_bytes()[:2000])
    np.save(folder / "extra.npy", np.zeros((3, 6)))
    np.save(folder / "other.npy", np.zeros((3, 6)))
    (folder / "pt_files").mkdir()
    torch.save(torch.zeros(9, 6), folder / "pt_files" / "slide_02.pt")
    for name, x in (
        ("slide_03", np.zeros((2, 7))),
        ("slide_04", np.full((5, 6), np.nan)),
        ("slide_05", np.zeros((0, 6))),
    ):
        (h5 / f"{name}.h5").unlink()
        np.save(folder / f"{name}.npy", x)
    with h5py.File(h5 / "slide_06.h5", "a") as file:
        del file["coords"]
        file["coords"] = np.zeros((1, 2))
    with (folder / "labels.csv").open("a") as table:
        table.write("patient_9,gone,1\npatient_9,away,0\n,slide_07,\n,slide_08,1\n\n,,1\n")
    data, messages = warned(folder)
    assert data.bag_names == ["slide_01", "slide_02", *(f"slide_{i:02d}" for i in (6, 7, 9, 10, 11))]
    np.testing.assert_array_equal(data[1].x, content["slide_02"])
    assert data.reported
    assert [text.removeprefix("slides: ") for text in messages] == [
        "bags that have labels but no file: 2; the first is 'gone' (data row 12 of labels.csv)",
        "rows that repeat a bag: 2; the first is 'slide_07' in data rows 7 and 14 of labels.csv",
        "labels of no bag: 1; the first is data row 17 of labels.csv",
        "bags left out because their labels differ: 1; the first is 'slide_08': its labels differ in data rows 8 and "
        "15 of labels.csv",
        "files left out because labels.csv has no label for them: 2; the first is extra.npy",
        next(
            text for text in messages if "files that cannot be used: 3; the first is slide_00.h5: it is not a" in text
        ).removeprefix("slides: "),
        "bags with several files: 1; the first is 'slide_02', read from h5_files/slide_02.h5 and not from "
        "pt_files/slide_02.pt",
        "bags whose coordinates do not fit and are not used: 1; the first is slide_06.h5: shape [1, 2] for "
        f"{len(content['slide_06'])} instances",
        "bags left out because their instances have another shape than most: 1; the first is slide_03.npy: its "
        "instances have shape [7], those of most bags [6]",
    ]
    assert {error.row: error.smiles for error in data.errors} == {
        **{0: "slide_00", 3: "slide_03", 4: "slide_04", 5: "slide_05", 8: "slide_08", 12: "gone", 13: "away"},
    }
    assert data.errors[2].message == "row 0 of its features is not finite"
    assert data.store.coords(2) is None


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (None, "has no table of labels: expected labels.csv in it"),
        (
            "slide_id,label\nx,1\n",
            "no bag of .*labels.csv has a file: its column 'slide_id' has 'x', and the files",
        ),
        ("tray,label\na,1\n", "no column that names the bags, such as 'bag' or 'slide_id': the columns are 'tray', 'l"),
        ("bag,stain\na,HE\n", "labels must be 0, 1 or empty .missing., but column 'stain' contains the text 'HE'"),
        ("bag,label\na,2.5\n", "column 'label' holds a single number, 2.5"),
        (
            "bag,label\nbroken,1\n",
            "no bag of .* can be used: .*files that cannot be used: 1, such as broken.npy: it",
        ),
    ],
)
def test_what_cannot_be_read_at_all(tmp_path: Path, table: str | None, words: str) -> None:
    np.save(tmp_path / "a.npy", np.zeros((2, 3)))
    (tmp_path / "broken.npy").write_bytes(b"no array")
    if table is not None:
        (tmp_path / "labels.csv").write_text(table)
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        read_bag_folder(tmp_path)


def test_no_folder_and_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="folder '.*none' does not exist"):
        read_bag_folder(tmp_path / "none")
    (tmp_path / "features").mkdir()
    (tmp_path / ".hidden.h5").touch()
    with pytest.raises(ValueError, match=r"has no files of bags: .*\(.h5, .*; its subfolders are features"):
        read_bag_folder(tmp_path)


def test_statistics_and_hashes_come_from_a_single_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = clam(tmp_path / "slides")
    for name in ("slide_03", "slide_04"):
        with h5py.File(tmp_path / "slides" / "h5_files" / f"{name}.h5", "a") as file:
            file["features"][:, 1] = 0.1
            content[name] = file["features"][()]
    data = read_bag_folder(tmp_path / "slides")
    chosen = torch.tensor([3, 7, 4])
    x = np.concatenate([content[data.bag_names[i]] for i in chosen])
    mean, std = instance_statistics(data, chosen)
    np.testing.assert_allclose(mean, x.mean(0), rtol=1e-5)
    np.testing.assert_allclose(std, x.std(0), rtol=1e-5)
    assert instance_statistics(data, torch.tensor([3, 4]))[1][1] == 1, "a constant feature is not divided by rounding"
    monkeypatch.setattr("xgraph.data.bags.folder.content._summarise", None)  # would be called to read a file again
    again = read_bag_folder(tmp_path / "slides")
    assert again.store.digests() == data.store.digests()
    monkeypatch.undo()
    moved = (tmp_path / "slides").rename(tmp_path / "moved")
    for path in moved.rglob("*.h5"):
        copy = path.with_suffix(".copy")
        copy.write_bytes(path.read_bytes())
        copy.replace(path)
    assert read_bag_folder(moved).store.digests() == data.store.digests()
    with h5py.File(moved / "h5_files" / "slide_00.h5", "a") as file:
        file["features"][0, 0] += 1
    digests = read_bag_folder(moved).store.digests() or []
    assert [i for i, (a, b) in enumerate(zip(digests, data.store.digests() or [], strict=True)) if a != b] == [0]


def _sum_in_child(data: BagDataset, queue: "multiprocessing.Queue[float]") -> None:
    torch.set_num_threads(1)  # as workers of a DataLoader do: threads of OpenMP do not survive a fork
    queue.put(float(data.batch([0, 5]).x.sum()))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_files_are_opened_anew_in_another_process(tmp_path: Path, method: str) -> None:
    content = clam(tmp_path, 6)
    data = read_bag_folder(tmp_path)
    data.batch([0, 5])
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking a process with threads
        child = context.Process(target=_sum_in_child, args=(data, queue))
        child.start()
    assert queue.get(timeout=120) == pytest.approx(
        float(content["slide_00"].sum() + content["slide_05"].sum()), abs=1e-4
    )
    child.join()
    assert len(pickle.dumps(data.store.bags)) < 2000


def test_few_files_are_open_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clam(tmp_path, 30)
    data = read_bag_folder(tmp_path)
    monkeypatch.setattr(data.store.bags, "most", 3)
    before = len(os.listdir("/proc/self/fd"))
    for bag in range(30):
        data.batch([bag])
    assert len(os.listdir("/proc/self/fd")) <= before + 3


def test_a_file_that_changes_is_an_error(tmp_path: Path) -> None:
    clam(tmp_path, 4)
    data = read_bag_folder(tmp_path)
    (tmp_path / "h5_files" / "slide_02.h5").unlink()
    with pytest.raises(ValueError, match=r"slide_02.h5: the file is not there any more"):
        data.batch([2])
    np.save(tmp_path / "h5_files" / "slide_01.npy", np.zeros((99, 6)))
    data.store.bags.paths[1] = tmp_path / "h5_files" / "slide_01.npy"
    with pytest.raises(ValueError, match=r"slide_01.npy: the file has changed: its features now have shape \[99, 6\]"):
        data.batch([1])


def test_options_that_do_not_apply(tmp_path: Path) -> None:
    clam(tmp_path / "slides", 4)
    for options, words in (
        ({"feature_columns": ["a"]}, "is a folder of bags, whose features are in its files"),
        ({"split": "scaffold"}, "split must be one of stratified, random, given"),
        ({"fold": 1}, "the stratified split has no folds"),
        ({"case_column": "nobody"}, "case column 'nobody' does not exist: the columns are 'case_id'"),
        ({"bag_column": "case_id"}, "no bag of .* has a file: its column 'case_id' has 'patient_0'"),
    ):
        with pytest.raises(ValueError, match=words):
            load(tmp_path / "slides", **options)
    with pytest.raises(ValueError, match="labels='x.csv' cannot be used: it is for a folder of bags"):
        load("nci-pains", labels="x.csv")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(st.tuples(st.sampled_from("abcde "), st.sampled_from(["0", "1", "", "x", "nan"])), max_size=8))
def test_any_table_of_labels_is_read_or_refused(tmp_path: Path, cells: list[tuple[str, str]]) -> None:
    for name in "abc":
        np.save(tmp_path / f"{name}.npy", np.ones((2, 3)))
    (tmp_path / "labels.csv").write_text("bag,label\n" + "".join(f"{bag},{label}\n" for bag, label in cells))
    try:
        data, messages = warned(tmp_path)
    except ValueError:
        return
    assert set(data.bag_names) <= {"a", "b", "c"}
    for name, (label,) in zip(data.bag_names, data.y.tolist(), strict=True):
        known = {text for bag, text in cells if bag == name and text in ("0", "1")}
        assert known == (set() if label != label else {f"{label:g}"})
    lost = {bag for bag, _ in cells if bag.strip()} - set(data.bag_names)
    assert lost == {error.smiles for error in data.errors}
    assert bool(lost) <= bool(messages)
