"""Kernel ridge regression on features, fitted by scikit-learn and stored as tensors."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from xgraph.checks import positive
from xgraph.nn.layers.protocol import Kind
from xgraph.nn.tables.examples import TaskExamples
from xgraph.nn.tables.kernel_model import Kernel, KernelModel


class KernelRidge(KernelModel):
    r"""Kernel ridge regression of the labels 0 and 1, or of numbers, on features.

    The model is :math:`f(x) = \sum_i a_i K(x, x_i)` over the labelled training items :math:`x_i` and minimises
    :math:`\sum_i w_i (y_i - f(x_i))^2 + α \sum_{ij} a_i a_j K(x_i, x_j)`, where :math:`w_i` is the weight of an item
    and of its class. It is found by scikit-learn's ``KernelRidge`` from the kernel of all pairs, which takes
    :math:`8 n^2` bytes for n training items. f is a regression of the labels, not a probability, and can lie outside of
    [0, 1]; for items unlike all training items it is 0. The logit is :math:`4 (f(x) - 1/2)`: it ranks items as f does,
    and its sigmoid is near f where f is near 1/2. After `predict_numbers`, :math:`y_i` are standardised numbers, and
    the prediction is f in their units: for items unlike all training items, their mean. The kernels are those of
    `SVM`. From Saunders, Gammerman and Vovk, "Ridge Regression Learning Algorithm in Dual Variables", ICML 1998.

    Args:
        num_tasks: Number T of logits per item.
        num_features: Number F of features of an item.
        alpha: Strength α of the penalty.
        kernel: Tanimoto (min-max) kernel on counts such as fingerprints, or Gaussian (rbf) or linear kernel on
            standardised features. Runs on bags have the Gaussian kernel by default, since statistics are no counts.
        gamma: γ of the kernel rbf; scale is 1 / (F * variance of the labelled items' features).
        balanced: Whether to give both classes the same total weight. Without effect on numbers, which have no classes.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> from types import SimpleNamespace
        >>> x = torch.randint(0, 3, (200, 8), generator=torch.Generator().manual_seed(0)).float()
        >>> model = KernelRidge(num_tasks=1, num_features=8)
        >>> model.fit(x, (x[:, 0] > x[:, 1]).float())
        >>> few = torch.tensor([[2.0, 0, 1, 1, 0, 1, 0, 1], [0, 2, 1, 1, 0, 1, 0, 1]])
        >>> model(SimpleNamespace(features=few)).sign().tolist()
        [[1.0], [-1.0]]
    """

    usual_kernel: ClassVar[Kernel] = "tanimoto"

    @classmethod
    def usual_options(cls, kind: Kind) -> Mapping[str, Any]:
        """Return the Gaussian kernel for bags: their features are statistics, not counts."""
        return {"kernel": "rbf"} if kind == "bag" else {}

    def __init__(
        self,
        num_tasks: int,
        num_features: int,
        *,
        alpha: float = 1.0,
        kernel: Kernel = "tanimoto",
        gamma: float | Literal["scale"] = "scale",
        balanced: bool = True,
    ) -> None:
        super().__init__(num_tasks, num_features, kernel, gamma)
        self.alpha, self.balanced = positive("alpha", alpha), balanced

    def _solve(self, gram: Tensor, one: TaskExamples) -> tuple[Tensor, float]:
        from sklearn.kernel_ridge import KernelRidge as Ridge
        from sklearn.utils.class_weight import compute_sample_weight

        weight = one.weight
        if self.balanced and not self.numbers:
            of_class = compute_sample_weight("balanced", one.y)
            weight = of_class if weight is None else weight * of_class
        ridge = Ridge(alpha=self.alpha, kernel="precomputed").fit(gram.numpy(), one.y, sample_weight=weight)
        return torch.from_numpy(ridge.dual_coef_), 0.0

    def _outputs(self, x: Tensor) -> Tensor:
        f = super()._outputs(x)
        return f if self.numbers else 4 * (f - 0.5)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.num_tasks}, {self.num_features}, alpha={self.alpha}, "
            f"kernel={self.kernel!r}, gamma={self.gamma!r}, balanced={self.balanced})"
        )
