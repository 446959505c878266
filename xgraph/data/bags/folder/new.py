"""Folders of bags without labels, to be scored: each bag is opened, and read when it is scored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch

from xgraph.data.bags.folder.files import bag_files
from xgraph.data.bags.folder.formats import DAMAGED
from xgraph.data.bags.folder.opened import OpenBags
from xgraph.data.bags.folder.problems import Problems
from xgraph.data.bags.folder.store import FolderStore

if TYPE_CHECKING:
    from xgraph.data.bags.dataset import BagDataset


class NewFolder(NamedTuple):
    """The bags of a folder.

    Args:
        names: Names of all bags, in order.
        errors: Why a bag cannot be opened; empty if it can.
        data: The bags that can be opened; None if there are none. Their numbers are checked in every batch.
        place: Position of each bag of `data` among all.
    """

    names: list[str]
    errors: list[str]
    data: BagDataset | None
    place: list[int]


def open_folder(folder: Path, shape: tuple[int, ...], root: Path) -> NewFolder:
    """Open the bags of a folder whose instances have a shape."""
    from xgraph.data.bags.dataset import BagDataset

    files = bag_files(folder)
    name = folder.resolve().name
    bags, problems = OpenBags([file.path for file in files], root), Problems(name)
    errors, place, sizes, located = [""] * len(files), [], [], []
    for i, file in enumerate(files):
        try:
            bag = bags[i]
            if bag.rows.shape[1:] != shape:
                raise ValueError(f"its instances have shape {list(bag.rows.shape[1:])}, those of the run {list(shape)}")
        except DAMAGED as error:
            errors[i] = f"{file.path.name}: {error}"
            continue
        problems.of_file(file, bag)
        place.append(i)
        sizes.append(bag.rows.shape[0])
        located.append(bag.located)
    problems.warn()
    names = [file.name for file in files]
    if not place:
        return NewFolder(names, errors, None, [])
    store = FolderStore([files[i].path for i in place], sizes, shape, root, located=located)
    data = BagDataset(store, torch.from_numpy(store.ptr), bag_names=[names[i] for i in place], name=name)
    return NewFolder(names, errors, data, place)
