"""The penalties of a run, which are added to its loss in every step of both stages."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from xgraph.training.config.build import TrainConfig
from xgraph.training.files.checkpoint import read_checkpoint
from xgraph.training.files.rundir import BEST, METRICS
from xgraph.training.files.saved_model import load_model
from xgraph.training.files.writing import write_json
from xgraph.training.fit.constraints.fair import Fair
from xgraph.training.fit.constraints.retained import Retained, losses_of
from xgraph.training.scoring.inference import as_scores

if TYPE_CHECKING:
    from xgraph.training.sources import Source


MOST_LINES = 12
"""So many retained tasks are named in the first lines of a run."""


class Terms(nn.Module):
    """Penalties of constraints. Their state is part of the run's checkpoints.

    Args:
        config: The settings of the run.
        source: Its data.
    """

    def __init__(self, config: TrainConfig, source: "Source") -> None:
        super().__init__()
        self.retained = Retained(config, source) if config.retain else None
        self.fair = Fair(config, source) if source.groups is not None else None

    @property
    def parts(self) -> list[nn.Module]:
        """The constraints that there are."""
        return [part for part in (self.retained, self.fair) if part is not None]

    def forward(self, logits: Tensor, batch: Any) -> Tensor:
        """Return the sum of the penalties of a batch."""
        total: Tensor = sum((part(logits, batch) for part in self.parts), start=logits.new_zeros(()))
        return total

    def labels(self, y: Tensor) -> Tensor:
        """Return the labels that the loss is computed with: without those of retained tasks."""
        return y if self.retained is None else self.retained.of_new_tasks(y)

    def announcement(self) -> Iterator[str]:
        """Yield the lines that say what is constrained."""
        if self.retained is not None:
            for name, run in list(zip(self.retained.names, self.retained.runs, strict=True))[:MOST_LINES]:
                yield f"retained: {name}: its training loss may not rise above that of {run}"
            if len(self.retained.names) > MOST_LINES:
                yield f"retained: {len(self.retained.names) - MOST_LINES} more tasks"
        if self.fair is not None:
            aim = "compared" if self.fair.penalty is None else f"rates may differ by {self.fair.tolerance:g}"
            yield f"groups of {self.fair.groups_of.column}: {', '.join(self.fair.counts)} in train; {aim}"

    def add_to(self, metrics: dict[str, Any], source: "Source", path: Path, device: str) -> dict[str, Any]:
        """Add the report of a finished run to its metrics, and write them anew."""
        model = load_model(read_checkpoint(path / BEST))
        metrics = {**metrics, "constraints": self.report(source, model, device)}
        write_json(path / METRICS, metrics)
        return metrics

    def report(self, source: "Source", model: nn.Module, device: str) -> dict[str, Any]:
        """Return the state of all constraints at the end of training, and how the kept model stands in each part."""
        found: dict[str, Any] = {}
        if self.retained is not None:
            kept = self.retained
            tracked, multiplier = kept.penalty.values().tolist(), kept.penalty.multipliers().tolist()
            by_part = {}
            for name, positions in kept.parts.items():
                logits = torch.from_numpy(source.score(model, positions, device=device)).float()
                columns = kept.columns.cpu()
                by_part[name] = kept.report(name, losses_of(logits[:, columns], source.targets(positions)[:, columns]))
            found["retain"] = [
                {
                    "task": name,
                    "run": run,
                    "value": tracked[k],
                    "multiplier": multiplier[k],
                    **{part: rows[name] for part, rows in by_part.items()},
                }
                for k, (name, run) in enumerate(zip(kept.names, kept.runs, strict=True))
            ]
        if self.fair is not None:
            found["fair"] = {**self.fair.report(source.task_names), **fair_parts(self.fair, source, model, device)}
        return found


def fair_parts(fair: Fair, source: "Source", model: nn.Module, device: str) -> dict[str, Any]:
    """Return how the groups differ in each part that a run reports, by part and task."""
    found = {}
    for name in source.scored:
        positions = source.splits[name]
        scores = as_scores(source.score(model, positions, device=device), "sigmoid")
        found[name] = fair.compare(positions, source.targets(positions).numpy(), scores, source.task_names)
    return found


def make_terms(config: TrainConfig, source: "Source") -> Terms | None:
    """Return the penalties of a run, or None if it has no constraints."""
    return Terms(config, source) if config.retain or source.groups is not None else None
