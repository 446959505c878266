"""Tasks of earlier runs whose loss may not rise while a run learns new tasks."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from xgraph.distributed import gathered
from xgraph.messages import listed
from xgraph.options import OptionError
from xgraph.training.config.build import TrainConfig
from xgraph.training.config.constraints import USUAL_RHO
from xgraph.training.fit.constraints.earlier import Earlier, find_run, scoring_device

if TYPE_CHECKING:
    from xgraph.training.sources import Source


class Retained(nn.Module):
    """The tasks that a run has in common with earlier ones, and a penalty if their loss rises above that of those.

    Args:
        config: The settings of the run.
        source: Its data.
    """

    def __init__(self, config: TrainConfig, source: "Source") -> None:
        from xgraph.losses import ZeroForgetting

        super().__init__()
        if source.several_classes or source.numbers:
            raise OptionError("retain: expected tasks with labels 0 and 1; classes and numbers have no tasks to retain")
        self.names, self.runs = [], list[str]()
        columns: list[int] = []
        before = torch.full((len(source), source.num_tasks), torch.nan)
        parts = {name: source.splits[name] for name in ("train", *source.scored)}
        self.parts = {name: positions for name, positions in parts.items() if len(positions)}
        where = torch.unique(torch.cat(list(self.parts.values())))
        for run in config.retain or ():
            earlier = Earlier.read(find_run(run, config, "retain"), source, "retain")
            shared = earlier.columns(source.task_names)
            if not shared:
                raise OptionError(
                    f"retain: {run} has none of the tasks of this run, which are {listed(source.task_names)}; its own "
                    f"are {listed(earlier.tasks)}. To retain them, train on data with these labels as well"
                )
            if twice := [source.task_names[column] for column in shared if column in columns]:
                raise OptionError(f"retain: {listed(twice)} of {run} is a task of another run of retain too")
            logits = torch.from_numpy(earlier.score(where, scoring_device(config))).float()
            for own, theirs in shared.items():
                columns.append(own)
                self.names.append(source.task_names[own])
                self.runs.append(str(run))
                before[where, own] = losses_of(logits[:, theirs], source.targets(where)[:, own])
        if len(columns) == source.num_tasks:
            raise OptionError(
                f"retain: all tasks of this run ({listed(source.task_names)}) are retained, so that there is nothing "
                "new to learn"
            )
        self.before = before[:, columns]
        trained = torch.full_like(self.before, torch.nan)
        trained[source.splits["train"]] = self.before[source.splits["train"]]
        if idle := [
            name for name, known in zip(self.names, (~trained.isnan()).any(0).tolist(), strict=True) if not known
        ]:
            raise OptionError(f"retain: no item of the training part has a label of {listed(idle)}")
        rho = USUAL_RHO if config.retain_rho is None else config.retain_rho
        self.penalty = ZeroForgetting(None, trained, rho=rho)
        self.columns: Tensor
        self.register_buffer("columns", torch.tensor(columns), persistent=False)

    def forward(self, logits: Tensor, batch: Any) -> Tensor:
        """Return the penalty of a batch."""
        losses = losses_of(logits[:, self.columns].float(), batch.y[:, self.columns])
        return gathered(self.penalty)(losses, batch.idx)

    def of_new_tasks(self, y: Tensor) -> Tensor:
        """Return labels without those of the retained tasks, so that the loss is of the new tasks alone."""
        return y.index_fill(1, self.columns.to(y.device), torch.nan)

    def report(self, part: str, losses: Tensor) -> dict[str, dict[str, float]]:
        """Return the mean loss of each retained task in a part before and after.

        Args:
            part: Name of the part.
            losses: ``[n, m]`` losses of its items now.
        """
        both = [self.before[self.parts[part]].double().nanmean(0), losses.double().nanmean(0)]
        return {
            name: {"before": old, "after": new}
            for name, old, new in zip(self.names, both[0].tolist(), both[1].tolist(), strict=True)
        }


def losses_of(logits: Tensor, target: Tensor) -> Tensor:
    """Return cross-entropies, NaN where the label is missing."""
    known = ~target.isnan()
    losses = F.binary_cross_entropy_with_logits(
        logits, torch.where(known, target, 0).to(logits.dtype), reduction="none"
    )
    return torch.where(known, losses, torch.nan)
