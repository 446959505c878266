"""The importance of features for a run as a whole."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from xgraph.explanations import tables
from xgraph.explanations.names import PERMUTATION
from xgraph.explanations.results import Table, molecule_frame
from xgraph.explanations.tables import OfTable
from xgraph.training.files.saved_model import loss_link
from xgraph.training.prediction.members import Members
from xgraph.training.prediction.own_data import own_source

MOST_PERMUTED = 500
"""Number of items whose features are shuffled."""


def permuted(members: Members, models: Sequence[Any], tasks: Sequence[int]) -> Table:
    """Return the importance of the features over the validation part."""
    rows: dict[tuple[str, str], list[float]] = {}
    for state, path, model in zip(members.states, members.paths, models, strict=True):
        source = own_source(state, path, False)
        part = next((name for name in ("valid", "test") if name in source.splits), "train")
        positions = source.splits[part][:MOST_PERMUTED]
        names, link = source.feature_names, loss_link(state)
        for task in tasks:
            y = source.targets(positions)[:, task]
            known = ~y.isnan()
            if not bool((y[known] != y[known][:1]).any()):
                lacks = "one class only" if link != "identity" else "no two different numbers"
                raise ValueError(f"task {members.tasks[task]!r} has {lacks} in the {part} part")
            scored = OfTable(model, task, link, members.device)
            falls = tables.by_permutation(scored, source.table(positions[known]), y[known].numpy())
            for name, fall in zip(names, falls.tolist(), strict=True):
                if fall != fall:
                    continue
                rows.setdefault((members.tasks[task], name), []).append(fall)
    found: list[dict[str, Any]] = [
        {"task": task, "part": "feature", "name": name, "attribution": float(np.mean(values))}
        for (task, name), values in rows.items()
    ]
    found.sort(key=lambda row: (members.tasks.index(row["task"]), -row["attribution"], row["name"]))
    return Table(
        molecule_frame(found),
        PERMUTATION,
        "average precision" if loss_link(members.states[0]) != "identity" else "RMSE",
        f"importance over the run's validation part, of {tables.MOST_SHUFFLED} features at most",
    )
