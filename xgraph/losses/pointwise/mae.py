"""Mean absolute error."""

from __future__ import annotations

from xgraph.losses.pointwise.errors import AbsoluteError
from xgraph.losses.pointwise.number_loss import NumberLoss


class MAELoss(NumberLoss):
    r"""Mean absolute error of predicted numbers, over all known numbers: mean \|h − y\|. It has no state.

    Its minimiser is the conditional median, so single wild measurements matter less than with :class:`MSELoss`.

    Args:
        num_items: Size of the data set (unused; all losses have the same signature).
        num_tasks: T, the number of targets.

    Example:
        >>> import torch
        >>> MAELoss(num_items=3)(torch.tensor([1.0, 5.0, 2.0]), torch.tensor([3.0, 5.0, float("nan")]))
        tensor(1.)
    """

    error = AbsoluteError()
