"""Files of row numbers."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.data.splits.files import read_split_file

NAMES = {"train": "train", "valid": "val", "test": "Test"}


@settings(max_examples=25)
@given(part=st.lists(st.integers(-1, 2), min_size=1, max_size=12), as_text=st.booleans())
def test_rows_of_each_part(part: list[int], as_text: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    lists = {name: np.flatnonzero(np.array(part) == i)[::-1] for i, name in enumerate(NAMES.values())}
    file = tmp_path_factory.mktemp("split") / ("rows.csv" if as_text else "rows.npz")
    if as_text:
        longest = max(1, *map(len, lists.values()))
        cells = [[str(rows[i]) if i < len(rows) else "" for rows in lists.values()] for i in range(longest)]
        file.write_text("\n".join(",".join(row) for row in [list(lists), *cells]) + "\n")
    else:
        np.savez(file, **lists)
    assert read_split_file(file, len(part)).tolist() == part


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"train": [0, 9]}, "'train' of .* has row 9, but the table has rows 0 to 4"),
        ({"train": [0, -1]}, "has row -1"),
        ({"train": [0, 0]}, "has row 0 twice"),
        ({"train": [0, 1], "test": [1]}, "row 1 is in both parts 'train' and 'test'"),
        ({"train": [0], "holdout": [1]}, "unknown part 'holdout'"),
        ({"train": [0], "valid": [1], "dev": [2]}, "a second list for 'valid': 'dev'"),
        ({"train": [0.5]}, "integers|has '0.5'"),
    ],
)
@pytest.mark.parametrize("ending", ["npz", "csv"])
def test_errors_name_part_and_row(lists: dict[str, list[int]], message: str, ending: str, tmp_path: Path) -> None:
    file = tmp_path / f"split.{ending}"
    if ending == "npz":
        np.savez(file, **lists)
    else:
        longest = max(map(len, lists.values()))
        rows = [",".join(str(v[i]) if i < len(v) else "" for v in lists.values()) for i in range(longest)]
        file.write_text("\n".join([",".join(lists), *rows]))
    with pytest.raises(ValueError, match=message):
        read_split_file(file, 5)


def test_masks_and_other_files_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "masks.npz", train=np.ones(5, dtype=bool))
    with pytest.raises(ValueError, match=r"is a mask; write row numbers \(numpy.flatnonzero\(mask\)\)"):
        read_split_file(tmp_path / "masks.npz", 5)
    np.savez(tmp_path / "objects.npz", train=np.array([None]))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "masks.npz").read_bytes()[:60])
    np.save(tmp_path / "rows.npy", np.arange(3))
    for name in ("objects.npz", "cut.npz", "rows.npy"):
        with pytest.raises(ValueError, match=f"split_file: .*{name}"):
            read_split_file(tmp_path / name, 5)
    with pytest.raises(FileNotFoundError, match="split_file: file"):
        read_split_file(tmp_path / "absent.csv", 5)
