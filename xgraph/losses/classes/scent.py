"""SCENT: cross-entropy over many classes, of which a step reads only some."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from xgraph.checks import choice, integer, number
from xgraph.estimators import GammaSchedule, LogMovingAverage, Proximal
from xgraph.estimators.infinite import infinite
from xgraph.losses.base import RESTART_LAG, Link, Loss
from xgraph.losses.batch import within_limit
from xgraph.losses.classes.rows import Layer, Rows, check_hidden, classes_of, layer_of, scores
from xgraph.losses.classes.sampling import (
    Classes,
    Sample,
    check_count,
    check_known,
    draw,
    known_among,
    log_share_in_batch,
    union,
)

LARGEST = 1e6
"""Largest α of a :class:`xgraph.estimators.Proximal`."""


class ScentLoss(Loss):
    r"""Cross-entropy over K classes, of which each step samples a few (SCENT), with a tracked normaliser per item.

    .. math:: \min_w \mathrm{mean}_i \log \sum_{j=1}^K \exp(R_{ij}), \qquad R_{ij} = (w_j - w_{y_i})^⊤ h_i

    This is cross-entropy exactly. A step reads the rows of W of the sampled classes C and of the item's own class
    :math:`y_i`, which needs no sampling. The loss tracks the logarithm :math:`v_i` of

    .. math:: \hat g_i = \tfrac1K \Big(1 + \sum_{j ∈ C, j ≠ y_i} \exp(R_{ij}) / π_j\Big)

    where :math:`π_j` is the probability that class j is sampled, and returns the mean of :math:`v_i + \log K`, an
    item's tracked cross-entropy. A sampled softmax (γ = 1) is biased; the history takes most of the bias away. With
    γ = 1 and all classes sampled, and in eval mode, it is cross-entropy itself. By default the weight of the new value
    is :math:`γ_i = σ(\log a + v_i + \log K)`: an item that is not yet classified well forgets faster.

    **When to use it.** Exact cross-entropy is better where it is affordable: on 1,000 classes of reactions it reached
    an accuracy of .866, and 32 sampled classes .750 in about the same time. Sampling pays with tens of thousands of
    classes (see the page on results).

    **How classes are sampled.** "uniform": ``num_sampled`` classes at random. "batch": the classes of the batch's own
    items, each corrected by its probability of being there, for which ``class_count`` is needed; classes without items
    are then never among them. "both": the union. All items of a batch share the sample; it depends on the number of
    the step alone, which is part of the state, so a resumed run and all processes of a run draw the same.

    `Wei et al., ICML 2026 <https://arxiv.org/abs/2602.02877>`__; Algorithm 26 and Lemma 5.26. As printed, the algorithm
    leaves out the item's own class and so minimises another function, which has no lower bound; ``decoupled=True``
    gives that form, for comparison.

    Args:
        num_items: Size of the data set that ``index`` refers to.
        num_classes: K, the number of classes, at least 2.
        alpha: a, which scales the weight of the new value; larger is faster. The gradient of an item is weighted by at
            most 1 + 1/a.
        gamma: A constant weight of the new value, in (0, 1], in place of ``alpha`` (from Python also a schedule).
        classes: Which classes a step samples: "uniform", "batch" or "both".
        num_sampled: Number of classes that are drawn uniformly in a step.
        class_count: ``[K]``, the number of items of each class; required unless ``classes`` is "uniform".
        label_smoothing: Share of the target that is spread evenly over all classes, in [0, 1).
        decoupled: Leave out the item's own class, as the printed algorithm does.

    Raises:
        ValueError: If an argument is out of range, or ``class_count`` is missing.
        TypeError: If an argument has the wrong type.

    Example:
        >>> torch.manual_seed(0)
        <torch._C.Generator object at ...>
        >>> loss_fn, last = ScentLoss(num_items=100, num_classes=50_000, num_sampled=64), nn.Linear(8, 50_000)
        >>> hidden = torch.randn(4, 8, requires_grad=True)
        >>> loss = loss_fn(hidden, torch.tensor([3, 49_999, 17, -1]), torch.arange(4), last)
        >>> loss.backward()
        >>> round(loss.item()), round(math.log(50_000)), int((last.weight.grad != 0).any(1).sum())
        (11, 11, 67)
    """

    sampler = "shuffle"
    one_stage = True
    link: Link = "softmax"
    draws: Tensor
    class_count: Tensor

    def __init__(
        self,
        num_items: int,
        num_classes: int,
        *,
        alpha: float = 0.1,
        gamma: float | GammaSchedule | None = None,
        classes: Classes = "uniform",
        num_sampled: int = 512,
        class_count: Tensor | None = None,
        label_smoothing: float = 0.0,
        decoupled: bool = False,
    ) -> None:
        super().__init__(num_items, num_classes)
        self.num_classes = integer("num_classes", num_classes, 2)
        self.alpha = number("alpha", alpha, 1e-6, 1e6)
        self.classes = choice("classes", classes, ("uniform", "batch", "both"))
        self.num_sampled = integer("num_sampled", num_sampled)
        self.label_smoothing = number("label_smoothing", label_smoothing, 0, 1, "[)")
        self.decoupled = bool(decoupled)
        if class_count is None and classes != "uniform":
            raise ValueError(f"class_count is required for classes={classes!r}: the number of items of each class")
        count = torch.zeros(0) if class_count is None else check_count(class_count, self.num_classes)
        self.register_buffer("class_count", count, persistent=False)
        self.register_buffer("draws", torch.zeros((), dtype=torch.int64))
        rate: Any = Proximal(min(self.num_classes * self.alpha, LARGEST)) if gamma is None else gamma
        self.track = LogMovingAverage(num_items, (), rate, restart_lag=RESTART_LAG)

    def forward(
        self,
        hidden: Tensor,
        target: Tensor,
        index: Tensor | None = None,
        weight: Tensor | nn.Linear | nn.Embedding | None = None,
        bias: Tensor | None = None,
        known: Tensor | None = None,
    ) -> Tensor:
        """Compute the loss of one batch.

        Args:
            hidden: ``[B, C]``, what the last layer reads; or all logits, ``[B, K]``, if there is no ``weight``.
            target: ``[B]`` classes from 0, −1 for a missing label; or one-hot, ``[B, K]``, with NaN if missing.
            index: ``[B]`` positions of the items in the data set; required in training.
            weight: The last layer: ``[K, C]``, a ``torch.nn.Linear``, or a ``torch.nn.Embedding`` (with
                ``sparse=True`` its gradient holds only the rows that were read).
            bias: ``[K]``, if ``weight`` is a tensor or an embedding.
            known: ``[B, K]``, the classes that are also true of a row and so no negatives: boolean, or in the sparse
                CSR layout.

        Returns:
            A scalar: the mean over the labelled rows. Without any, it is 0 and all gradients are zero. In eval mode all
            classes are read, and nothing is written.

        Raises:
            ValueError: If shapes or devices do not match, or a number is not finite. No state is written in this case.
            IndexError: If a class or position is out of range. No state is written in this case.
            TypeError: If an argument has the wrong type.
        """
        layer, offset = layer_of(weight, bias)
        if self.skips_infinite and not within_limit(hidden):
            self._rows(torch.zeros_like(hidden), target, index, layer, offset, known)
            return infinite(hidden)
        rows = self._rows(hidden, target, index, layer, offset, known)
        if not len(rows.own):
            return hidden[:0].sum().to(torch.promote_types(hidden.dtype, torch.float32))
        with torch.autocast(hidden.device.type, enabled=False):
            return self._scent(rows, layer, offset)

    def sample(self, target: Tensor, generator: torch.Generator | None = None) -> Sample:
        """Sample classes for a batch, as a training step does.

        Args:
            target: ``[B]`` classes of the items, without missing ones.
            generator: Source of the random numbers, on the CPU; ``None`` for that of the next step.

        Returns:
            The classes, and the logarithms of the probabilities with which each was to be among them.
        """
        if generator is None:
            generator = torch.Generator().manual_seed(int(self.draws))
        labels: Tensor = torch.unique(target)
        drawn = labels[:0]
        if self.classes != "batch":
            drawn = draw(self.num_classes, self.num_sampled, generator).to(target.device)
        if self.classes == "uniform":
            return Sample(drawn)
        log_share = log_share_in_batch(self.class_count, len(target))
        share = min(self.num_sampled / self.num_classes, 1.0) if self.classes == "both" else 0.0
        return union(drawn, labels, log_share, share)

    def monitor(self) -> dict[str, float]:
        """Return figures to log during training.

        Returns:
            ``objective``: the mean over the items seen so far of the tracked cross-entropy; ``seen`` and ``stuck`` of
            the table.
        """
        seen = self.track.value[self.track.seen]
        objective = seen.mean().item() + math.log(self.num_classes) if len(seen) else math.nan
        return {"objective": objective, **self.track.monitor()}

    def extra_repr(self) -> str:
        """Describe the sizes and the sampling."""
        return (
            f"num_items={self.num_items}, num_classes={self.num_classes}, classes={self.classes!r}, "
            f"num_sampled={self.num_sampled}"
        )

    def _scent(self, rows: Rows, layer: Layer, offset: Tensor | None) -> Tensor:
        tracked = rows.items if self.training else None
        every = Sample(torch.arange(self.num_classes, device=rows.own.device))
        sample = every if tracked is None else self.sample(rows.own)
        hidden = rows.hidden.to(torch.promote_types(rows.hidden.dtype, torch.float32))
        own, others = scores(hidden, rows.own, sample.classes, layer, offset)
        gap = others - own.unsqueeze(1)  # [B, M], R
        used = sample.classes.unsqueeze(0) != rows.own.unsqueeze(1)
        if sample.log_share is None:
            share = (used.sum(1, keepdim=True).clamp_min(1).to(gap.dtype) / (self.num_classes - 1)).log()
        else:
            share = sample.log_share.to(gap.dtype).unsqueeze(0)
        smooth = ((-share).exp() * gap * used).sum(1) / self.num_classes if self.label_smoothing else None
        if rows.known is not None:
            used = used & ~known_among(rows.known, sample.classes, self.num_classes)
        if self.decoupled and not bool(used.any(1).all()):
            kept = used.any(1).nonzero().squeeze(1)  # without the own class, a row needs another one
            if not len(kept):
                return rows.hidden[:0].sum().to(gap.dtype)
            gap, used, share = gap[kept], used[kept], share.expand(len(gap), -1)[kept]
            smooth = None if smooth is None else smooth[kept]
            tracked = None if tracked is None else tracked[kept]
        level = (gap - share).masked_fill(~used, -torch.inf).logsumexp(1)
        if not self.decoupled:
            level = torch.logaddexp(level, torch.zeros_like(level))
        level = level - math.log(self.num_classes)
        if tracked is not None:
            level = self.track.step(level, tracked)
            self.draws += 1
        losses = level + math.log(self.num_classes)
        return (losses if smooth is None else losses - self.label_smoothing * smooth).mean()

    def _rows(
        self,
        hidden: Tensor,
        target: Tensor,
        index: Tensor | None,
        layer: Layer,
        offset: Tensor | None,
        known: Tensor | None,
    ) -> Rows:
        """Check a batch; return its labelled rows."""
        check_hidden(hidden, layer, offset, self.num_classes)
        self._check_devices(hidden=hidden, target=target, index=index, bias=offset)
        own = classes_of(target, len(hidden), self.num_classes, self.class_count)
        if index is None and self.training:
            raise ValueError("index is required in training: the loss keeps a state for each item of the data set")
        if index is not None:
            self._check_index(index, len(hidden))
        if known is not None:
            check_known(known, len(hidden), self.num_classes)
        rows = Rows(hidden, own, None if index is None else index.long(), known)
        return rows if bool((own >= 0).all()) else rows.labelled(self.num_classes)
