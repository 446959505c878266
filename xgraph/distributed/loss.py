"""A loss of the rows of all processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from xgraph.distributed.gather import gather_rows, world_size
from xgraph.estimators import StateTable


def gathered(loss_fn: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Make a loss see the rows of all processes: every process computes the same loss and the same tables.

    The logits, labels and indices of all processes are concatenated, with a gradient, before the loss is computed. So
    several processes compute what a single one would compute for all rows together: pairs of items of different
    processes count, and every process updates the same rows of the loss's tables. Train with
    ``DistributedDataParallel``, which averages the gradients; they then equal those of a single process.

    Every process must call the loss in every step. One whose share of the batch is empty passes its model an empty
    batch, and the loss no rows.

    Save the state of ``loss_fn`` itself; it is the same in all processes, and so is its ``monitor()``.

    Args:
        loss_fn: A loss of this package, or any function of tensors with one row per item, such as the ``reduce`` of a
            robust loss. It is not changed.

    Returns:
        A function of the same arguments. Tensors are gathered, everything else is passed on. With a single process, or
        if ``torch.distributed`` is not initialised, it calls ``loss_fn`` with the arguments themselves.

    Raises:
        ValueError: When called, if the tensors differ in their number of rows, or the processes pass different kinds of
            tensors.

    Example:
        >>> import torch
        >>> from xgraph.losses import SOAPLoss
        >>> loss_fn = SOAPLoss(num_items=100)
        >>> objective = gathered(loss_fn)
        >>> objective(torch.tensor([0.0, 0.0]), torch.tensor([1.0, 0.0]), torch.tensor([3, 7]))
        tensor(-0.5000)
    """
    owner = loss_fn if isinstance(loss_fn, nn.Module) else getattr(loss_fn, "__self__", None)
    for module in owner.modules() if isinstance(owner, nn.Module) else ():
        if isinstance(module, StateTable):
            module.shared = True
    name = type(owner).__name__ if owner is not None else getattr(loss_fn, "__name__", "loss")

    def objective(*args: Any, **options: Any) -> Tensor:
        if world_size() == 1:
            return loss_fn(*args, **options)
        values: dict[Any, Any] = {**dict(enumerate(args)), **options}
        places = [place for place, value in values.items() if isinstance(value, Tensor)]
        rows = gather_rows(name, [values[place] for place in places])
        values.update(zip(places, rows, strict=True))
        return loss_fn(*(values[number] for number in range(len(args))), **{word: values[word] for word in options})

    return objective
