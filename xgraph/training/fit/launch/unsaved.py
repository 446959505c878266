"""Train on data that are in memory and score the validation part, without keeping a run directory."""

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from xgraph.training.config.build import TrainConfig
from xgraph.training.files.rundir import PREDICTIONS
from xgraph.training.fit.engine import fit, prepare
from xgraph.training.fit.fitted import FittedTask, learn
from xgraph.training.fit.labels.check import check_data
from xgraph.training.fit.seeding import own_random_streams
from xgraph.training.scoring.inference import as_scores, choose_device
from xgraph.training.sources import make_source


def score_unsaved(config: TrainConfig, data: Any) -> pd.DataFrame:
    """Return the rows of a run's predictions file for the validation part, as text and without the column `split`.

    Args:
        config: The settings of the run, with `inner`.
        data: The data set, loaded with these settings; inner folds of the same data can share it.
    """
    source, device = make_source(data, config), choose_device(config.device)
    check_data(source)
    with own_random_streams(config.seed, config.threads):
        task = prepare(config, source)
        if not isinstance(task, FittedTask):
            with tempfile.TemporaryDirectory(prefix="xgraph-") as folder:
                fit(task, Path(folder), device=device)
                table = pd.read_csv(Path(folder) / PREDICTIONS, dtype=str, keep_default_na=False)
            return table[table["split"] == "valid"].iloc[:, 1:]
        learn(task)
        positions = source.splits["valid"]
        scores = as_scores(source.score(task.model, positions, device=device), "sigmoid")
        rows = [list(map(str, row)) for row in source.prediction_rows(positions, scores)]
        return pd.DataFrame(rows, columns=source.prediction_columns(), dtype=str)
