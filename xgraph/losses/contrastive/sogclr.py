"""Global contrastive loss: views of each item are contrasted with the views of all other items (SogCLR, iSogCLR)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from xgraph.checks import LARGE, SMALL, number
from xgraph.estimators import GammaSchedule, LogMovingAverage
from xgraph.estimators.infinite import infinite
from xgraph.losses.base import RESTART_LAG
from xgraph.losses.batch import within_limit
from xgraph.losses.contrastive.base import ContrastiveLoss, nothing, unit
from xgraph.losses.contrastive.temperature import START, Learn, Temperatures, anchor_losses, check_given


class SogCLRLoss(ContrastiveLoss):
    r"""Global contrastive loss: contrasts each item with the whole data set, not only with its batch (SogCLR).

    .. math:: \min_w \mathrm{mean}_i \; -h_i^⊤ h_i^+ + τ \log \mathrm{mean}_{j ∈ S_i^-} \exp(h_i^⊤ h_j / τ)

    Here h is a normalised vector and h⁺ the vector of the item's other view. Both views of an item are anchors, and
    all views of the other items in the batch are a sample of its S⁻. The loss tracks :math:`\log u_i`, the logarithm
    of the mean of exponentials over both anchors, so small batches do not bias the gradient and nothing overflows.
    With γ = 1, or in eval mode, it is the loss of the batch alone (InfoNCE without the positive in the denominator).

    **Temperatures.** By default τ is a number. With ``learn="global"`` it is learned, with ``learn="individual"`` each
    item learns its own (iSogCLR): an item with many similar others gets a large τ, one that stands alone a small τ.
    With ``learn="predicted"`` a network gives τ along with each batch (TempNet; see
    :class:`xgraph.nn.TemperatureHead`). The objective is then

    .. math::
        \min_{w, τ_0 ≤ τ ≤ τ_{max}} \mathrm{mean}_i \; τ_i \log \mathrm{mean}_{j ∈ S_i^-} \exp(ℓ_{ij} / τ_i) + τ_i ρ,
        \qquad ℓ_{ij} = h_i^⊤ h_j - h_i^⊤ h_i^+

    The larger ρ, the smaller the temperatures and the more the most similar others count. States of temperatures are
    part of the loss, not parameters of the optimiser.

    **Several processes.** ``xgraph.distributed.gathered(loss_fn)`` takes the negatives from all of them.

    `Yuan et al., ICML 2022 <https://arxiv.org/abs/2202.12387>`__; Algorithm 34 and equation (6.43), with the factor τ
    that is missing there, over several views as (6.42). Individual temperatures: `Qiu et al., ICML 2023
    <https://arxiv.org/abs/2305.11965>`__; Algorithm 35 and (6.47). A global one is (6.49), predicted ones are (6.50)
    (`Qiu et al., ICML 2024 <https://arxiv.org/abs/2404.04575>`__).

    The loss is called with views instead of logits and labels, so it is not a ``--loss`` of ``xgraph train``; ``xgraph
    pretrain --objective contrastive`` trains with it.

    Args:
        num_items: Size of the data set that ``index`` refers to.
        temperature: Temperature τ, or where a learned one starts: the smaller, the more weight the most similar
            negatives get. One of the words global, individual and predicted is short for ``learn`` with a start of .1.
        gamma: Weight of the new value in the moving average, in (0, 1] (from Python also a schedule).
        max_lag: Bound on log u above its newest estimate; inf for none. Beyond 50 an item restarts in any case.
        learn: How τ is found: "none" (it is a constant), "global", "individual" or "predicted".
        rho: ρ, how far the weights of the negatives are from uniform (KL divergence); only if τ is learned.
        min_temperature: Lower bound τ₀, at least .005; only if τ is learned.
        max_temperature: Upper bound; only if τ is learned.
        temperature_lr: Step size of τ; a step changes it by 30 % at most.
        temperature_momentum: Weight of the newest derivative in the moving average along which τ moves, in (0, 1].
        tau: Another name of ``temperature``, from earlier versions.

    Raises:
        ValueError: If an argument is out of range, or both ``temperature`` and ``tau`` are given.
        TypeError: If an argument has the wrong type.

    Example:
        >>> loss_fn = SogCLRLoss(num_items=100, temperature=0.5)
        >>> views = torch.eye(3, requires_grad=True)
        >>> loss = loss_fn(views, views, torch.tensor([7, 3, 42]))  # -1 + 0.5 log(e⁰)
        >>> loss.backward()
        >>> loss.item()
        -1.0
        >>> loss_fn = SogCLRLoss(num_items=100, temperature="individual")
        >>> loss = loss_fn(views, views, torch.tensor([7, 3, 42]))
        >>> loss_fn.temperatures.at(torch.tensor([7, 8]))
        tensor([0.0970, 0.1000])
    """

    def __init__(
        self,
        num_items: int,
        temperature: float | str = START,
        gamma: float | GammaSchedule = 0.9,
        *,
        max_lag: float = math.inf,
        learn: Learn = "none",
        rho: float = 0.3,
        min_temperature: float = 0.05,
        max_temperature: float = 0.7,
        temperature_lr: float = 0.01,
        temperature_momentum: float = 0.9,
        tau: float | None = None,
    ) -> None:
        super().__init__(num_items)
        if tau is not None:
            if temperature != START:
                raise ValueError(f"tau is another name of temperature: give one of them, got {tau} and {temperature}")
            temperature = number("tau", tau, SMALL, LARGE)
        self.track = LogMovingAverage(self.num_items, (), gamma, max_lag=max_lag, restart_lag=RESTART_LAG)
        self.temperatures = Temperatures(
            self.num_items,
            temperature,
            learn,
            rho=rho,
            low=min_temperature,
            high=max_temperature,
            lr=temperature_lr,
            momentum=temperature_momentum,
        )
        self.temperatures.warn_if_free(2 * (self.num_items - 1))

    @property
    def temperature(self) -> float:
        """The temperature, or where a learned one started."""
        return self.temperatures.start

    @property
    def tau(self) -> float:
        """Another name of ``temperature``."""
        return self.temperatures.start

    def forward(self, z1: Tensor, z2: Tensor, index: Tensor | None = None, tau: Tensor | None = None) -> Tensor:
        """Compute the loss of one batch.

        Args:
            z1: ``[B, P]`` vectors of the first view of each item; the loss normalises them.
            z2: ``[B, P]`` vectors of the second view, or ``[B, V, P]`` of V further views. Every view is an anchor, and
                all others of the same row are its positives.
            index: ``[B]`` positions of the items in the data set; required in training. Rows of the same item are not
                used as each other's negatives. In eval mode an item has its own temperature; without an index, the
                mean of the individual ones is used.
            tau: ``[B]`` predicted temperatures, with gradient; only for ``learn="predicted"``.

        Returns:
            A scalar. With a single item there are no negatives: the result is 0 and all gradients are zero.

        Raises:
            ValueError: If shapes or devices do not match, or a number is not finite. No state is written in this case.
            IndexError: If an index is negative or not below ``num_items``. No state is written in this case.
            TypeError: If the views are not floating-point tensors, or ``index`` is not an integer tensor.
        """
        if self.skips_infinite and not (within_limit(z1) and within_limit(z2)):
            self._check(torch.zeros_like(z1), torch.zeros_like(z2), index, tau)
            return infinite(z1, z2)
        rows = self._check(z1, z2, index, tau)
        with torch.autocast(z1.device.type, enabled=False):
            return self._loss(z1, z2, rows, tau)

    def monitor(self) -> dict[str, float]:
        """Return figures to log during training.

        Returns:
            ``seen`` and ``stuck`` of the table (see :meth:`xgraph.estimators.StateTable.monitor`). If temperatures are
            states: ``temperature``, their mean, and the shares ``at_min`` and ``at_max`` at their bounds.
        """
        return {**self.temperatures.monitor(), **self.track.monitor()}

    def extra_repr(self) -> str:
        """Describe the arguments."""
        return f"num_items={self.num_items}, temperature={self.temperature:g}"

    def _loss(self, z1: Tensor, z2: Tensor, rows: Tensor | None, tau: Tensor | None) -> Tensor:
        h = unit(torch.cat([z1.unsqueeze(1), z2.view(len(z1), -1, z1.size(1))], 1))  # [B, V, P]
        size, views, _ = h.shape
        item = torch.arange(size, device=h.device) if rows is None else rows
        negative = (item.unsqueeze(1) != item.unsqueeze(0)).repeat_interleave(views, 1).repeat(1, views)
        if not bool(negative.any(1).all()):  # the batch holds a single item
            return nothing(z1, z2, tau).to(h.dtype)
        flat = h.flatten(0, 1)
        alike = (flat @ flat.t()).view(size, views, size * views)
        positive = (h * (h.sum(1, keepdim=True) - h)).sum(2) / (views - 1)  # [B, V], the mean over the other views
        inside = self.temperatures.learn != "none"
        if inside:
            alike = alike - positive.unsqueeze(2)
        losses = anchor_losses(alike.flatten(1), negative, rows, self.track, self.temperatures, tau)
        return losses.mean() if inside else losses.mean() - positive.mean()

    def _check(self, z1: Tensor, z2: Tensor, index: Tensor | None, tau: Tensor | None) -> Tensor | None:
        self._check_types(z1=z1, z2=z2)
        further = z2.dim() == 3 and z2.size(1) > 0 and (len(z2), z2.size(2)) == z1.shape
        if z1.dim() != 2 or not (z1.shape == z2.shape or further):
            raise ValueError(
                f"z1 and z2 must have the same shape [B, P], got {list(z1.shape)} and {list(z2.shape)}; "
                "V further views of each item are z2 of the shape [B, V, P]"
            )
        self._check_devices(z1, z2, index, tau)
        check_given("tau", tau, len(z1), self.temperatures.learn)
        rows = self._check_index("index", index, len(z1), self.num_items)
        self._check_vectors(z1=z1, z2=z2)
        return rows
