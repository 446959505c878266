"""The table of vectors."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

Vectors = npt.NDArray[np.float32]


def vector_table(column: str, names: Iterable[Any], vectors: Vectors, errors: Sequence[str]) -> "pd.DataFrame":
    """Return one row per item: its name, its vector, and why it has none."""
    import pandas as pd

    numbered = pd.DataFrame(vectors, columns=[f"v{i}" for i in range(vectors.shape[1])])
    numbered.insert(0, column, list(names))
    return numbered.assign(error=list(errors))
