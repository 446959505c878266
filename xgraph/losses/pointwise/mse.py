"""Mean squared error."""

from __future__ import annotations

from xgraph.losses.pointwise.errors import SquaredError
from xgraph.losses.pointwise.number_loss import NumberLoss


class MSELoss(NumberLoss):
    r"""Mean squared error of predicted numbers, over all known numbers: mean (h − y)². It has no state.

    Its minimiser is the conditional mean. In ``xgraph train``, targets are standardised over the training part, so
    that several targets in different units count the same.

    Args:
        num_items: Size of the data set (unused; all losses have the same signature).
        num_tasks: T, the number of targets.

    Example:
        >>> import torch
        >>> MSELoss(num_items=3)(torch.tensor([1.0, 5.0, 2.0]), torch.tensor([3.0, 5.0, float("nan")]))
        tensor(2.)
    """

    error = SquaredError()
