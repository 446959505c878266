"""Write bags.csv and new-bags.csv, the tables of the page on bags: trays of parts, with one row per part.

A tray is faulty if it holds a part that is both too wide and too high: width and height above 1.1. Weight and gloss
are noise. Widths and heights of parts in other trays may each be too large, but not both in the same part.
"""

import csv
from pathlib import Path

import numpy as np

LIMIT = 1.1
TRAYS, NEW = 160, 6
SHARE = 0.3  # of faulty trays
COLUMNS = ("width", "height", "weight", "gloss")


def tray(rng: np.random.RandomState, faulty: bool) -> np.ndarray:
    """Measurements of 4 to 12 parts, in standard deviations; of a faulty tray, one or two parts are too large."""
    parts = rng.normal(size=(rng.randint(4, 13), len(COLUMNS)))
    large = (parts[:, :2] > LIMIT).all(axis=1)
    parts[large, 1] *= -1
    if faulty:
        chosen = rng.choice(len(parts), rng.randint(1, 3), replace=False)
        parts[chosen, :2] = LIMIT + 0.1 + np.abs(rng.normal(scale=0.8, size=(len(chosen), 2)))
    return parts


def main(folder: Path) -> None:
    """Write both tables to a folder."""
    rng = np.random.RandomState(0)  # the same numbers in every release of NumPy
    rows: list[list[object]] = []
    new: list[list[object]] = []
    for number, faulty in enumerate(rng.permutation(np.arange(TRAYS + NEW) < SHARE * (TRAYS + NEW))):
        for part in tray(rng, bool(faulty)):
            cells = [f"{value:.2f}" for value in part]
            if number < TRAYS:
                rows.append([f"tray-{number:03d}", int(faulty), *cells])
            else:
                new.append([f"tray-{number:03d}", *cells])
    rows = [rows[i] for i in rng.permutation(len(rows))]
    new[-1][1] = ""  # a measurement is missing
    write(folder / "bags.csv", ["tray", "faulty", *COLUMNS], rows)
    write(folder / "new-bags.csv", ["tray", *COLUMNS], new)


def write(path: Path, header: list[str], rows: list[list[object]]) -> None:
    """Write a table."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


if __name__ == "__main__":
    main(Path(__file__).parent)
