"""Reading of a folder of bags: one file per bag, and a table of labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from xgraph.data.bags.dataset import BagDataset
from xgraph.data.bags.folder.content import Content, content_of
from xgraph.data.bags.folder.files import LABELS, BagFile, bag_files, labels_table
from xgraph.data.bags.folder.formats import DAMAGED
from xgraph.data.bags.folder.labels import read_bag_labels
from xgraph.data.bags.folder.opened import OpenBags
from xgraph.data.bags.folder.problems import Problems
from xgraph.data.bags.folder.splits import split_folder
from xgraph.data.bags.folder.store import FolderStore
from xgraph.data.labels.rules import LabelRules
from xgraph.data.splits.own import OwnSplit
from xgraph.data.storage.root import Progress
from xgraph.data.storage.root import root as root_folder

_USUAL = LabelRules()


class _Opened(NamedTuple):
    """A bag that can be read."""

    file: BagFile
    shape: tuple[int, ...]
    located: int
    content: Content


def read_bag_folder(
    folder: str | Path,
    labels: str | Path | None = None,
    *,
    bag_column: str | None = None,
    target_columns: Sequence[str] | None = None,
    case_column: str | None = None,
    rules: LabelRules = _USUAL,
    splitting: OwnSplit | None = None,
    name: str | None = None,
    metric: str | None = None,
    root: str | Path | None = None,
    progress: Progress | None = None,
    separator: str | None = None,
    encoding: str | None = None,
) -> BagDataset:
    r"""Read a folder with one file per bag and a table of labels, such as the slides of a pathologist.

    The features stay on disk, and only the rows of a batch are read. Each file is read once as a whole when it is first
    used, to check that its numbers are finite and to compute their mean, deviation and hash. These are kept in the data
    root until the file changes.

    Args:
        folder: The folder. Its files are named like the bags, in the folder itself or in the subfolders ``h5_files``
            and ``pt_files`` of CLAM: ``.h5`` with the datasets ``features`` and, if known, ``coords``; ``.npy``;
            ``.npz`` with the same names; or ``.pt`` with a tensor, or a dictionary of tensors with the same names. The
            features of a bag have the shape ``[instances, features]`` or ``[instances, channels, height, width]``. If a
            bag has several files, the first kind in this order is read.
        labels: The table of labels, with one row per bag; by default ``labels.csv`` in the folder.
        bag_column: Its column that names the bags; by default one called ``bag``, ``slide_id``, ``slide`` or similar
            whose cells are names of files. Endings such as ``.svs`` are ignored.
        target_columns: Its columns with labels; by default the one called ``label``, ``y`` or ``target``, else all that
            hold nothing but labels.
        case_column: Its column that says which bags belong together, such as the slides of a patient; by default one
            called ``case``, ``case_id`` or ``patient``.
        rules: Which cells mean active, inactive and missing, if not the usual ones.
        splitting: How to split the bags, with the bags of a case together; by default by the column ``split`` of the
            table, if there is one.
        name: Name of the data set; by default that of the folder.
        metric: Metric for model selection; by default ap, accuracy for classes, rmse for numbers, r2 for several.
        root: Data root, which keeps what was computed; by default ``XGRAPH_ROOT`` or ``~/.cache/xgraph``.
        progress: Called with ``(done, total, description)``.
        separator: What separates the cells of the table of labels; by default it is recognised.
        encoding: Encoding of the table of labels; by default UTF-8, or UTF-16 if the file has a byte-order mark.

    Returns:
        The bags that have a label and a file that can be read, by name. `row` is the row of each bag in the table,
        `cases` its case, and `errors` lists the rows whose bag is left out. Whatever is left out is counted in a
        warning, with the first example.

    Raises:
        FileNotFoundError: If the folder or the table does not exist.
        ValueError: If the folder has no files of bags, the table lacks a column, or no bag can be used.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> folder = Path(tempfile.mkdtemp())
        >>> for bag, size in (("a", 3), ("b", 2)):
        ...     np.save(folder / f"{bag}.npy", np.ones((size, 4), dtype="float16"))
        >>> _ = (folder / "labels.csv").write_text("bag,label\nb,1\na,0\n")
        >>> data = read_bag_folder(folder, name="two")
        >>> data, data.bag_names, data.row.tolist()
        (BagDataset('two', bags=2, instances=5, features=4, tasks=1), ['a', 'b'], [1, 0])
    """
    folder = Path(folder).expanduser()
    files = {file.name: file for file in bag_files(folder)}
    table = labels_table(folder) if labels is None else Path(labels).expanduser()
    if table is None:
        raise FileNotFoundError(
            f"{folder} has no table of labels: expected {LABELS[0]} in it with the columns bag and label, or name the "
            "table with labels (--labels FILE)"
        )
    problems = Problems(folder.resolve().name)
    labelled = read_bag_labels(
        table,
        files,
        problems,
        bag_column=bag_column,
        target_columns=target_columns,
        case_column=case_column,
        rules=rules,
        separator=separator,
        encoding=encoding,
        splitting=OwnSplit() if splitting is None else splitting,
    )
    for file in files.values():
        if file.name not in labelled.row and not any(error.smiles == file.name for error in problems.errors):
            problems.add(f"files left out because {table.name} has no label for them", file.path.name)
    opened = _open([files[bag] for bag in sorted(labelled.row)], labelled.row, problems, root_folder(root), progress)
    if not opened:
        raise ValueError(f"no bag of {folder} can be used: {problems}")
    place = {bag: i for i, bag in enumerate(labelled.row)}
    chosen = [place[bag.file.name] for bag in opened]
    store = FolderStore(
        [bag.file.path for bag in opened],
        [bag.shape[0] for bag in opened],
        opened[0].shape[1:],
        root_folder(root),
        [bag.content for bag in opened],
        [bag.located for bag in opened],
    )
    data = BagDataset(
        store,
        torch.from_numpy(store.ptr),
        labelled.y[chosen],
        name=problems.where if name is None else name,
        task_names=labelled.labels.names,
        metric=metric,
        bag_names=[bag.file.name for bag in opened],
        row=torch.tensor([labelled.row[bag.file.name] for bag in opened]),
        errors=sorted(problems.errors, key=lambda error: error.row),
        notes=labelled.labels.notes,
        cases=None if labelled.cases is None else [labelled.cases[i] for i in chosen],
        task=labelled.labels.task,
        weight=None if labelled.weight is None else torch.from_numpy(labelled.weight[chosen]),
    )
    data.reported, data.left_out = True, labelled.labels.left_out
    if labelled.part is not None or splitting is not None:
        given = None if labelled.part is None else labelled.part[chosen]
        data.splits = split_folder(data, given, labelled.splitting, problems)
    problems.warn()
    return data


def _open(
    files: Sequence[BagFile], row: Mapping[str, int], problems: Problems, root: Path, progress: Progress | None
) -> list[_Opened]:
    """Read what is known about the bags; of those with features of different shapes, keep the most frequent shape."""
    bags, opened = OpenBags([file.path for file in files], root), []
    for i, file in enumerate(files):
        if progress is not None:
            progress(i, len(files), "reading bags")
        try:
            bag = bags[i]
            content = content_of(bag.rows, file.path, root)
            if content.unusable is not None:
                raise ValueError(f"row {content.unusable} of its features is not finite")
        except DAMAGED as error:
            problems.lose(
                "files that cannot be used", row[file.name], file.name, str(error), f"{file.path.name}: {error}"
            )
            continue
        problems.of_file(file, bag)
        opened.append(_Opened(file, bag.rows.shape, bag.located, content))
    if not opened:
        return []
    usual = Counter(bag.shape[1:] for bag in opened).most_common(1)[0][0]
    for other in opened:
        if other.shape[1:] != usual:
            text = f"its instances have shape {list(other.shape[1:])}, those of most bags {list(usual)}"
            reason = "bags left out because their instances have another shape than most"
            problems.lose(reason, row[other.file.name], other.file.name, text, f"{other.file.path.name}: {text}")
    if progress is not None:
        progress(len(files), len(files), "reading bags")
    return [one for one in opened if one.shape[1:] == usual]
