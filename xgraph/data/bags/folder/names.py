"""Which columns of a table of labels name the bags and the cases, and which bag a cell names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from xgraph.data.bags.folder.files import ENDINGS
from xgraph.data.bags.roles import BAG_NAMES, demand, find_column, listing

BAGS = (*BAG_NAMES, "slide_id", "slide", "slide_name", "image_id", "image", "wsi", "file", "filename", "name", "id")
_SLIDES = (".svs", ".tif", ".tiff", ".ndpi", ".mrxs", ".scn", ".vms", ".vmu", ".bif", ".czi", ".dcm", ".isyntax")


def bag_column_of(
    columns: Mapping[str, Sequence[str]], files: Collection[str], requested: str | None, path: Path
) -> tuple[str, list[str | None]]:
    """Return the column that names the bags, and the bag of each row that has a file."""
    by_name = {name.lower().replace(" ", "_"): name for name in reversed(list(columns))}
    candidates = [by_name[name] for name in BAGS if name in by_name]
    candidates = demand(list(columns), [requested], "bag") if requested else candidates
    for name in candidates:
        matched = [bag_named(cell.strip(), files) for cell in columns[name]]
        if any(matched):
            return name, matched
    if not candidates:
        raise ValueError(
            f"{path} has no column that names the bags, such as 'bag' or 'slide_id': {listing(list(columns))}; set "
            "bag_column (--bag-column)"
        )
    cell = next((cell for cell in columns[candidates[0]] if cell.strip()), "")
    raise ValueError(
        f"no bag of {path} has a file: its column {candidates[0]!r} has {cell.strip()!r}, and the files are named "
        f"{', '.join(map(repr, sorted(files)[:3]))}; they must agree, without the ending"
    )


def bag_named(cell: str, files: Collection[str]) -> str | None:
    """Return the bag that a cell names, with or without folder and ending."""
    if cell in files:
        return cell
    name = cell.replace("\\", "/").rsplit("/", 1)[-1]
    endings = [ending for ending in (*ENDINGS, *_SLIDES) if name.lower().endswith(ending)]
    return next((short for short in (name, *(name[: -len(ending)] for ending in endings)) if short in files), None)


def find_free(columns: Mapping[str, Sequence[str]], names: tuple[str, ...], taken: Sequence[str]) -> str | None:
    """Return the column with one of the names that has no other role."""
    return find_column([column for column in columns if column not in taken], names)
