"""Models that are fitted in a single step to a table of numbers, not trained step by step."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from xgraph.checks import integer
from xgraph.nn.layers.feature_scale import FeatureScale
from xgraph.nn.layers.protocol import Kind, Model

Progress = Callable[[int, int, str], None]


class FittedModel(nn.Module, Model):
    """What a model has that another library fits and that is then kept as tensors.

    A batch has `features`, the numbers beside the graphs, ``[B, F]``; nothing else of it is used. All that is learned
    is in buffers, whose sizes are those of the fit: they come with `load_state_dict`, without pickled objects. Tasks
    are fitted one by one, each on its labelled items. A task with labels of one class only cannot be learned; its
    logit is 0.

    Args:
        num_tasks: Number T of logits per item.
        num_features: Number F of features of an item.

    Raises:
        ValueError: If an argument is out of range.
    """

    kind: ClassVar[Kind] = "graph"
    fitted: ClassVar[bool] = True
    takes_features: ClassVar[bool] = True

    learned: Tensor
    scale: FeatureScale | None

    def __init__(self, num_tasks: int, num_features: int) -> None:
        super().__init__()
        self.num_tasks, self.num_features = integer("num_tasks", num_tasks), integer("num_features", num_features)
        self.scale = None
        self.register_buffer("learned", torch.zeros(num_tasks, dtype=torch.bool))

    @classmethod
    def usual_features(cls, options: Mapping[str, Any]) -> list[str]:
        """Return the kinds of features that a run gives the model by default."""
        return ["rdkit", "morgan", "maccs"]

    def fit(
        self,
        features: Tensor,
        y: Tensor,
        *,
        seed: int = 0,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Learn, and forget what was learned before.

        Args:
            features: Shape ``[n, F]``.
            y: Labels 0/1, NaN = missing. Shape ``[n]`` or ``[n, T]``.
            seed: The same seed gives the same model, with any number of threads (an `SVM` to its solver's tolerance).
            threads: CPU threads; as many as torch uses if None.
            progress: Called with (done, total, what).

        Raises:
            ValueError: If a shape is wrong, a feature is not finite, a label is not 0, 1 or NaN, no task has labels of
                both classes, or the seed is negative.
        """
        y = y[:, None] if y.dim() == 1 else y
        x = self._table(features)
        if y.shape != (len(x), self.num_tasks):
            raise ValueError(f"y must have shape [{len(x)}, {self.num_tasks}], got {list(y.shape)}")
        if not bool(((y == 0) | (y == 1) | y.isnan()).all()):
            raise ValueError("y must hold 0, 1 or NaN only")
        integer("seed", seed, least=0)
        threads = torch.get_num_threads() if threads is None else integer("threads", threads)
        learned = (y == 0).any(0) & (y == 1).any(0)
        if not bool(learned.any()):
            raise ValueError("y must hold labels of both classes in at least one task")
        self._learn(x.cpu(), y.cpu(), learned.cpu(), seed, threads, progress)
        self.learned = learned.to(self.learned.device)

    def forward(self, batch: Any) -> Tensor:
        """Return logits, float64 ``[B, T]``: scores that differ by little stay different.

        Args:
            batch: Has `features`, ``[B, F]``.

        Raises:
            ValueError: If the batch has no features, or not these; or the model is not fitted yet.
        """
        x = self.embed(batch)
        if not bool(self.learned.any()):
            raise ValueError(f"{type(self).__name__} is not fitted yet: call fit first")
        return self._logits(x).masked_fill(~self.learned, 0.0)

    def embed(self, batch: Any) -> Tensor:
        """Return the features as the model reads them, finite float32 ``[B, F]``."""
        features = getattr(batch, "features", None)
        if features is None:
            raise ValueError(f"the batch has no features, which {type(self).__name__} reads instead of the graphs")
        return self._table(features)

    def reset_head(self) -> None:
        """Forget the fit: there is no encoder that could stay."""
        self.learned.zero_()

    @abstractmethod
    def _learn(self, x: Tensor, y: Tensor, learned: Tensor, seed: int, threads: int, progress: Progress | None) -> None:
        """Fit the tasks in `learned`, bool ``[T]``, to finite float32 `x` and labels `y`, ``[n, T]``."""

    @abstractmethod
    def _logits(self, x: Tensor) -> Tensor:
        """Logits of finite float32 `x`; float64 ``[B, T]``, anything for tasks that were not learned."""

    def _table(self, features: Tensor) -> Tensor:
        """Features as finite float32."""
        if features.dim() != 2 or features.size(1) != self.num_features:
            raise ValueError(f"features must have shape [B, {self.num_features}], got {list(features.shape)}")
        x = features.float()
        if not bool(x.isfinite().all()):
            raise ValueError("features must be finite numbers in float32")
        return x


def task_seed(seed: int, task: int) -> int:
    """A seed below 2³² for a task, different for all seeds and tasks."""
    return int(np.random.SeedSequence([seed, task]).generate_state(1)[0])
