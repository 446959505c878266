"""Learning something new without losing what a model could do: constraints on the losses of its old tasks."""

from __future__ import annotations

import torch
from torch import Tensor

from xgraph.checks import holds_integers
from xgraph.estimators import GammaSchedule, check_rows
from xgraph.estimators.infinite import infinite
from xgraph.losses.batch import within_limit
from xgraph.losses.constraints.base import Constraint, Kind, check_floats, check_limit
from xgraph.losses.constraints.penalty import Penalty, mean_of_each


class ZeroForgetting(Constraint):
    r"""Zero forgetting: while a model learns something new, its loss on no old task may rise.

    .. math:: \min_w F_{new}(w) + \frac{ρ}{m} \sum_k f\big(L_k(w) - L_k(w_{old})\big)

    :math:`L_k` is the mean loss of old task k: an assay, an endpoint, an earlier data set. The losses of the old model
    are constants, one per item, computed once in eval mode. A batch estimates :math:`g_k` by the mean of
    :math:`ℓ_i(w) - ℓ_i(w_{old})` over the items of task k, in which most of the noise cancels; the values are tracked,
    see :class:`Penalty`. Tasks that are not in the batch are neither read nor written.

    Add the penalty to the loss of the new task. Batches of the old tasks should hold several items of each: see
    :class:`xgraph.sampling.GroupSampler`.

    Equations (6.99) and (6.100); `Li et al., 2024 <https://arxiv.org/abs/2410.03955>`__.

    Args:
        task: ``[n]`` task numbers of the items, integers from 0; −1 for an item of none. With ``old_loss`` of the shape
            ``[n, T]``: ``None`` if its columns are the tasks, otherwise ``[n, T]``.
        old_loss: ``[n]`` or ``[n, T]`` losses of the old model; NaN where there is none, as for a missing label.
        kind: Penalty function f: smoothed_hinge, hinge or squared_hinge.
        rho: Penalty parameter ρ.
        epsilon: Width ε of the smoothed hinge, in units of the losses.
        gamma: Weight of the new value in the moving averages, in (0, 1] (from Python also a schedule).

    Raises:
        ValueError: If an argument is out of range, the shapes differ, a loss is infinite or beyond 1e15, or no item has
            both a task and a loss.
        TypeError: If ``task`` does not hold integers, or ``old_loss`` no floating-point numbers.

    Example:
        >>> old = torch.tensor([0.2, 0.4, 0.1, 0.3])
        >>> retain = ZeroForgetting(torch.tensor([0, 0, 1, 1]), old, kind="hinge", rho=1.0)
        >>> new = torch.tensor([0.5, 0.3, 0.1, 0.1], requires_grad=True)  # task 0 rises by 0.1, task 1 falls
        >>> loss = retain(new, index=torch.arange(4))
        >>> loss.backward()
        >>> retain.values()
        tensor([ 0.1000, -0.1000])
        >>> new.grad
        tensor([0.2500, 0.2500, 0.0000, 0.0000])
    """

    sizes = "the numbers of old tasks"
    _constants = ("old_loss",)
    task: Tensor
    old_loss: Tensor

    def __init__(
        self,
        task: Tensor | None,
        old_loss: Tensor,
        *,
        kind: Kind = "smoothed_hinge",
        rho: float = 10.0,
        epsilon: float = 0.01,
        gamma: float | GammaSchedule = 0.1,
    ) -> None:
        super().__init__(kind, rho, epsilon)
        old = check_floats("old_loss", old_loss, (1, 2), "[n] or [n, T]").detach()
        if task is None:
            if old.dim() == 1:
                raise ValueError("task: give the task number of each item, or old_loss with a column per task [n, T]")
            task = torch.arange(old.shape[1], device=old.device).expand_as(old)
        if not isinstance(task, Tensor) or not holds_integers(task):
            got = task.dtype if isinstance(task, Tensor) else type(task).__name__
            raise TypeError(f"task must be a tensor of integers, got {got}")
        if task.shape != old.shape:
            raise ValueError(f"task must have the shape of old_loss {list(old.shape)}, got {list(task.shape)}")
        if task.numel() and int(task.min()) < -1:
            raise ValueError(f"task must hold integers from 0, or -1 for none, got {int(task.min())}")
        check_limit("old_loss", old, ~old.isnan())
        if not bool((~old.isnan() & (task >= 0)).any()):
            raise ValueError("old_loss: no item has both a task and a loss of the old model")
        self.num_items = len(old)
        self.register_buffer("task", task.detach().long().clone(), persistent=False)
        self.register_buffer("old_loss", old.clone(), persistent=False)
        num_tasks = int(task.max()) + 1
        self.penalty = Penalty(num_tasks, kind=kind, rho=rho, epsilon=epsilon, gamma=gamma)

    def forward(self, losses: Tensor, index: Tensor) -> Tensor:
        """Compute the penalty of one batch.

        Args:
            losses: ``[B]`` or ``[B, T]``, as ``old_loss``: the losses of the model now, with gradient. Losses that the
                old model does not have are ignored, whatever their value.
            index: ``[B]`` positions of the items in ``old_loss``.

        Returns:
            A scalar. Without a loss of an old task, the result is 0 and all gradients are zero. In eval mode, nothing
            is written and the batch's own values are used.

        Raises:
            ValueError: If shapes or devices do not match, or a used loss is not finite or is beyond ±1e15. No state is
                written in this case.
            IndexError: If an index is negative or not below n. No state is written in this case.
            TypeError: If ``losses`` is not a floating-point tensor, or ``index`` does not hold integers.
        """
        dims, shape = self.old_loss.dim(), "[B]" if self.old_loss.dim() == 1 else f"[B, {self.old_loss.shape[1]}]"
        wide = check_floats("losses", losses, (dims,), shape)
        if wide.shape[1:] != self.old_loss.shape[1:]:
            raise ValueError(f"losses must have the shape {shape}, got {list(losses.shape)}")
        if isinstance(index, Tensor) and index.shape != (len(wide),):
            raise ValueError(f"index must have the shape [{len(wide)}], one position per row, got {list(index.shape)}")
        self._check_devices(losses=losses, index=index)
        check_rows(index, self.num_items, "; index is the item's position in old_loss, not in the batch")
        old, task = self.old_loss[index.long()].to(wide.dtype), self.task[index.long()]
        used = ~old.isnan() & (task >= 0)
        if self.skips_infinite and not within_limit(torch.where(used, wide, 0)):
            return infinite(losses)
        check_limit("losses", wide, used)
        if not bool(used.any()):
            return wide[:0].sum()
        return self.penalty.of(*mean_of_each(wide[used] - old[used], task[used]))

    def values(self) -> Tensor:
        """Return by how much the loss of each old task is above the old model's, ``[m]``; NaN if not seen yet."""
        return self.penalty.values()
