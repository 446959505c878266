"""The pairwise AUC loss."""

from __future__ import annotations

from torch import Tensor

from xgraph.estimators import GammaSchedule
from xgraph.losses.pairs.base import Activation, PairLoss, Recent
from xgraph.losses.pairs.reduce import Pairs
from xgraph.losses.pairs.surrogates import Surrogate


class PairwiseAUCLoss(PairLoss):
    r"""Area under the ROC curve, by a surrogate of all (positive, negative) pairs of the batch.

    .. math:: \min_w \mathrm{mean}_{i ∈ S_+, j ∈ S_-} ℓ(h_j - h_i)

    Method 1 of section 6.4.1 of the chapter. The mean over a batch is unbiased, so there is no state.

    Args:
        num_items: Size of the data set (unused without state; ``index`` is checked against it).
        num_tasks: T, the number of label columns.
        surrogate: ℓ: squared_hinge, hinge, squared, logistic, sigmoid (in Python also a :class:`Surrogate`).
        margin: Margin m, for the surrogates that have one.
        activation: With sigmoid, ℓ is applied to σ(h), as in published recipes; with none, to the logits.
        gamma: Weight of the newest batch in the objective that `monitor` reports, in (0, 1].

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
        self.recent = Recent(gamma)

    def _objective(self, pairs: Pairs, rows: Tensor | None, duplicates: bool) -> Tensor:
        loss = pairs.anchors.mean(pairs.mean())
        if self.training:
            self.recent.add(loss)
        return loss

    def monitor(self) -> dict[str, float]:
        """``objective``: a moving average of the loss over the latest batches, NaN before the first."""
        return {"objective": self.recent.objective}
