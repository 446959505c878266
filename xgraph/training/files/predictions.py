"""Read the scores of finished runs from their predictions files."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from xgraph.training.config.build import TrainConfig
from xgraph.training.config.parts import scored_parts
from xgraph.training.config.traits import DatasetTraits
from xgraph.training.files.rundir import PREDICTIONS

_PLACES = {"graph": ("row", "smiles"), "node": ("node",), "bag": ("bag",)}
FloatArray = npt.NDArray[np.float64]


class Part(NamedTuple):
    """The labels and scores of the items of a part: the test or the validation part of a run, or an inner fold."""

    items: list[tuple[str, ...]]  # the cells that identify an item
    y: FloatArray  # labels 0/1, NaN = missing, [n, T]
    scores: FloatArray  # between 0 and 1, [n, T]


def read_parts(path: Path, config: TrainConfig) -> dict[str, Part]:
    """Read the predictions of a single run."""
    return read_predictions(path / PREDICTIONS, config, "split", scored_parts(config))


def read_predictions(
    file: Path, config: TrainConfig, first: str, parts: Sequence[str], absent: bool = False
) -> dict[str, Part]:
    """Read a file of predictions.

    Args:
        file: The file.
        config: The settings of the run.
        first: Its first column, which says the part of a row.
        parts: The parts to read.
        absent: Whether parts without rows are left out.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is damaged.
    """
    import pandas as pd

    places = list(_PLACES[DatasetTraits.of(config.flat()).kind])
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
        if list(table.columns) == [first] and absent:
            return {}
        if list(table.columns[1:2]) == ["file"]:
            places = ["file", *places]
        if list(table.columns[: 1 + len(places)]) != [first, *places]:
            raise ValueError(f"expected it to start with the columns {first}, {', '.join(places)}")
        rest = table.columns[1 + len(places) :]
        read = {}
        for part in parts:
            rows = table[table[first] == part]
            if absent and not len(rows):
                continue
            if list(rest[:2]) == ["label", "predicted"]:  # of classes that exclude each other
                names = np.array([column.removesuffix("_score") for column in rest[2:]])
                known = rows[rest[0]].to_numpy()[:, None]
                y = np.where(known == "", np.nan, (known == names[None]).astype(np.float64))
                scores = rows[rest[2:]]
            else:
                y = rows[rest[0::2]].replace("", "nan").to_numpy(dtype=np.float64)
                scores = rows[rest[1::2]]
            items = list(rows[places].itertuples(index=False, name=None))
            read[part] = Part(items, y, scores.to_numpy(dtype=np.float64))
    except FileNotFoundError:
        raise FileNotFoundError(f"run: {file.parent} has no {file.name}") from None
    except (ValueError, KeyError, IndexError) as error:
        raise ValueError(f"run: {file} is damaged: {error}") from None
    return read


def check_same_items(one: Part, other: Part, paths: Sequence[Path]) -> None:
    """Raise `ValueError` if two runs have scored different items, or items with different labels."""
    if one.items != other.items or not np.array_equal(one.y, other.y, equal_nan=True):
        raise ValueError(
            f"run: cannot combine {paths[0]} and {paths[1]}, because their items or the labels of these differ"
        )
