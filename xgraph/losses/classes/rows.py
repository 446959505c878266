"""A batch of a loss of many classes: checks, and the scores of the classes that are read."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from xgraph.checks import holds_integers
from xgraph.losses.batch import LIMIT, check_finite
from xgraph.losses.classes.sampling import known_among

Layer = Tensor | nn.Embedding | None
"""The rows of the last layer; ``None`` if the logits themselves are given."""

_HINT = "; target holds classes from 0, or -1 for a missing label"


class Rows(NamedTuple):
    """A checked batch: ``[B, C]`` vectors or logits, classes, positions, and which other classes are true of a row."""

    hidden: Tensor
    own: Tensor
    items: Tensor | None
    known: Tensor | None

    def labelled(self, num_classes: int) -> Rows:
        """Return the rows that have a label."""
        kept = (self.own >= 0).nonzero().squeeze(1)
        known = self.known
        if known is not None:
            every = torch.arange(num_classes, device=kept.device)
            known = known_among(known, every, num_classes)[kept]
        return Rows(self.hidden[kept], self.own[kept], None if self.items is None else self.items[kept], known)


def layer_of(weight: object, bias: Tensor | None) -> tuple[Layer, Tensor | None]:
    """Return what the rows of the last layer are read from, and the bias."""
    if isinstance(weight, nn.Linear):
        if bias is not None:
            raise ValueError("bias: the layer given as weight has its own")
        return weight.weight, weight.bias
    if weight is not None and not isinstance(weight, Tensor | nn.Embedding):
        raise TypeError(
            f"weight must be a tensor, a torch.nn.Linear or a torch.nn.Embedding, got {type(weight).__name__}"
        )
    return weight, bias


def scores(hidden: Tensor, own: Tensor, classes: Tensor, layer: Layer, offset: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the score of each row's own class, ``[B]``, and those of some classes, ``[B, M]``."""
    if layer is None:
        mine, others = hidden.gather(1, own.unsqueeze(1)).squeeze(1), hidden.index_select(1, classes)
    else:
        mine = (hidden * _read(layer, own).to(hidden.dtype)).sum(1)
        others = hidden @ _read(layer, classes).to(hidden.dtype).t()
    if offset is not None:
        offset = offset.to(hidden.dtype)
        mine, others = mine + offset.index_select(0, own), others + offset.index_select(0, classes)
    return mine, others


def _read(layer: Tensor | nn.Embedding, rows: Tensor) -> Tensor:
    read: Tensor = layer(rows) if isinstance(layer, nn.Embedding) else layer.index_select(0, rows)
    return read


def check_hidden(hidden: Tensor, layer: Layer, offset: Tensor | None, num_classes: int) -> None:
    """Raise unless the vectors fit the last layer and are finite."""
    if not isinstance(hidden, Tensor) or not hidden.is_floating_point():
        kind = hidden.dtype if isinstance(hidden, Tensor) else type(hidden).__name__
        raise TypeError(f"hidden must be a tensor of floating-point numbers, got {kind}")
    if hidden.dim() != 2 or (layer is None and hidden.shape[1] != num_classes):
        shape = "[B, C]" if layer is not None else f"[B, {num_classes}], one logit per class, if there is no weight"
        raise ValueError(f"hidden must have the shape {shape}; got {list(hidden.shape)}")
    own = layer.weight if isinstance(layer, nn.Embedding) else layer
    expected = [("weight", own, (num_classes, hidden.shape[1])), ("bias", offset, (num_classes,))]
    for name, value, size in expected:
        if value is not None and tuple(value.shape) != size:
            raise ValueError(f"{name} must have the shape {list(size)}, got {list(value.shape)}")
    if not bool((hidden.detach().abs() <= LIMIT).all()):
        check_finite("logits" if layer is None else "hidden", hidden)


def classes_of(target: Tensor, length: int, num_classes: int, class_count: Tensor) -> Tensor:
    """Return each row's class, −1 if its label is missing."""
    if not isinstance(target, Tensor):
        raise TypeError(f"target must be a tensor, got {type(target).__name__}")
    if target.dim() == 2 and target.shape == (length, num_classes):
        return _of_one_hot(target)
    if target.shape != (length,):
        raise ValueError(
            f"target must have the shape [{length}], one class per row, or [{length}, {num_classes}], one-hot; got "
            f"{list(target.shape)}"
        )
    if not holds_integers(target):
        raise TypeError(f"target must hold integers, the classes of the rows, got {target.dtype}")
    own = target.long()
    known = own[own != -1]
    if bool(((known < 0) | (known >= num_classes)).any()):
        wrong = int(known[(known < 0) | (known >= num_classes)][0])
        raise IndexError(f"target must lie in 0..{num_classes - 1} (num_classes={num_classes}), got {wrong}{_HINT}")
    if len(class_count):
        absent = known[class_count[known] == 0]
        if len(absent):
            raise ValueError(f"class_count says that class {int(absent[0])} has no items, but the batch holds one")
    return own


def _of_one_hot(target: Tensor) -> Tensor:
    missing = target.isnan().any(1)
    odd = ((target != 0) & (target != 1) & ~target.isnan()).nonzero()
    if len(odd):
        row, column = odd[0].tolist()
        raise ValueError(f"target must be 0, 1 or NaN (missing), got {target[row, column].item():g} in row {row}")
    ones = (target == 1).sum(1)
    wrong = ~missing & (ones != 1)
    if bool(wrong.any()):
        row = int(wrong.nonzero()[0])
        raise ValueError(f"target must be one-hot with a single 1 per row; row {row} has {int(ones[row])}")
    return torch.where(missing, -1, (target == 1).to(torch.uint8).argmax(1))
