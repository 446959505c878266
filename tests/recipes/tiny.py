"""A recipe that runs in seconds and uses everything that recipes offer, except a submission."""

import copy
from pathlib import Path
from typing import Any

import tomli_w

TINY: dict[str, Any] = {
    "title": "Tiny",
    "about": "Bags of four numbers.",
    "time": "seconds",
    "metrics": ["roc_auc", "ap", "pauc_mcclish_fpr0.2"],
    "settings": {
        "dataset": "bags.csv",
        "bag_column": "patient",
        "target_columns": ["ill"],
        "split": "stratified",
        "epochs": 3,
        "pretrain_epochs": 1,
        "hidden_channels": 4,
        "num_layers": 1,
        "tau": 0.5,
    },
    "member": [
        {"name": "att", "seeds": [0, 1], "loss": "bce", "epochs": 2, "pretrain_epochs": 0, "lr": 0.01},
        {"name": "smx", "seeds": [0, 1], "model": "smoothed-max", "instances": 2, "lr": 0.01},
    ],
    "ensemble": [{"name": "both", "members": ["att", "smx"], "combine": "rank"}],
    "compare": [{"one": "smx", "other": "att", "metric": "ap"}, {"one": "both", "other": "att"}],
    "published": [
        {"name": "theirs", "source": "a paper", "values": {"roc_auc": [0.5, 0.25], "ap": 0.75}},
        {"name": "others", "source": "a board", "protocol": "ten folds", "values": {"roc_auc": 0.9}},
    ],
    "quick": {
        "time": "a second",
        "seeds": [3],
        "leave_out": ["smx"],
        "share_of_epochs": 0.5,
        "settings": {"hidden_channels": 3},
    },
}


def tiny() -> dict[str, Any]:
    """A copy of the tiny recipe."""
    return copy.deepcopy(TINY)


def write(path: Path, values: dict[str, Any] | None = None) -> Path:
    """Write a recipe; the tiny one if none is given."""
    path.write_text(tomli_w.dumps(TINY if values is None else values))
    return path
