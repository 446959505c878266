"""Support vector machines on features, fitted by scikit-learn and stored as tensors."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from xgraph.checks import choice, positive
from xgraph.nn.layers.feature_scale import FeatureScale
from xgraph.nn.layers.learned_buffers import LearnedBuffers
from xgraph.nn.tables.features import fit_scale, standardised
from xgraph.nn.tables.fitted_model import FittedModel, Progress
from xgraph.nn.tables.kernels import squared_distances, tanimoto

Kernel = Literal["rbf", "tanimoto"]
_TOLERANCE = 1e-6  # of the solver; fine enough that rounding in the kernel, which varies with threads, has no effect
_MOST = 40_000  # maximum number of items; their kernel takes 12.8 GB


class SVM(LearnedBuffers, FittedModel):
    r"""Support vector machine (SVM) on features; the logit is its decision function.

    With support vectors :math:`x_i` of a task, :math:`f(x) = \sum_i a_i K(x, x_i) + b`. The kernel "rbf" is
    :math:`K(x, z) = \exp(-γ |x - z|^2)` on features that are standardised over the training items and clamped to ±10.
    The kernel "tanimoto" is :math:`K(x, z) = \sum \min(x, z) / \sum \max(x, z)` on unscaled counts. Support vectors
    shared by several tasks are stored once. The model is fitted by scikit-learn's ``SVC`` from the kernel of all pairs,
    which takes :math:`8 n^2` bytes for n training items. From Cortes and Vapnik, "Support-Vector Networks", Machine
    Learning 20, 1995.

    Args:
        num_tasks: Number T of logits per item.
        num_features: Number F of features of an item.
        C: Weight of errors relative to the width of the margin.
        kernel: Gaussian kernel (rbf) on standardised features, or Tanimoto (min-max) kernel on counts such as
            fingerprints.
        gamma: γ of the kernel rbf; scale is 1 / (F * variance of the labelled items' features).
        balanced: Whether to give both classes the same total weight.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> from types import SimpleNamespace
        >>> x = torch.rand(200, 2, generator=torch.Generator().manual_seed(0))
        >>> model = SVM(num_tasks=1, num_features=2)
        >>> model.fit(x, ((x - 0.5).norm(dim=1) < 0.3).float())
        >>> model(SimpleNamespace(features=torch.tensor([[0.5, 0.5], [0.9, 0.9]]))).sign().tolist()
        [[1.0], [-1.0]]
    """

    vectors: Tensor
    weight: Tensor
    bias: Tensor
    gammas: Tensor

    def __init__(
        self,
        num_tasks: int,
        num_features: int,
        *,
        C: float = 1.0,
        kernel: Kernel = "rbf",
        gamma: float | Literal["scale"] = "scale",
        balanced: bool = True,
    ) -> None:
        super().__init__(num_tasks, num_features)
        choice("kernel", kernel, get_args(Kernel))
        if gamma != "scale" and not (isinstance(gamma, int | float) and 0 < gamma < float("inf")):
            raise ValueError(f"gamma must be a positive number or 'scale', got {gamma!r}")
        self.C, self.kernel, self.gamma, self.balanced = positive("C", C), kernel, gamma, balanced
        self.scale = FeatureScale(num_features) if kernel == "rbf" else None
        self.register_buffer("vectors", torch.empty(0, num_features))
        self.register_buffer("weight", torch.empty(0, num_tasks, dtype=torch.float64))
        self.register_buffer("bias", torch.zeros(num_tasks, dtype=torch.float64))
        self.register_buffer("gammas", torch.ones(num_tasks, dtype=torch.float64))

    @classmethod
    def usual_features(cls, options: Mapping[str, Any]) -> list[str]:
        """Return the names of the features that a run computes for this model by default: counts for Tanimoto."""
        return ["morgan"] if options.get("kernel") == "tanimoto" else super().usual_features(options)

    def _learn(
        self,
        x: Tensor,
        y: Tensor,
        weight: Tensor | None,
        learned: Tensor,
        seed: int,
        threads: int,
        progress: Progress | None,
    ) -> None:
        from sklearn.svm import SVC

        if len(x) > _MOST:
            size = f"{len(x)} (its kernel would take {8e-9 * len(x) ** 2:.0f} GB)"
            raise ValueError(f"SVM needs at most {_MOST} items, got {size}; use a forest, which needs no kernel")
        if self.scale is not None:
            self.scale = self.scale.cpu()
            fit_scale(self.scale, x)
        x = self._prepared(x)
        pairs = squared_distances(x, x) if self.kernel == "rbf" else tanimoto(x, x)
        duals = torch.zeros(len(x), self.num_tasks, dtype=torch.float64)
        bias = torch.zeros(self.num_tasks, dtype=torch.float64)
        gammas = torch.ones(self.num_tasks, dtype=torch.float64)
        for task in learned.nonzero().flatten().tolist():
            known = (~y[:, task].isnan()).nonzero().flatten()
            gammas[task] = self._gamma(x[known])
            gram = pairs if len(known) == len(x) else pairs[known[:, None], known]
            gram = torch.exp(-gammas[task] * gram) if self.kernel == "rbf" else gram
            machine = SVC(
                C=self.C, kernel="precomputed", tol=_TOLERANCE, class_weight="balanced" if self.balanced else None
            )
            own = None if weight is None else weight[known].double().numpy()
            machine.fit(gram.numpy(), y[known, task].long().numpy(), sample_weight=own)
            duals[known[torch.from_numpy(machine.support_).long()], task] = torch.from_numpy(machine.dual_coef_[0])
            bias[task] = float(machine.intercept_[0])
            if progress is not None:
                progress(task + 1, self.num_tasks, "fitting")
        used = (duals != 0).any(dim=1)
        device = self.vectors.device
        if self.scale is not None:
            self.scale = self.scale.to(device)
        self.vectors, self.weight = x[used].to(device), duals[used].to(device)
        self.bias, self.gammas = bias.to(device), gammas.to(device)

    def _logits(self, x: Tensor) -> Tensor:
        x = self._prepared(x)
        if self.kernel == "tanimoto":
            return tanimoto(x, self.vectors) @ self.weight + self.bias
        apart = squared_distances(x, self.vectors)
        sums = [torch.exp(-gamma * apart) @ weight for gamma, weight in zip(self.gammas, self.weight.T, strict=True)]
        return torch.stack(sums, dim=1) + self.bias

    def _prepared(self, x: Tensor) -> Tensor:
        """Return the features as the kernel needs them."""
        if self.scale is not None:
            return standardised(self.scale, x)
        if bool((x < 0).any()):
            raise ValueError("features must not be negative with kernel='tanimoto'; use counts such as fingerprints")
        return x

    def _gamma(self, x: Tensor) -> float:
        if self.gamma != "scale":
            return float(self.gamma)
        variance = float(x.double().var(correction=0))
        return 1.0 / (self.num_features * variance) if variance > 0 else 1.0

    def _inconsistency(self) -> str:
        shapes = {
            "vectors": (len(self.vectors), self.num_features),
            "weight": (len(self.vectors), self.num_tasks),
            "bias": (self.num_tasks,),
            "gammas": (self.num_tasks,),
            "learned": (self.num_tasks,),
        }
        for name, shape in shapes.items():
            if tuple(getattr(self, name).shape) != shape:
                return f"{name} has shape {list(getattr(self, name).shape)}, expected {list(shape)}"
        return ""

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.num_tasks}, {self.num_features}, C={self.C}, kernel={self.kernel!r}, "
            f"gamma={self.gamma!r}, balanced={self.balanced})"
        )
