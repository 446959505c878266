"""A folder of slides larger than one would hold in memory: reading, training on samples, and prediction.

`XGRAPH_PATCHES` is the number of patches of the largest slide (100,000 by default); the others have a twentieth each.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.own_data import figures

PATCHES = int(os.environ.get("XGRAPH_PATCHES", "100000"))
SLIDES, FEATURES, SAMPLE = 12, 1024, 512
SETUP = """
import os, tempfile
from pathlib import Path
import numpy as np
import xgraph
from xgraph.data import read_bag_folder
folder, run, out = sys.argv[1:]
short = dict(epochs=2, pretrain_epochs=1, instances=4, threads=1)
tiny = Path(tempfile.mkdtemp())  # what is imported and allocated once is no part of the measurement
for i in range(12):
    np.save(tiny / f"{i}.npy", np.random.default_rng(i).normal(size=(8, 16)))
(tiny / "labels.csv").write_text("bag,label\\n" + "".join(f"{i},{i % 2}\\n" for i in range(12)))
xgraph.predict(xgraph.train(tiny, **short, out=tiny / "run").path, tiny, instances_out=tiny / "w.csv")
"""
STEPS = {
    "first reading": "read_bag_folder(folder)",
    "second reading": "read_bag_folder(folder)",
    f"two epochs, {SAMPLE} patches per slide": f"xgraph.train(folder, **(short | dict(instances={SAMPLE})), out=run)",
    "prediction with patches": "xgraph.predict(run, folder, instances_out=out)",
}


def _clam(path: Path, x: NDArray[np.float32]) -> None:
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file.create_dataset("features", data=x, chunks=(1, FEATURES), maxshape=(None, FEATURES))
        file["coords"] = np.stack([np.arange(len(x)) % 500, np.arange(len(x)) // 500], axis=1) * 256


WRITERS: dict[str, Callable[[Path, NDArray[np.float32]], object]] = {
    "HDF5 as CLAM": _clam,
    "npy": lambda path, x: np.save(path.with_suffix(".npy"), x),
    "tensor": lambda path, x: torch.save(torch.from_numpy(x), path.with_suffix(".pt")),
}


def measure() -> list[dict[str, Any]]:
    """Return time and peak memory of each step with each kind of file."""
    rows = []
    before = os.environ.get("XGRAPH_ROOT")
    for way, write in WRITERS.items():
        with tempfile.TemporaryDirectory() as name:
            os.environ["XGRAPH_ROOT"] = f"{name}/root"
            folder = Path(name) / "slides"
            size = _write(folder, write)
            what = f"{SLIDES} slides, the largest of {PATCHES:,} patches, {size} MiB in all"
            for step, code in STEPS.items():
                found = figures(code, SETUP, folder, Path(name) / "run", Path(name) / "patches.csv")
                rows.append({"what": what, "step": step, "way": way, **found})
    if before is None:
        del os.environ["XGRAPH_ROOT"]
    else:
        os.environ["XGRAPH_ROOT"] = before
    return rows


def _write(folder: Path, write: Callable[[Path, NDArray[np.float32]], object]) -> int:
    """Write the slides and their labels; return the size of the features in MiB."""
    folder.mkdir()
    random, size = np.random.default_rng(0), 0
    for number in range(SLIDES):
        x = random.random((PATCHES if number == 0 else PATCHES // 20, FEATURES), dtype=np.float32)
        write(folder / f"slide_{number}", x)
        size += x.nbytes
    lines = [f"slide_{number},{number % 2}" for number in range(SLIDES)]
    (folder / "labels.csv").write_text("\n".join(["bag,label", *lines]) + "\n")
    return size >> 20
