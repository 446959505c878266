"""Focal loss."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from xgraph.checks import LARGE, number
from xgraph.losses.base import Loss
from xgraph.losses.batch import Batch


class FocalLoss(Loss):
    r"""Focal loss on logits, averaged over all known labels. It has no state.

    .. math:: -α (1-p)^{φ} \log p \text{ for positives}, \quad -(1-α) p^{φ} \log(1-p) \text{ for negatives}

    `Lin et al., ICCV 2017 <https://arxiv.org/abs/1708.02002>`__; p is the probability that the model predicts.

    Args:
        num_items: Size of the data set (unused; all losses have the same signature).
        num_tasks: T, the number of label columns.
        alpha: Weight α of positives, in (0, 1); negatives have weight 1 − α.
        focusing: Exponent φ ≥ 0: 0 is weighted cross-entropy, larger values give less weight to easy examples.

    Raises:
        ValueError: If ``alpha`` or ``focusing`` is out of range.

    Example:
        >>> import torch
        >>> FocalLoss(num_items=2, alpha=0.5, focusing=0.0)(torch.zeros(2), torch.tensor([1.0, 0.0]))
        tensor(0.3466)
    """

    sampler = "shuffle"
    one_stage = True
    takes_weights = True

    def __init__(self, num_items: int, num_tasks: int = 1, *, alpha: float = 0.25, focusing: float = 2.0) -> None:
        super().__init__(num_items, num_tasks)
        self.alpha = number("alpha", alpha, 0, 1, "()")
        self.focusing = number("focusing", focusing, 0, LARGE)

    def _loss(self, batch: Batch) -> Tensor:
        # compute log p and log(1 − p) with softplus, so that no probability is rounded to 0
        surprise_positive, surprise_negative = F.softplus(-batch.scores), F.softplus(batch.scores)
        positive = (-self.focusing * surprise_negative).exp() * surprise_positive * batch.positive
        negative = (-self.focusing * surprise_positive).exp() * surprise_negative * batch.negative
        total = self.alpha * batch.weighted(positive).sum() + (1 - self.alpha) * batch.weighted(negative).sum()
        return total / (batch.positive.sum() + batch.negative.sum()).clamp_min(1)
