"""The directories of a run's folds and seeds, which are runs of their own."""

from pathlib import Path

FOLD, SEED = "fold_", "seed_"
"""What the names of the directories of folds and seeds begin with."""


def fold_folders(path: Path) -> list[Path]:
    """Return the fold directories of a run in order."""
    return _numbered(path, FOLD)


def seed_folders(path: Path) -> list[Path]:
    """Return the directories of a run's seeds in order."""
    return _numbered(path, SEED)


def member_folders(path: Path) -> list[Path]:
    """Return the directories of the runs that a run consists of: its folds, or its seeds; none of a single run."""
    return fold_folders(path) or seed_folders(path)


def leaf_folders(path: Path) -> list[Path]:
    """Return the directories of the single runs that a run consists of; itself if it is one."""
    return [leaf for folder in member_folders(path) for leaf in leaf_folders(folder)] or [path]


def _numbered(path: Path, prefix: str) -> list[Path]:
    numbers = [folder.name.removeprefix(prefix) for folder in path.glob(f"{prefix}*") if folder.is_dir()]
    return [path / f"{prefix}{number}" for number in sorted(filter(str.isdecimal, numbers), key=int)]


def check_single(path: Path) -> None:
    """Raise `ValueError` if a run consists of several."""
    folders = member_folders(path)
    if folders:
        what = "folds" if folders == fold_folders(path) else "seeds"
        names = ", ".join(str(leaf.relative_to(path)) for leaf in leaf_folders(path))
        raise ValueError(f"run: {path} is a run over {what}; choose the directory of one of them ({names})")
