"""SOAP: stochastic optimisation of average precision."""

from __future__ import annotations

from torch import Tensor

from xgraph.estimators import GammaSchedule, MovingAverage
from xgraph.losses.pairs.base import Activation, PairLoss, mean_over_tasks
from xgraph.losses.pairs.reduce import Pairs
from xgraph.losses.pairs.surrogates import Surrogate


class SOAPLoss(PairLoss):
    r"""Average precision, by a surrogate and a moving average per positive (SOAP).

    .. math::
        \min_w \frac{1}{n_+} Σ_{i ∈ S_+} - \frac{g_{i1}}{g_{i2}}, \quad
        g_{i1} = \mathrm{mean}_j 1[y_j = 1] ℓ(h_j - h_i), \quad g_{i2} = \mathrm{mean}_j ℓ(h_j - h_i)

    Each positive (item, task) pair tracks u = [g₁, g₂]. The loss returns mean −u₁/u₂, an estimate of the negative
    surrogate average precision, so its value is in [−1, 0). A task contributes only if the batch holds both of its
    classes: see :class:`xgraph.sampling.DualSampler`.

    SOAP, stochastic optimisation of average precision: `Qi et al., NeurIPS 2021 <https://arxiv.org/abs/2104.08736>`__;
    equation (6.22) and Algorithm 28.

    Args:
        num_items: Size of the data set that ``index`` refers to.
        num_tasks: T, the number of label columns; each (item, task) pair has its own state.
        surrogate: ℓ: squared_hinge, hinge, squared, logistic or sigmoid (from Python also a :class:`Surrogate`).
        margin: Margin m of the surrogates that have one.
        activation: With sigmoid, apply ℓ to σ(h), as published recipes do; with none, to the logits.
        gamma: Weight of the new value in the moving average, in (0, 1] (from Python also a schedule).
        max_lag: Keep the state below e^max_lag times the newest estimate, so that a batch of extreme scores does not
            suppress an item's gradient for long; inf for no bound.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> import torch
        >>> loss_fn = SOAPLoss(num_items=100, gamma=0.1)
        >>> logits = torch.tensor([0.5, -1.0, 0.5], requires_grad=True)
        >>> loss = loss_fn(logits, torch.tensor([1.0, 0.0, 0.0]), index=torch.tensor([7, 3, 42]))
        >>> loss.backward()
        >>> round(loss.item(), 4)
        -0.5
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
        max_lag: float = 10.0,
    ) -> None:
        super().__init__(num_items, num_tasks, surrogate=surrogate, margin=margin, activation=activation)
        self.track = MovingAverage(num_items * num_tasks, (2,), gamma, max_lag=max_lag)

    def _objective(self, pairs: Pairs, rows: Tensor | None, duplicates: bool) -> Tensor:
        means = pairs.shares()
        if rows is not None:
            means = self.track.step(means, rows, duplicates)
        relevant, all_ = means.unbind(1)
        return -pairs.anchors.mean(relevant / all_)

    def monitor(self) -> dict[str, float]:
        """Return figures to log during training.

        Returns:
            ``objective``: the mean of −u₁/u₂ over the positives seen so far; ``seen`` and ``stuck`` of the table.
        """
        relevant, all_ = self.track.value.unbind(1)
        objective = -mean_over_tasks(relevant / all_, self.track, self.num_tasks)
        return {"objective": objective, **self.track.monitor()}
