"""Metrics of the items of all folds together, each scored by the model that was not trained on it."""

from collections.abc import Sequence

import numpy as np

from xgraph.recipes.report.reader import Reader
from xgraph.recipes.schema.recipe import Member
from xgraph.training.files.predictions import Part
from xgraph.training.scoring.ensemble import scaled_ranks

MEANING = (
    "Pooled: the test items of all folds together, by their ranks within each fold, because the scores of different "
    "models have different scales"
)


def pooled(reader: Reader, member: Member, parts: Sequence[Part]) -> dict[str, float]:
    """Return the metrics of the ranks within each fold, pooled.

    Args:
        reader: It computes the metrics.
        member: The member, or one of those that were combined.
        parts: The scored test items of each fold.
    """
    y = np.concatenate([part.y for part in parts])
    return reader.measure(member, y, np.concatenate([scaled_ranks(part.scores) for part in parts]))
