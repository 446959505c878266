"""The folders of slides in the documentation come from the script beside them, and follow the rule that it states."""

import runpy

import h5py
import numpy as np

from tests.docs.blocks import DOCS
from xgraph.data import load

SCRIPT = DOCS / "examples" / "make_slides.py"


def test_the_script_writes_the_folders(tmp_path):
    runpy.run_path(str(SCRIPT))["main"](tmp_path)
    for name in ("slides", "new-slides"):
        made, kept = (sorted((place / name).rglob("*.*")) for place in (tmp_path, DOCS / "examples"))
        assert [path.name for path in made] == [path.name for path in kept]
        for one, other in zip(made, kept, strict=True):
            if one.suffix == ".csv":
                assert one.read_bytes() == other.read_bytes()
            else:
                with h5py.File(one) as first, h5py.File(other) as second:
                    for key in ("features", "coords"):
                        np.testing.assert_array_equal(first[key], second[key])


def test_a_slide_of_tumour_holds_a_patch_with_two_large_numbers():
    data = load(DOCS / "examples" / "slides", positive="tumor_tissue")
    large = [bool((data[i].x[:, [2, 4]] > 1).all(1).any()) for i in range(len(data))]
    assert large == (data.y[:, 0] == 1).tolist()
    assert (len(data), sum(large)) == (42, 15)
    cases = [{data.cases[i] for i in bags} for bags in data.splits.values()]
    assert sum(map(len, cases)) == len(set.union(*cases)) == 24
