"""Discriminative fine-tuning: the right answer is contrasted with samples of a generator."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from xgraph.checks import LARGE, SMALL, integer, number
from xgraph.estimators import GammaSchedule, LogMovingAverage, check_rows
from xgraph.estimators.infinite import infinite
from xgraph.losses.base import RESTART_LAG, check_state
from xgraph.losses.batch import LIMIT, within_limit


class DFTLoss(nn.Module):
    r"""Discriminative fine-tuning (DFT): the right answer of each item gets a higher score than all other answers.

    .. math::
        \min_w \mathrm{mean}_i \Big\{ -s_i + τ \log \mathrm{mean}_{y' ∼ P_i}
        \frac{\exp(s_i(y') / τ)}{P_i(y')} \Big\}

    The mean stands for the sum over all answers: :math:`y'` are samples of a generator with probabilities
    :math:`P_i(y')`, such as the molecules or precursors that a base model proposes for item i. Without
    ``log_prob``, it is the plain mean over the samples. The loss tracks the logarithm of the mean for each item, so
    that a few samples a step suffice. With γ = 1, or in eval mode, only those of the batch count; if they are all
    answers, with ``log_prob`` = −log of their number, it is the softmax cross-entropy of s/τ, times τ.

    `Guo et al., 2025 <https://arxiv.org/abs/2502.18679>`__; equations (6.69) and (6.73), Algorithm 36. There is no
    trainer of language models in this package: the scores can come from any model.

    Args:
        num_items: Size of the data set that ``index`` refers to.
        temperature: Temperature τ, in units of the scores.
        gamma: Weight of the new value in the moving average, in (0, 1] (from Python also a schedule).

    Raises:
        ValueError: If an argument is out of range.
        TypeError: If an argument is not a number.

    Example:
        >>> loss_fn = DFTLoss(num_items=100)
        >>> right = torch.tensor([2.0, 1.0], requires_grad=True)
        >>> sampled = torch.tensor([[0.0, 1.0, 2.0], [1.0, -1.0, 0.0]])
        >>> loss = loss_fn(right, sampled, index=torch.tensor([7, 3]))
        >>> loss.backward()
        >>> loss.detach()
        tensor(-0.6910)
    """

    skips_infinite = False
    """Whether scores that are not finite give an infinite loss; see :func:`xgraph.estimators.skip_infinite`."""

    def __init__(self, num_items: int, temperature: float = 1.0, gamma: float | GammaSchedule = 0.9) -> None:
        super().__init__()
        self.num_items = integer("num_items", num_items)
        self.temperature = number("temperature", temperature, SMALL, LARGE)
        self.track = LogMovingAverage(self.num_items, (), gamma, restart_lag=RESTART_LAG)
        self.register_load_state_dict_pre_hook(check_state)  # type: ignore[no-untyped-call]

    def forward(
        self, positive: Tensor, sampled: Tensor, index: Tensor | None = None, log_prob: Tensor | None = None
    ) -> Tensor:
        """Compute the loss of one batch.

        Args:
            positive: ``[B]`` scores of the right answers.
            sampled: ``[B, m]`` scores of the answers that were sampled for each item.
            index: ``[B]`` positions of the items in the data set; required in training.
            log_prob: ``[B, m]`` log-probabilities with which the generator samples these answers.

        Returns:
            A scalar; 0 with zero gradients for an empty batch.

        Raises:
            ValueError: If shapes or devices do not match, or a number is not finite or is beyond ±1e15. No state is
                written in this case.
            IndexError: If an index is negative or not below ``num_items``. No state is written in this case.
            TypeError: If scores are not floating-point numbers, or ``index`` does not hold integers.
        """
        self._check(positive, sampled, index, log_prob)
        if self.skips_infinite and not (within_limit(positive) and within_limit(sampled)):
            return infinite(positive, sampled)
        for name, value in (("positive", positive), ("sampled", sampled), ("log_prob", log_prob)):
            if value is not None:
                _check_finite(name, value)
        wide = torch.promote_types(positive.dtype, torch.float32)
        own, others = positive.to(wide), sampled.to(wide) / self.temperature
        if not len(own):
            return own.sum() + others.sum()
        if log_prob is not None:
            others = others - log_prob.detach().to(wide)
        level = others.logsumexp(1) - math.log(others.shape[1])
        if index is not None and self.training:
            level = self.track.step(level, index.long())
        return self.temperature * level.mean() - own.mean()

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch (counted from 0) of the γ schedule; call it at the start of each epoch."""
        self.track.set_epoch(epoch)

    def monitor(self) -> dict[str, float]:
        """Return ``seen`` and ``stuck`` of the table; see :meth:`xgraph.estimators.StateTable.monitor`."""
        return self.track.monitor()

    def extra_repr(self) -> str:
        """Describe the arguments."""
        return f"num_items={self.num_items}, temperature={self.temperature:g}"

    def _check(self, positive: Tensor, sampled: Tensor, index: Tensor | None, log_prob: Tensor | None) -> None:
        for name, value in (("positive", positive), ("sampled", sampled), ("log_prob", log_prob)):
            if name == "log_prob" and value is None:
                continue
            if not isinstance(value, Tensor) or not value.is_floating_point():
                got = value.dtype if isinstance(value, Tensor) else type(value).__name__
                raise TypeError(f"{name} must be a tensor of floating-point numbers, got {got}")
        if positive.dim() != 1 or sampled.dim() != 2 or len(sampled) != len(positive) or not sampled.shape[1]:
            raise ValueError(
                f"positive and sampled must have the shapes [B] and [B, m], with m of 1 or more, got "
                f"{list(positive.shape)} and {list(sampled.shape)}"
            )
        if log_prob is not None and log_prob.shape != sampled.shape:
            raise ValueError(
                f"log_prob must have the shape of sampled {list(sampled.shape)}, got {list(log_prob.shape)}"
            )
        tensors = (positive, sampled, self.track.seen, index, log_prob)
        if len(devices := {str(value.device) for value in tensors if isinstance(value, Tensor)}) > 1:
            got = ", ".join(sorted(devices))
            raise ValueError(f"all tensors must be on one device, got {got}; move the loss with .to(device)")
        if index is None:
            if self.training:
                raise ValueError("index is required in training: the loss keeps a state for each item of the data set")
            return
        if isinstance(index, Tensor) and index.shape != positive.shape:
            expected = f"[{len(positive)}], one position per row"
            raise ValueError(f"index must have the shape {expected}, got {list(index.shape)}")
        check_rows(index, self.num_items, "; index is the item's position in the data set, not in the batch")


def _check_finite(name: str, values: Tensor) -> None:
    wrong = (values.detach().to(torch.promote_types(values.dtype, torch.float32)).abs() <= LIMIT).logical_not_()
    if bool(wrong.any()):
        row = int(wrong.nonzero()[0, 0])
        raise ValueError(f"{name} must be finite and within ±{LIMIT:g}, which row {row} is not")
