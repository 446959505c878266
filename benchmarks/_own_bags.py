"""A folder of slides larger than one would hold in memory: reading, training on samples, and prediction.

`XGRAPH_PATCHES` is the number of patches of the largest slide (100,000 by default); the others have a twentieth each.
The C library is told to give freed memory back at once (`MALLOC_...`), so that the peaks show what is held, not what it
keeps for later.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
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
    import h5py

    with h5py.File(path.with_suffix(".h5"), "w") as file:
        file.create_dataset("features", data=x, chunks=(1, FEATURES), maxshape=(None, FEATURES))
        file["coords"] = np.stack([np.arange(len(x)) % 500, np.arange(len(x)) // 500], axis=1) * 256


def _tensor(path: Path, x: NDArray[np.float32]) -> None:
    import torch

    torch.save(torch.from_numpy(x), path.with_suffix(".pt"))


WRITERS: dict[str, Callable[[Path, NDArray[np.float32]], object]] = {
    "HDF5 as CLAM": _clam,
    "npy": lambda path, x: np.save(path.with_suffix(".npy"), x),
    "tensor": _tensor,
}


def measure() -> list[dict[str, Any]]:
    """Return time and peak memory of each step with each kind of file."""
    before = dict(os.environ)
    os.environ |= {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_ARENA_MAX": "1"}
    try:
        return [row for way in WRITERS for row in _measure(way)]
    finally:
        os.environ.clear()
        os.environ |= before


def _measure(way: str) -> list[dict[str, Any]]:
    size = (PATCHES + (SLIDES - 1) * (PATCHES // 20)) * FEATURES * 4 >> 20
    what = f"{SLIDES} slides, the largest of {PATCHES:,} patches, {size} MiB in all"
    with tempfile.TemporaryDirectory() as name:
        os.environ["XGRAPH_ROOT"] = f"{name}/root"
        folder, run, out = (Path(name) / part for part in ("slides", "run", "patches.csv"))
        # in another process, as the peak memory of this one would count as that of those it starts
        subprocess.run([sys.executable, "-m", "benchmarks._own_bags", str(folder), way], check=True)
        return [
            {"what": what, "step": step, "way": way, **figures(code, SETUP, folder, run, out)}
            for step, code in STEPS.items()
        ]


def write(folder: Path, way: str) -> None:
    """Write the slides and their labels."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(SLIDES):
        x = random.random((PATCHES if number == 0 else PATCHES // 20, FEATURES), dtype=np.float32)
        WRITERS[way](folder / f"slide_{number}", x)
    lines = [f"slide_{number},{number % 2}" for number in range(SLIDES)]
    (folder / "labels.csv").write_text("\n".join(["bag,label", *lines]) + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2])
