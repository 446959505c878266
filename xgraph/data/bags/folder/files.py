"""The files of a folder of bags."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

ENDINGS = (".h5", ".hdf5", ".npy", ".npz", ".pt", ".pth")
"""What the names of the files end in; earlier ones are preferred if a bag has several files."""


SUBFOLDERS = ("", "h5_files", "pt_files")
"""Where the files are: in the folder itself, or in those of CLAM."""

LABELS = ("labels.csv", "labels.csv.gz", "labels.tsv")


class BagFile(NamedTuple):
    """The file of a bag.

    Args:
        name: Name of the bag: that of the file without its ending.
        path: The file.
        others: Other files of the same bag, which are not read.
    """

    name: str
    path: Path
    others: tuple[Path, ...] = ()


def bag_files(folder: Path) -> list[BagFile]:
    """Return the files of the bags in a folder, by name; of several files for a bag, HDF5 and then npy are preferred.

    Raises:
        FileNotFoundError: If the folder does not exist.
        ValueError: If it has no files of bags.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"folder {str(folder)!r} does not exist")
    rank = {suffix: place for place, suffix in enumerate(ENDINGS)}
    by_name: dict[str, list[Path]] = {}
    for place in SUBFOLDERS:
        inside = folder / place
        for path in sorted(inside.iterdir()) if inside.is_dir() else ():
            if ending(path) in rank and not path.name.startswith(".") and path.is_file():
                by_name.setdefault(path.stem, []).append(path)
    if not by_name:
        below = sorted(path.name for path in folder.iterdir() if path.is_dir())[:5]
        where = f"; its subfolders are {', '.join(below)}" if below else ""
        raise ValueError(
            f"{folder} has no files of bags: expected one file per bag ({', '.join(ENDINGS)}), in the folder itself or "
            f"in its subfolder h5_files or pt_files{where}"
        )
    ordered = {name: sorted(paths, key=lambda path: rank[ending(path)]) for name, paths in by_name.items()}
    return [BagFile(name, paths[0], tuple(paths[1:])) for name, paths in sorted(ordered.items())]


def has_labels(path: object) -> bool:
    """Whether something is the path of a folder with a table of labels."""
    return isinstance(path, str | Path) and labels_table(Path(path).expanduser()) is not None


def ending(path: Path) -> str:
    """Return the ending of a file's name in lower case."""
    return path.suffix.lower()


def is_bag_folder(path: Path, settings: Mapping[str, Any]) -> bool:
    """Whether a path is a folder with files of bags; whether it has labels is seen when it is read."""
    if not path.is_dir() or any(file.name.split(".")[0] in ("nodes", "edges") for file in path.iterdir()):
        return False  # a graph
    if settings.get("labels") is not None or labels_table(path) is not None:
        return True
    places = [place for name in SUBFOLDERS if (place := path / name).is_dir()]
    return any(ending(file) in ENDINGS for place in places for file in place.iterdir())


def labels_table(folder: Path) -> Path | None:
    """Return the table of labels in a folder, if there is one."""
    return next((folder / name for name in LABELS if (folder / name).is_file()), None)
