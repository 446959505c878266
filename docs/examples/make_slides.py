"""Write slides/ and new-slides/, the folders of the page on bags of your own: slides of patches in the layout of CLAM.

A slide of tumour tissue holds one to three patches whose third and fifth numbers are large together. Eight numbers per
patch stand for the thousand or so that an encoder of patches gives. Patches of other slides may have one large number,
but not both. Most patients have two slides.
"""

from pathlib import Path

import h5py
import numpy as np

PATIENTS, NEW = 24, 3
SHARE = 0.4  # of slides with a tumour
FEATURES, SIZE = 8, 256
LIMIT = 1.0


def slide(rng: np.random.RandomState, tumour: bool) -> tuple[np.ndarray, np.ndarray]:
    """Features and coordinates of 8 to 20 patches of a slide; coordinates are those of the upper left corner."""
    count = rng.randint(8, 21)
    x = rng.normal(size=(count, FEATURES))
    x[(x[:, [2, 4]] > LIMIT).all(axis=1), 4] *= -1
    if tumour:
        chosen = rng.choice(count, rng.randint(1, 4), replace=False)
        x[np.ix_(chosen, [2, 4])] = LIMIT + 0.5 + np.abs(rng.normal(scale=0.7, size=(len(chosen), 2)))
    places = rng.choice(15 * 15, count, replace=False)
    return x.astype(np.float32), np.sort(places)[:, None] // [1, 15] % 15 * SIZE


def write(path: Path, x: np.ndarray, coords: np.ndarray) -> None:
    """Write a file as CLAM does, with the datasets features and coords."""
    with h5py.File(path, "w") as file:
        file["features"], file["coords"] = x, coords


def main(folder: Path) -> None:
    """Write both folders and the table of labels."""
    rng = np.random.RandomState(0)  # the same numbers in every release of NumPy
    rows, number = ["case_id,slide_id,label"], 0
    for patient in range(PATIENTS + NEW):
        place = folder / ("slides" if patient < PATIENTS else "new-slides") / "h5_files"
        place.mkdir(parents=True, exist_ok=True)
        for _ in range(1 if patient % 4 == 3 else 2):
            tumour = bool(rng.rand() < SHARE)
            write(place / f"slide_{number:02d}.h5", *slide(rng, tumour))
            if patient < PATIENTS:
                rows.append(f"patient_{patient:02d},slide_{number:02d},{'tumor' if tumour else 'normal'}_tissue")
            number += 1
    order = [0, *(1 + rng.permutation(len(rows) - 1))]
    (folder / "slides" / "labels.csv").write_text("\n".join(rows[i] for i in order) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(__file__).parent)
