"""Equal error rates of groups: a penalty in training, and how far the groups differ in the results."""

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from xgraph.distributed import gathered
from xgraph.messages import listed
from xgraph.options import OptionError
from xgraph.training.config.build import TrainConfig
from xgraph.training.config.constraints import USUAL_RHO, USUAL_TOLERANCE
from xgraph.training.scoring.fairness import fairness

if TYPE_CHECKING:
    from xgraph.training.sources import Source


class Fair(nn.Module):
    """The groups of a run's items, and a penalty if their error rates differ.

    Args:
        config: The settings of the run.
        source: Its data.
    """

    def __init__(self, config: TrainConfig, source: "Source") -> None:
        from xgraph.losses import ROCFairness

        super().__init__()
        groups = source.groups
        if groups is None:
            raise ValueError("fair_column: the data have no groups")
        if source.several_classes or source.numbers:
            raise OptionError("fair_column: expected labels 0 and 1; classes and numbers have no such error rates")
        self.groups_of, self.names = groups, groups.names
        train = source.splits["train"].numpy()
        counts = np.bincount(groups.codes[train][groups.codes[train] >= 0], minlength=len(groups.names))
        self.counts = [f"{name} {count}" for name, count in zip(groups.names, counts.tolist(), strict=True)]
        if unknown := len(train) - int(counts.sum()):
            self.counts.append(f"unknown {unknown}")
        if absent := [name for name, count in zip(groups.names, counts.tolist(), strict=True) if not count]:
            warnings.warn(
                f"fair_column: no item of the training part is in the group {listed(absent)}, so that nothing is made "
                "equal for it",
                stacklevel=4,
            )
        self.tolerance = USUAL_TOLERANCE if config.fair_tolerance is None else config.fair_tolerance
        rho = USUAL_RHO if config.fair_rho is None else config.fair_rho
        rho = 0.0 if config.fitted else rho  # which has no steps: the groups are only compared
        self.penalty: ROCFairness | None = None
        if rho > 0:
            sizes: dict[str, Any] = {"num_groups": len(groups.names), "num_tasks": source.num_tasks}
            self.penalty = ROCFairness(tolerance=self.tolerance, rho=rho, **sizes)
        self.codes: Tensor
        self.register_buffer("codes", torch.from_numpy(groups.codes), persistent=False)

    def forward(self, logits: Tensor, batch: Any) -> Tensor:
        """Return the penalty of a batch; 0 if the groups are only compared."""
        if self.penalty is None:
            return logits.new_zeros(())
        return gathered(self.penalty)(logits.float(), batch.y, self.codes[batch.idx])

    def report(self, tasks: list[str]) -> dict[str, Any]:
        """Return the largest violation of each task and label, tracked at the end of training, and its multiplier."""
        found: dict[str, Any] = {"column": self.groups_of.column, "groups": self.names, "tolerance": self.tolerance}
        if self.penalty is None:
            return found
        values = self.penalty.values().flatten(2)
        total = self.penalty.multipliers().flatten(2)
        rows = []
        for task, name in enumerate(tasks):
            for label, rate in ((1, "true-positive rate"), (0, "false-positive rate")):
                known = values[task, label][~values[task, label].isnan()]
                sums = total[task, label].nansum().item()
                value = known.max().item() if len(known) else math.nan
                rows.append({"task": name, "rate": rate, "value": value, "multiplier": sums})
        return {**found, "constraints": rows}

    def compare(
        self, positions: Tensor, y: npt.NDArray[Any], scores: npt.NDArray[np.float64], tasks: list[str]
    ) -> dict[str, Any]:
        """Return how the groups differ in a part, by task."""
        codes = self.groups_of.codes[positions.numpy()]
        return {name: fairness(y[:, task], scores[:, task], codes, self.names) for task, name in enumerate(tasks)}
