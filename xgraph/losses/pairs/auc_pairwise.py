"""The pairwise AUC loss."""

from __future__ import annotations

from torch import Tensor

from xgraph.estimators import GammaSchedule
from xgraph.losses.pairs.base import Activation, PairLoss, RecentLoss
from xgraph.losses.pairs.reduce import Pairs
from xgraph.losses.pairs.surrogates import Surrogate


class PairwiseAUCLoss(PairLoss):
    r"""Area under the ROC curve (AUC), by a surrogate over all (positive, negative) pairs of the batch.

    .. math:: \min_w \mathrm{mean}_{i ∈ S_+, j ∈ S_-} ℓ(h_j - h_i)

    The mean over a batch is an unbiased estimate, so the loss has no state (section 6.4.1, method 1).

    Args:
        num_items: Size of the data set (only used to check ``index``).
        num_tasks: T, the number of label columns.
        surrogate: ℓ: squared_hinge, hinge, squared, logistic or sigmoid (from Python also a :class:`Surrogate`).
        margin: Margin m of the surrogates that have one.
        activation: With sigmoid, apply ℓ to σ(h), as published recipes do; with none, to the logits.
        gamma: Weight of the newest batch in the objective reported by ``monitor``, in (0, 1].

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> import torch
        >>> loss_fn = PairwiseAUCLoss(num_items=3)
        >>> loss_fn(torch.tensor([0.5, -1.0, 0.5]), torch.tensor([1.0, 0.0, 0.0]))
        tensor(0.5000)
    """

    stateful = False

    def __init__(
        self,
        num_items: int,
        num_tasks: int = 1,
        *,
        surrogate: str | Surrogate = "squared_hinge",
        margin: float = 1.0,
        activation: Activation | None = None,
        gamma: float | GammaSchedule = 0.1,
    ) -> None:
        super().__init__(num_items, num_tasks, surrogate=surrogate, margin=margin, activation=activation)
        self.recent = RecentLoss(gamma)

    def _objective(self, pairs: Pairs, rows: Tensor | None, duplicates: bool) -> Tensor:
        loss = pairs.anchors.mean(pairs.mean())
        if self.training:
            self.recent.add(loss)
        return loss

    def monitor(self) -> dict[str, float]:
        """Return ``objective``: a moving average of the loss over recent batches, NaN before the first."""
        return {"objective": self.recent.objective}
