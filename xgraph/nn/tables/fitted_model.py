"""Models that are fitted to a table of features in a single step, not trained iteratively."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from xgraph.checks import integer
from xgraph.nn.layers.feature_scale import FeatureScale
from xgraph.nn.layers.protocol import Kind, Model
from xgraph.nn.layers.target_scale import target_statistics
from xgraph.nn.tables.examples import Examples, Progress
from xgraph.nn.tables.features import USUAL_FEATURES, check_width, features_of


class FittedModel(nn.Module, Model):
    """Base class of the models that another library fits and xgraph stores as tensors.

    Only the `features` of a batch are used, ``[B, F]``, not its graphs. The fitted state is held in buffers, whose
    sizes are restored by `load_state_dict` without pickled objects. Tasks are fitted separately, each on its labelled
    items. A task with labels of only one class cannot be fitted; its logit is 0. After `predict_numbers`, the targets
    are numbers, which are standardised inside; a task whose numbers are all equal is predicted by that number.

    Args:
        num_tasks: Number T of logits per item.
        num_features: Number F of features of an item.

    Raises:
        ValueError: If an argument is out of range.
    """

    kind: ClassVar[Kind] = "graph"
    fitted: ClassVar[bool] = True
    takes_features: ClassVar[bool] = True
    reads_graphs: ClassVar[bool] = False

    learned: Tensor
    scale: FeatureScale | None

    def __init__(self, num_tasks: int, num_features: int) -> None:
        super().__init__()
        self.num_tasks, self.num_features = integer("num_tasks", num_tasks), integer("num_features", num_features)
        self.scale, self.target_scale = None, None
        self.register_buffer("learned", torch.zeros(num_tasks, dtype=torch.bool))

    @property
    def numbers(self) -> bool:
        """Whether the targets are numbers, not classes."""
        return self.target_scale is not None

    @classmethod
    def kinds(cls) -> tuple[Kind, ...]:
        """Return what has features: molecules, and bags by the statistics of their instances."""
        return ("graph", "bag")

    @classmethod
    def usual_features(cls, options: Mapping[str, Any]) -> list[str]:
        """Return the names of the features of molecules that a run computes for this model by default."""
        return list(USUAL_FEATURES)

    def fit(
        self,
        features: Tensor,
        y: Tensor,
        *,
        weight: Tensor | None = None,
        seed: int = 0,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Fit the model, replacing any earlier fit.

        Args:
            features: Features of the items. Shape ``[n, F]``.
            y: Labels 0 or 1, or numbers after `predict_numbers`; NaN for missing. Shape ``[n]`` or ``[n, T]``.
            weight: Weights of the items, 0 or more. Shape ``[n]``.
            seed: Random seed. The same seed gives the same model for any number of threads (an `SVM` up to its solver's
                tolerance).
            threads: Number of CPU threads; by default torch's number of threads.
            progress: Called with ``(done, total, description)``.

        Raises:
            ValueError: If a shape is wrong, a feature or weight is not finite, a label is not 0, 1 or NaN, a number is
                infinite, a weight or the seed is negative, or no task has labels of both classes or different numbers.
        """
        y = y[:, None] if y.dim() == 1 else y
        x = self._table(features)
        if y.shape != (len(x), self.num_tasks):
            raise ValueError(f"y must have shape [{len(x)}, {self.num_tasks}], got {list(y.shape)}")
        if self.numbers and bool(y.float().isinf().any()):
            raise ValueError("y must be finite in float32, or NaN (missing)")
        if not self.numbers and not bool(((y == 0) | (y == 1) | y.isnan()).all()):
            raise ValueError("y must be 0, 1 or NaN (missing)")
        if weight is not None:
            if weight.shape != (len(x),) or not bool((weight.isfinite() & (weight >= 0)).all()):
                raise ValueError(f"weight must hold {len(x)} finite numbers of 0 or more, one per item")
            used = weight > 0
            x, y, weight = x[used], y[used], weight[used].cpu()
        integer("seed", seed, least=0)
        threads = torch.get_num_threads() if threads is None else integer("threads", threads)
        learned = _several_values(y)
        if not bool(learned.any()):
            needed = "two different numbers" if self.numbers else "labels of both classes"
            raise ValueError(f"y must have {needed} in at least one task")
        if not bool((x != x[0]).any()):
            raise ValueError(f"features are the same for all {len(x)} items, so that nothing can be learned from them")
        x, y = x.cpu(), y.cpu()
        if self.target_scale is not None:
            device = self.target_scale.mean.device
            scale = self.target_scale.cpu()
            scale.fit(*target_statistics(y))
            y, self.target_scale = scale.standardise(y.double()), scale.to(device)
        self._learn(Examples(x, y, weight, learned.cpu(), seed, threads, progress))
        self.learned = learned.to(self.learned.device)

    def forward(self, batch: Any) -> Tensor:
        """Return logits, or predicted numbers, ``[B, T]``, in float64 so that close scores remain distinct.

        Args:
            batch: A batch with `features`, ``[B, F]``.

        Raises:
            ValueError: If the batch has no features or features of the wrong shape, or the model is not fitted yet.
        """
        x = self.embed(batch)
        if not bool(self.learned.any()):
            raise ValueError(f"{type(self).__name__} is not fitted yet: call fit first")
        return self.in_units(self._outputs(x).masked_fill(~self.learned, 0.0))

    def embed(self, batch: Any) -> Tensor:
        """Return the features that the model reads, in float32. Shape ``[B, F]``."""
        return self._table(features_of(batch, type(self).__name__, self.num_features))

    def reset_head(self) -> None:
        """Discard the fit: there is no encoder to keep."""
        self.learned.zero_()

    @abstractmethod
    def _learn(self, examples: Examples) -> None:
        """Fit the tasks that can be learned."""

    @abstractmethod
    def _outputs(self, x: Tensor) -> Tensor:
        """Return float64 logits, or standardised numbers, ``[B, T]`` for finite float32 `x`.

        Tasks that were not fitted may have any value.
        """

    def _table(self, features: Tensor) -> Tensor:
        """Check the features, and convert them to float32."""
        check_width(features, self.num_features)
        x = features.float()
        if not bool(x.isfinite().all()):
            raise ValueError("features must be finite in float32, but some are NaN, infinite or too large")
        return x


def _several_values(y: Tensor) -> Tensor:
    """Return which columns have two different values beside NaN, bool ``[T]``."""
    return y.nan_to_num(nan=torch.inf).amin(0) < y.nan_to_num(nan=-torch.inf).amax(0)
