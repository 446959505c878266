"""Two towers: items of two modalities are matched, each against all others of the other modality."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from xgraph.checks import integer
from xgraph.estimators import GammaSchedule, LogMovingAverage
from xgraph.estimators.infinite import infinite
from xgraph.losses.base import RESTART_LAG
from xgraph.losses.batch import within_limit
from xgraph.losses.contrastive.base import ContrastiveLoss, nothing, unit
from xgraph.losses.contrastive.temperature import START, Learn, Temperatures, anchor_losses, check_given


class TwoTowerLoss(ContrastiveLoss):
    r"""Contrastive loss of two modalities, such as molecules and their descriptions (CLIP with all negatives).

    .. math::
        \min_{w, τ} \tfrac12 \sum_{\text{directions}} \mathrm{mean}_i \;
        τ_i \log \mathrm{mean}_{j ∈ S_i^-} \exp(ℓ_{ij} / τ_i) + τ_i ρ, \qquad ℓ_{ij} = h_i^⊤ h'_j - h_i^⊤ h'_i

    h and h' are the normalised vectors of the two towers: row i of the first is matched with row i of the second. In
    the other direction the towers change places. Each direction tracks its :math:`\log u_i`, so that a small batch
    stands for the whole data set. With γ = 1, or in eval mode, it is the loss of the batch alone.

    Temperatures are constant, learned (one for all, or one for each item), or predicted by a network, as in
    :class:`SogCLRLoss`; each direction has its own. The defaults of the bounds are those of its authors for a single
    modality. For two, they use ``temperature=0.01, min_temperature=0.005, max_temperature=0.05, rho=6``, for millions
    of pairs: ρ must be below the logarithm of the number of items.

    `Yuan et al., ICML 2022 <https://arxiv.org/abs/2202.12387>`__, `Qiu et al., ICML 2023
    <https://arxiv.org/abs/2305.11965>`__ and `ICML 2024 <https://arxiv.org/abs/2404.04575>`__; equations (6.47) to
    (6.50) and Algorithm 35.

    Args:
        num_items: Number of items of the first tower.
        num_items2: Number of items of the second tower; ``None`` for as many as the first has, with the same numbers.
        temperature: Temperature τ, or where a learned one starts. One of the words global, individual and predicted is
            short for ``learn`` with a start of .1.
        learn: How τ is found: "none" (it is a constant), "global", "individual" or "predicted".
        rho: ρ, how far the weights of the negatives are from uniform (KL divergence); only if τ is learned.
        min_temperature: Lower bound τ₀, at least .005; only if τ is learned.
        max_temperature: Upper bound; only if τ is learned.
        temperature_lr: Step size of τ; a step changes it by 30 % at most.
        temperature_momentum: Weight of the newest derivative in the moving average along which τ moves, in (0, 1].
        gamma: Weight of the new value in the moving average, in (0, 1] (from Python also a schedule).
        average: Whether the two directions are averaged; if not, they are added, as printed in (6.48).
        max_lag: Bound on log u above its newest estimate; inf for none. Beyond 50 an item restarts in any case.

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If an argument has the wrong type.

    Example:
        >>> loss_fn = TwoTowerLoss(num_items=100, temperature=0.5)
        >>> molecules, texts = torch.eye(3, requires_grad=True), torch.eye(3)
        >>> loss = loss_fn(molecules, texts, torch.tensor([7, 3, 42]))  # 0.5 log(e^(-1 / 0.5))
        >>> loss.backward()
        >>> loss.item()
        -1.0
    """

    def __init__(
        self,
        num_items: int,
        num_items2: int | None = None,
        *,
        temperature: float | str = START,
        learn: Learn = "none",
        rho: float = 0.3,
        min_temperature: float = 0.05,
        max_temperature: float = 0.7,
        temperature_lr: float = 0.01,
        temperature_momentum: float = 0.9,
        gamma: float | GammaSchedule = 0.9,
        average: bool = True,
        max_lag: float = math.inf,
    ) -> None:
        super().__init__(num_items)
        self.num_items2 = self.num_items if num_items2 is None else integer("num_items2", num_items2)
        self.average = bool(average)
        sizes = self.num_items, self.num_items2
        self.track1, self.track2 = (
            LogMovingAverage(size, (), gamma, max_lag=max_lag, restart_lag=RESTART_LAG) for size in sizes
        )
        self.temperatures1, self.temperatures2 = (
            Temperatures(
                size,
                temperature,
                learn,
                rho=rho,
                low=min_temperature,
                high=max_temperature,
                lr=temperature_lr,
                momentum=temperature_momentum,
            )
            for size in sizes
        )
        self.temperatures1.warn_if_free(min(sizes) - 1)

    @property
    def temperature(self) -> float:
        """The temperature, or where a learned one started."""
        return self.temperatures1.start

    def forward(
        self,
        z1: Tensor,
        z2: Tensor,
        index: Tensor | None = None,
        index2: Tensor | None = None,
        tau1: Tensor | None = None,
        tau2: Tensor | None = None,
        reference: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Compute the loss of one batch of pairs.

        Args:
            z1: ``[B, P]`` vectors of the first tower; the loss normalises them.
            z2: ``[B, P]`` vectors of the second tower; row i belongs to row i of ``z1``.
            index: ``[B]`` positions of the first tower's items; required in training. Rows that share an item, on
                either side, are not each other's negatives.
            index2: ``[B]`` positions of the second tower's items; ``None`` if they are those of ``index``.
            tau1: ``[B]`` predicted temperatures of the first tower's items, with gradient; only for
                ``learn="predicted"``.
            tau2: The same for the second tower.
            reference: Vectors of both towers of a reference model for the same pairs, ``[B, Q]`` each, without
                gradient. Similarities then count above its own, equation (6.121): pairs that it cannot tell apart
                either count little (DRRho-CLIP).

        Returns:
            A scalar: the mean over the rows that have a negative. If none has, it is 0 and all gradients are zero.

        Raises:
            ValueError: If shapes or devices do not match, or a number is not finite. No state is written in this case.
            IndexError: If an index is out of range. No state is written in this case.
            TypeError: If the vectors are not floating-point tensors, or an index is not an integer tensor.
        """
        if self.skips_infinite and not (within_limit(z1) and within_limit(z2)):
            self._check(torch.zeros_like(z1), torch.zeros_like(z2), index, index2, tau1, tau2)
            return infinite(z1, z2)
        own = None if reference is None else self._similarities(reference, len(z1))
        rows1, rows2 = self._check(z1, z2, index, index2, tau1, tau2)
        with torch.autocast(z1.device.type, enabled=False):
            return self._loss(unit(z1), unit(z2), rows1, rows2, tau1, tau2, own)

    def monitor(self) -> dict[str, float]:
        """Return figures to log during training: those of :meth:`SogCLRLoss.monitor`, as means of both directions."""
        one, two = (
            {**temperatures.monitor(), **track.monitor()}
            for temperatures, track in ((self.temperatures1, self.track1), (self.temperatures2, self.track2))
        )
        return {name: (value + two[name]) / 2 for name, value in one.items()}

    def extra_repr(self) -> str:
        """Describe the arguments."""
        return f"num_items={self.num_items}, num_items2={self.num_items2}, temperature={self.temperature:g}"

    def _loss(
        self,
        h1: Tensor,
        h2: Tensor,
        rows1: Tensor | None,
        rows2: Tensor | None,
        tau1: Tensor | None,
        tau2: Tensor | None,
        reference: Tensor | None = None,
    ) -> Tensor:
        place = torch.arange(len(h1), device=h1.device)
        negative = torch.ones(len(h1), len(h1), dtype=torch.bool, device=h1.device)
        for item in (place if rows1 is None else rows1, place if rows2 is None else rows2):
            negative &= item.unsqueeze(1) != item.unsqueeze(0)
        kept = negative.any(1).nonzero().squeeze(1)  # negatives are mutual, so both directions keep the same rows
        if not len(kept):
            return nothing(h1, h2, tau1, tau2)
        alike = h1 @ h2.t() if reference is None else h1 @ h2.t() - reference.to(h1.dtype)
        total = h1.new_zeros(())
        for scores, rows, track, temperatures, tau in (
            (alike, rows1, self.track1, self.temperatures1, tau1),
            (alike.t(), rows2, self.track2, self.temperatures2, tau2),
        ):
            gap = scores - scores.diagonal().unsqueeze(1)
            own = [None if part is None else part.index_select(0, kept) for part in (rows, tau)]
            losses = anchor_losses(
                gap.index_select(0, kept), negative.index_select(0, kept), own[0], track, temperatures, own[1]
            )
            total = total + losses.mean()
        return total / 2 if self.average else total

    @torch.no_grad()
    def _similarities(self, reference: tuple[Tensor, Tensor], length: int) -> Tensor:
        """Return the similarities of a reference model after checking its vectors, ``[B, B]``."""
        named = {f"reference {number}": vectors for number, vectors in enumerate(reference, 1)}
        self._check_types(**named)
        r1, r2 = reference
        if r1.dim() != 2 or r1.shape != r2.shape or len(r1) != length:
            raise ValueError(
                f"reference must hold two tensors of the same shape [{length}, P], got {list(r1.shape)} and "
                f"{list(r2.shape)}"
            )
        self._check_devices(r1, r2)
        self._check_vectors(**named)
        return unit(r1) @ unit(r2).t()

    def _check(
        self,
        z1: Tensor,
        z2: Tensor,
        index: Tensor | None,
        index2: Tensor | None,
        tau1: Tensor | None,
        tau2: Tensor | None,
    ) -> tuple[Tensor | None, Tensor | None]:
        self._check_types(z1=z1, z2=z2)
        if z1.dim() != 2 or z1.shape != z2.shape:
            raise ValueError(f"z1 and z2 must have the same shape [B, P], got {list(z1.shape)} and {list(z2.shape)}")
        self._check_devices(z1, z2, index, index2, tau1, tau2)
        check_given("tau1", tau1, len(z1), self.temperatures1.learn)
        check_given("tau2", tau2, len(z1), self.temperatures2.learn)
        rows1 = self._check_index("index", index, len(z1), self.num_items)
        if index2 is None and self.num_items2 != self.num_items and index is not None:
            raise ValueError(
                f"index2 is required: the second tower has {self.num_items2} items, the first {self.num_items}"
            )
        rows2 = rows1 if index2 is None else self._check_index("index2", index2, len(z1), self.num_items2)
        if rows1 is None and rows2 is not None:
            raise ValueError("index is required if index2 is given")
        self._check_vectors(z1=z1, z2=z2)
        return rows1, rows2
