"""SOPA: one-way partial AUC with a threshold for each positive."""

from __future__ import annotations

from torch import Tensor

from xgraph.checks import LARGE, number
from xgraph.estimators import GammaSchedule, ProjectedGradient
from xgraph.losses.base import STRAY
from xgraph.losses.pairs.base import Activation, PairLoss, Recent
from xgraph.losses.pairs.reduce import Pairs
from xgraph.losses.pairs.surrogates import Surrogate


class Thresholds(ProjectedGradient):
    """ν_i of every positive, the (1−β)-quantile of its pair losses, found by descent; ``top`` is β."""

    def __init__(self, num_items: int, lr: float, top: float) -> None:
        super().__init__(num_items, (), number("dual_lr", lr, 0, LARGE, "(]"))
        self.top = number("max_fpr", top, 0, 1, "(]")

    def before(self, pairs: Pairs, rows: Tensor) -> Tensor:
        """``[R]`` constants: ν of the batch's anchors before its step; new ones start at the batch's quantile."""
        start = self.at(rows, pairs.scores.dtype)
        known = self.seen.index_select(0, rows)
        if not known.all():
            start[~known] = pairs.quantile(1 - self.top, ~known)
        return start

    def step_along(
        self, pairs: Pairs, rows: Tensor, before: Tensor, above: Tensor, direction: Tensor, duplicates: bool
    ) -> None:
        """ν ← ν + η direction; a ν far above all its losses restarts from the batch's quantile. All ``[R]``."""
        stuck = above == 0  # such an item passes on no gradient
        self.stuck.index_copy_(0, rows, stuck)
        if stuck.any():
            strayed = before > (pairs.largest() + pairs.surrogate(before.new_zeros(()))) * STRAY
            if strayed.any():
                before = before.clone()
                before[strayed] = pairs.quantile(1 - self.top, strayed)
        self.move(direction, rows, before, duplicates)


class SOPALoss(PairLoss):
    r"""One-way partial AUC, the area at false-positive rates up to β (SOPA; Zhu et al., ICML 2022).

    .. math:: \min_{w, ν} \mathrm{mean}_{i ∈ S_+} \big\{ β ν_i + \mathrm{mean}_{j ∈ S_-} (ℓ(h_j - h_i) - ν_i)_+ \big\}

    (6.26) and Algorithm 29 of the chapter: at its optimum ν_i separates the β·n₋ negatives that score highest from
    the rest, and the value is β times their mean loss. Each (item, task) that is positive has its ν_i, which starts
    at the (1−β)-quantile of its first batch and descends by ν ← ν − η (β − mean_j 1[ℓ_ij > ν_i]); value and gradient
    use it as it was before that step. After a batch of extreme scores (ν above e⁵ times all losses of a batch) it
    restarts from the quantile of that batch.

    Args:
        num_items: Size of the data set that ``index`` points into.
        num_tasks: T, the number of label columns; each (item, task) is an item of its own.
        surrogate: ℓ: squared_hinge, hinge, squared, logistic, sigmoid (in Python also a :class:`Surrogate`).
        margin: Margin m, for the surrogates that have one.
        activation: With sigmoid, ℓ is applied to σ(h), as in published recipes; with none, to the logits.
        gamma: Weight of the newest batch in the objective that `monitor` reports, in (0, 1].
        max_fpr: β, the largest false-positive rate of interest, in (0, 1]; 1 is the pairwise AUC loss.
        dual_lr: η, the step size of ν, in units of ℓ.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> import torch
        >>> loss_fn = SOPALoss(num_items=100, max_fpr=0.5)
        >>> logits = torch.tensor([0.5, -1.0, 0.5], requires_grad=True)
        >>> loss = loss_fn(logits, torch.tensor([1.0, 0.0, 0.0]), index=torch.tensor([7, 3, 42]))
        >>> loss.backward()
        >>> loss.item()  # half of the negatives: the one with ℓ = 1, times β
        0.5
    """

    def __init__(
        self,
        num_items: int,
        num_tasks: int = 1,
        *,
        surrogate: str | Surrogate = "squared_hinge",
        margin: float = 1.0,
        activation: Activation | None = None,
        gamma: float | GammaSchedule = 0.1,
        max_fpr: float = 0.3,
        dual_lr: float = 0.1,
    ) -> None:
        super().__init__(num_items, num_tasks, surrogate=surrogate, margin=margin, activation=activation)
        self.threshold = Thresholds(num_items * num_tasks, dual_lr, max_fpr)
        self.max_fpr = self.threshold.top
        self.recent = Recent(gamma)

    def _objective(self, pairs: Pairs, rows: Tensor | None, duplicates: bool) -> Tensor:
        if rows is None:
            return pairs.anchors.mean(pairs.tail(self.max_fpr))
        threshold = self.threshold.before(pairs, rows)
        excess, above = pairs.excess(threshold)
        self.threshold.step_along(pairs, rows, threshold, above, above - self.max_fpr, duplicates)
        loss = pairs.anchors.mean(excess + self.max_fpr * threshold)
        self.recent.add(loss)
        return loss

    def monitor(self) -> dict[str, float]:
        """``objective``: a moving average of the loss over the latest batches; ``seen``: the share of items seen.

        ``stuck``: the share of those with no loss above their threshold in their newest batch: no gradient.
        """
        return {"objective": self.recent.objective, **self.threshold.monitor()}
