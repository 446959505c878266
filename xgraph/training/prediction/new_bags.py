"""New bags to score, including bags of the generated conformers of molecules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xgraph.training.config.names import distinct
from xgraph.training.files.checkpoint import HEADER
from xgraph.training.prediction.members import check_featurizer, empty_smiles

if TYPE_CHECKING:
    import pandas as pd

    from xgraph.data import BagDataset
    from xgraph.data.storage.root import Progress

CONFORMERS = "conformers"
"""Prefix of the featuriser version of conformer bags."""


@dataclass
class NewBags:
    """Bags to score, with an error for each bag that cannot be scored."""

    names: list[Any]  # all bags, in the order of the result
    errors: list[str]  # why a bag cannot be scored; empty if it can
    data: "BagDataset | None"  # the bags that can be scored
    place: npt.NDArray[np.int64]  # the position of each bag of `data` among all bags
    rows: "pd.DataFrame"  # the instances in the order of the result: `bag`, `row` in the file, and `error`
    instance_place: npt.NDArray[np.int64]  # the position in `rows` of each instance of `data`
    source: Any = None  # the table, if they were read from one
    bag_column: str = ""  # its column that names the bags
    features: list[str] = field(default_factory=list)  # its columns from which the instances were read


def makes_conformers(state: Mapping[str, Any]) -> bool:
    """Whether the bags of a run are molecules with their conformers as instances."""
    return str(state[HEADER]["featurizer"]).startswith(CONFORMERS)


def bags_of_conformers(smiles: Sequence[str], state: Mapping[str, Any], progress: "Progress | None" = None) -> NewBags:
    """Generate conformers as for training, and return molecules as bags of them; nothing is cached on disk."""
    import pandas as pd

    from xgraph.data import conformer_bags
    from xgraph.data.bags.conformers import arguments_of

    errors = empty_smiles(smiles)
    filled = [i for i, error in enumerate(errors) if not error]
    data: BagDataset | None = None
    if filled:
        try:
            how = arguments_of(state[HEADER]["featurizer"])
            data = conformer_bags([smiles[i] for i in filled], keep=False, progress=progress, **how)
        except ValueError as error:  # no molecule has a conformer
            for i in filled:
                errors[i] = str(error)
    if data is None:
        nothing = pd.DataFrame({"bag": [], "row": np.empty(0, dtype=np.int64), "error": []})
        return NewBags(list(smiles), errors, None, np.empty(0, dtype=np.int64), nothing, np.empty(0, dtype=np.int64))
    check_featurizer(state, data.featurizer)
    for lost in data.errors:
        errors[filled[lost.row]] = lost.message
    place = np.array(filled)[data.row.numpy()]
    owner = np.repeat(place, data.sizes.numpy())
    rows = pd.DataFrame({"bag": [smiles[i] for i in owner], "row": owner, "error": ""})
    return NewBags(list(smiles), errors, data, place, rows, np.arange(len(owner)))


def instance_columns(
    frame: "pd.DataFrame", tasks: list[str], scores: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]
) -> "pd.DataFrame":
    """Add weight and score columns to the rows of instances."""
    names = [("weight", "score")] if len(tasks) == 1 else [(f"{task}_weight", f"{task}_score") for task in tasks]
    flat = distinct([name for pair in names for name in pair], taken=[*frame.columns, "error"])
    values = np.stack([weights, scores], axis=2).reshape(len(frame), len(flat))
    return frame.assign(**dict(zip(flat, values.T, strict=True)))
