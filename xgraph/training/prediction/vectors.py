"""Files with the result of `xgraph.embed`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xgraph.options import OptionError
from xgraph.training.files.writing import write_atomically
from xgraph.training.prediction.predict import write_predictions

if TYPE_CHECKING:
    import pandas as pd

ENDINGS = (".npz", ".parquet", ".csv", ".csv.gz")
"""Files that vectors are written to."""


def write_vectors(frame: "pd.DataFrame", path: str | Path) -> None:
    """Write the result of `embed`: as NumPy arrays (.npz), Parquet (.parquet) or CSV (also .csv.gz), by the ending.

    An npz file has the arrays ``vectors``, float32 of shape [n, C], and the other columns by their names.

    Args:
        frame: The result of `embed`.
        path: The file to write, which is replaced if it exists.

    Raises:
        OptionError: If the file has another ending.
    """
    path = Path(path)
    ending = vector_format(path)
    if ending == ".npz":
        others = [name for name in frame.columns if not _is_vector(name)]
        arrays: dict[str, Any] = {
            name: frame[name].to_numpy()
            if frame[name].dtype.kind in "if"
            else frame[name].fillna("").to_numpy(dtype=str)
            for name in others
        }
        vectors = frame.drop(columns=others).to_numpy(dtype=np.float32)
        write_atomically(path, lambda file: np.savez(file, vectors=vectors, **arrays))
    elif ending == ".parquet":
        write_atomically(path, lambda file: frame.to_parquet(file, index=False))
    else:
        write_predictions(frame, path)


def vector_format(path: Path) -> str:
    """Return the ending that says how vectors are written to a file."""
    ending = next((one for one in ENDINGS if path.name.lower().endswith(one)), None)
    if ending is None:
        raise OptionError(f"out = {str(path)!r}: expected a file that ends in {', '.join(ENDINGS)}")
    return ending


def _is_vector(name: str) -> bool:
    return name.startswith("v") and name[1:].isdecimal()


def _plain(column: "pd.Series[Any]") -> Any:
    """Return a column as an array that NumPy reads without pickle."""
    return column.to_numpy() if column.dtype.kind in "if" else column.fillna("").to_numpy(dtype=str)
