"""SOPA: one-way partial AUC with a threshold per positive."""

from __future__ import annotations

from torch import Tensor

from xgraph.checks import LARGE, number
from xgraph.estimators import GammaSchedule, ProjectedGradient
from xgraph.losses.base import STRAY
from xgraph.losses.pairs.base import Activation, PairLoss, RecentLoss
from xgraph.losses.pairs.reduce import Pairs
from xgraph.losses.pairs.surrogates import Surrogate


class Thresholds(ProjectedGradient):
    """The threshold ν_i of every positive: the (1−β)-quantile of its pair losses, found by descent; ``top`` is β."""

    def __init__(self, num_items: int, lr: float, top: float) -> None:
        super().__init__(num_items, (), number("dual_lr", lr, 0, LARGE, "(]"))
        self.top = number("max_fpr", top, 0, 1, "(]")

    def before(self, pairs: Pairs, rows: Tensor) -> Tensor:
        """Return the anchors' ν before the step, ``[R]`` constants; new ones start at the batch's quantile."""
        start = self.at(rows, pairs.scores.dtype)
        known = self.seen.index_select(0, rows)
        if not known.all():
            start[~known] = pairs.quantile(1 - self.top, ~known)
        return start

    def step_along(
        self, pairs: Pairs, rows: Tensor, before: Tensor, above: Tensor, direction: Tensor, duplicates: bool
    ) -> None:
        """Update ν ← ν + η direction, all ``[R]``; a ν far above all its losses restarts at the batch's quantile."""
        stuck = above == 0  # these items pass on no gradient
        self.stuck.index_copy_(0, rows, stuck)
        if stuck.any():
            strayed = before > (pairs.largest() + pairs.surrogate(before.new_zeros(()))) * STRAY
            if strayed.any():
                before = before.clone()
                before[strayed] = pairs.quantile(1 - self.top, strayed)
        self.move(direction, rows, before, duplicates)


class SOPALoss(PairLoss):
    r"""One-way partial AUC: the area under the ROC curve at false-positive rates up to β (SOPA).

    .. math:: \min_{w, ν} \mathrm{mean}_{i ∈ S_+} \big\{ β ν_i + \mathrm{mean}_{j ∈ S_-} (ℓ(h_j - h_i) - ν_i)_+ \big\}

    At its optimum, ν_i separates the β·n₋ highest-scoring negatives from the rest, and the value is β times their mean
    loss. Each positive (item, task) pair has its own ν_i. It starts at the (1−β)-quantile of its first batch and
    descends by ν ← ν − η (β − mean_j 1[ℓ_ij > ν_i]); value and gradient use ν from before the step. After a batch of
    extreme scores (ν above e⁵ times all losses of a batch), ν restarts at the quantile of that batch.

    `Zhu et al., ICML 2022 <https://arxiv.org/abs/2203.00176>`__; equation (6.26) and Algorithm 29.

    Args:
        num_items: Size of the data set that ``index`` refers to.
        num_tasks: T, the number of label columns; each (item, task) pair has its own state.
        surrogate: ℓ: squared_hinge, hinge, squared, logistic or sigmoid (from Python also a :class:`Surrogate`).
        margin: Margin m of the surrogates that have one.
        activation: With sigmoid, apply ℓ to σ(h), as published recipes do; with none, to the logits.
        gamma: Weight of the newest batch in the objective reported by ``monitor``, in (0, 1].
        max_fpr: Largest false-positive rate of interest, β, in (0, 1]; 1 gives the pairwise AUC loss.
        dual_lr: Step size η of ν, in units of ℓ.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> import torch
        >>> loss_fn = SOPALoss(num_items=100, max_fpr=0.5)
        >>> logits = torch.tensor([0.5, -1.0, 0.5], requires_grad=True)
        >>> loss = loss_fn(logits, torch.tensor([1.0, 0.0, 0.0]), index=torch.tensor([7, 3, 42]))
        >>> loss.backward()
        >>> loss.item()  # β times the loss of the top half of the negatives: 0.5 · 1
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
        self.recent = RecentLoss(gamma)

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
        """Return figures to log during training.

        Returns:
            ``objective``: a moving average of the loss over recent batches; ``seen``: the share of items seen;
            ``stuck``: the share of these without a loss above their threshold in their newest batch, which therefore
            pass on no gradient.
        """
        return {"objective": self.recent.objective, **self.threshold.monitor()}
