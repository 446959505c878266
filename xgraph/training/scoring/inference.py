"""Score many molecules with a trained model, and convert logits to scores."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from xgraph.options import OptionError

if TYPE_CHECKING:
    from xgraph.data import MoleculeDataset

EVAL_BATCH_SIZE = 512


def score(
    model: nn.Module,
    data: "MoleculeDataset",
    positions: torch.Tensor | None = None,
    *,
    device: str = "cpu",
    progress: Callable[[int, int, str], None] | None = None,
) -> npt.NDArray[np.float64]:
    """Return the logits of a model in evaluation mode."""
    items = list(range(len(data))) if positions is None else positions.tolist()
    model, collate = model.to(device).eval(), batches_for(model, data)
    parts = []
    with torch.inference_mode():
        for rows in in_order(len(items), EVAL_BATCH_SIZE):
            batch = collate([items[i] for i in rows]).to(device)
            parts.append(model(batch).double().cpu().numpy())
            if progress is not None:
                progress(rows[-1] + 1, len(items), "scoring")
    if not parts:
        return np.empty((0, data.num_tasks), dtype=np.float64)
    return np.concatenate(parts)


def batches_for(model: nn.Module | type, data: "MoleculeDataset") -> Callable[..., Any]:
    """Return the function that makes batches of molecules for a model, without graphs if it does not read them."""
    return data.batch if getattr(model, "reads_graphs", True) else data.feature_batch


def score_table(model: nn.Module, features: torch.Tensor, *, device: str = "cpu") -> npt.NDArray[np.float64]:
    """Return the logits of a model that is fitted to a table of features, in evaluation mode."""
    with torch.inference_mode():
        logits = model.to(device).eval()(SimpleNamespace(features=features.to(device)))
    result: npt.NDArray[np.float64] = logits.double().cpu().numpy()
    return result


def probability(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the sigmoid of logits, in float64 so that confident scores keep their order."""
    positive = logits >= 0
    small = np.exp(np.where(positive, -logits, logits))
    return np.where(positive, 1.0, small) / (1.0 + small)


def class_scores(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the logarithm of the softmax over classes, which unlike logits is comparable between items."""
    shifted = logits - logits.max(axis=1, keepdims=True, initial=-np.inf)
    result: npt.NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result


def as_scores(logits: npt.NDArray[np.float64], link: str) -> npt.NDArray[np.float64]:
    """Convert logits to scores between 0 and 1; predicted numbers are scores as they are."""
    if link == "identity":
        return logits
    return np.exp(class_scores(logits)) if link == "softmax" else probability(logits)


def choose_device(device: str) -> str:
    """Resolve the `device` setting to "cpu" or "cuda" on this machine."""
    if device not in ("auto", "cpu", "cuda"):
        raise OptionError(f"device = {device!r}: expected auto, cpu or cuda")
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise ValueError("device = 'cuda': torch finds no usable GPU; use --device cpu")
    return "cuda" if available and device != "cpu" else "cpu"


def in_order(num_items: int, batch_size: int) -> list[list[int]]:
    """Return batches of consecutive items, for evaluation."""
    return [list(range(i, min(i + batch_size, num_items))) for i in range(0, num_items, batch_size)]
