"""Read the scores of inner folds, and combine the scores of several runs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from xgraph.recipes.run.inner import inner_file
from xgraph.recipes.schema.entries import InnerFolds
from xgraph.training.config.build import TrainConfig
from xgraph.training.files.predictions import Part, read_predictions
from xgraph.training.scoring.ensemble import Combine, Ensemble

FloatArray = npt.NDArray[np.float64]


def read_inner(path: Path, config: TrainConfig, folds: InnerFolds) -> dict[str, Part]:
    """Read the scores of a run's inner folds; those on which it could not be trained are absent."""
    return read_predictions(inner_file(path, folds), config, "inner", list(map(str, range(folds.number))), absent=True)


def combine(scores: Sequence[Sequence[FloatArray]], how: Combine) -> FloatArray:
    """Combine the scores of one part; all members have the same weight, however many runs they have."""
    means = []
    for runs in scores:
        ensemble = Ensemble(how)
        for own in runs:
            ensemble.add(own)
        means.append(ensemble.score)
    mean: FloatArray = np.mean(means, axis=0)
    # Mean ranks are often tied; rounding errors must not order them.
    return mean if how == "mean" else np.round(mean, 12)
