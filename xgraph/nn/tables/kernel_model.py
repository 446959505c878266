"""Models that are sums of kernels between an item and the training items."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor

from xgraph.checks import choice
from xgraph.nn.layers.feature_scale import FeatureScale
from xgraph.nn.layers.learned_buffers import LearnedBuffers
from xgraph.nn.tables.examples import Examples, TaskExamples
from xgraph.nn.tables.features import fit_scale, standardised
from xgraph.nn.tables.fitted_model import FittedModel
from xgraph.nn.tables.kernels import squared_distances, tanimoto

Kernel = Literal["rbf", "tanimoto", "linear"]
_MOST = 40_000  # maximum number of items; their kernel takes 12.8 GB


class KernelModel(LearnedBuffers, FittedModel):
    r"""Base class of models :math:`f(x) = \sum_i a_i K(x, x_i) + b` over training items :math:`x_i`.

    Items shared by several tasks are stored once. Fitting takes :math:`8 n^2` bytes for n training items.

    Args:
        num_tasks: Number T of logits per item.
        num_features: Number F of features of an item.
        kernel: rbf, tanimoto or linear.
        gamma: γ of the kernel rbf, or scale.

    Raises:
        ValueError: If an argument is out of range.
    """

    usual_kernel: ClassVar[Kernel] = "rbf"
    """The kernel by default."""

    vectors: Tensor
    weight: Tensor
    bias: Tensor
    gammas: Tensor

    def __init__(self, num_tasks: int, num_features: int, kernel: Kernel, gamma: float | Literal["scale"]) -> None:
        super().__init__(num_tasks, num_features)
        self.kernel = choice("kernel", kernel, get_args(Kernel))
        if gamma != "scale" and not (isinstance(gamma, int | float) and 0 < gamma < float("inf")):
            raise ValueError(f"gamma must be a positive number or 'scale', got {gamma!r}")
        self.gamma = gamma
        self.scale = None if kernel == "tanimoto" else FeatureScale(num_features)
        self.register_buffer("vectors", torch.empty(0, num_features))
        self.register_buffer("weight", torch.empty(0, num_tasks, dtype=torch.float64))
        self.register_buffer("bias", torch.zeros(num_tasks, dtype=torch.float64))
        self.register_buffer("gammas", torch.ones(num_tasks, dtype=torch.float64))

    @classmethod
    def usual_features(cls, options: Mapping[str, Any]) -> list[str]:
        """Return the names of the features that a run computes for this model by default: counts for Tanimoto."""
        kernel = options.get("kernel", cls.usual_kernel)
        return ["morgan"] if kernel == "tanimoto" else super().usual_features(options)

    @abstractmethod
    def _solve(self, gram: Tensor, one: TaskExamples) -> tuple[Tensor, float]:
        """Return :math:`a` and :math:`b` of one task.

        Args:
            gram: Kernel of all pairs of its m labelled items, float64 ``[m, m]``.
            one: These items.
        """

    def _learn(self, examples: Examples) -> None:
        n = len(examples.x)
        if n > _MOST:
            size = f"{n} (its kernel would take {8e-9 * n**2:.0f} GB)"
            advice = f"use a forest{'' if self.numbers else ' or logistic regression'}, which needs no kernel"
            raise ValueError(f"{type(self).__name__} needs at most {_MOST} items, got {size}; {advice}")
        if self.scale is not None:
            self.scale = self.scale.cpu()
            fit_scale(self.scale, examples.x)
        x = self._prepared(examples.x)
        pairs = self._pairs(x, x)
        duals = torch.zeros(n, self.num_tasks, dtype=torch.float64)
        bias = torch.zeros(self.num_tasks, dtype=torch.float64)
        gammas = torch.ones(self.num_tasks, dtype=torch.float64)
        for one in examples.tasks():
            gammas[one.task] = self._gamma(x[one.items])
            gram = pairs if len(one.items) == n else pairs[one.items[:, None], one.items]
            gram = torch.exp(-gammas[one.task] * gram) if self.kernel == "rbf" else gram
            duals[one.items, one.task], bias[one.task] = self._solve(gram, one)
        used = (duals != 0).any(dim=1)
        device = self.vectors.device
        if self.scale is not None:
            self.scale = self.scale.to(device)
        self.vectors, self.weight = x[used].to(device), duals[used].to(device)
        self.bias, self.gammas = bias.to(device), gammas.to(device)

    def _outputs(self, x: Tensor) -> Tensor:
        """Return f(x)."""
        pairs = self._pairs(self._prepared(x), self.vectors)
        if self.kernel != "rbf":
            return pairs @ self.weight + self.bias
        sums = [torch.exp(-gamma * pairs) @ weight for gamma, weight in zip(self.gammas, self.weight.T, strict=True)]
        return torch.stack(sums, dim=1) + self.bias

    def _pairs(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the kernel of all pairs, float64; for rbf, their squared distances."""
        if self.kernel == "linear":
            return a.double() @ b.double().T
        return tanimoto(a, b) if self.kernel == "tanimoto" else squared_distances(a, b)

    def _prepared(self, x: Tensor) -> Tensor:
        """Return the features as the kernel needs them."""
        if self.scale is not None:
            return standardised(self.scale, x)
        if bool((x < 0).any()):
            raise ValueError("features must not be negative with kernel='tanimoto'; use counts or another kernel")
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
