"""Support vector machines on features, fitted by scikit-learn and stored as tensors."""

from typing import Literal

import torch
from torch import Tensor

from xgraph.checks import LARGE, number, positive
from xgraph.nn.tables.examples import TaskExamples
from xgraph.nn.tables.kernel_model import Kernel, KernelModel

_TOLERANCE = 1e-6  # of the solver; fine enough that rounding in the kernel, which varies with threads, has no effect


class SVM(KernelModel):
    r"""Support vector machine (SVM) on features; the logit is its decision function.

    With support vectors :math:`x_i` of a task, :math:`f(x) = \sum_i a_i K(x, x_i) + b`. The kernel "rbf" is
    :math:`K(x, z) = \exp(-γ |x - z|^2)` and "linear" is :math:`K(x, z) = x \cdot z`, on features that are standardised
    over the training items and clamped to ±10. The kernel "tanimoto" is :math:`K(x, z) = \sum \min(x, z) / \sum \max(x,
    z)` on unscaled counts. Support vectors shared by several tasks are stored once. The model is fitted by
    scikit-learn's ``SVC`` from the kernel of all pairs, which takes :math:`8 n^2` bytes for n training items. From
    Cortes and Vapnik, "Support-Vector Networks", Machine Learning 20, 1995.

    After `predict_numbers`, it is support-vector regression (``SVR``): f predicts the standardised number, and errors
    of up to ε cost nothing. From Drucker et al., "Support Vector Regression Machines", NeurIPS 1996.

    Args:
        num_tasks: Number T of logits per item.
        num_features: Number F of features of an item.
        C: Weight of errors relative to the width of the margin.
        kernel: Gaussian kernel (rbf) or linear kernel on standardised features, or Tanimoto (min-max) kernel on counts
            such as fingerprints.
        gamma: γ of the kernel rbf; scale is 1 / (F * variance of the labelled items' features).
        balanced: Whether to give both classes the same total weight. Without effect on numbers, which have no classes.
        epsilon: For numbers: error that costs nothing, in standard deviations of the training numbers.

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

    def __init__(
        self,
        num_tasks: int,
        num_features: int,
        *,
        C: float = 1.0,
        kernel: Kernel = "rbf",
        gamma: float | Literal["scale"] = "scale",
        balanced: bool = True,
        epsilon: float = 0.1,
    ) -> None:
        super().__init__(num_tasks, num_features, kernel, gamma)
        self.C, self.balanced, self.epsilon = positive("C", C), balanced, number("epsilon", epsilon, 0, LARGE)

    def _solve(self, gram: Tensor, one: TaskExamples) -> tuple[Tensor, float]:
        from sklearn.svm import SVC, SVR

        if self.numbers:
            machine = SVR(C=self.C, kernel="precomputed", tol=_TOLERANCE, epsilon=self.epsilon)
        else:
            of_class = "balanced" if self.balanced else None
            machine = SVC(C=self.C, kernel="precomputed", tol=_TOLERANCE, class_weight=of_class)
        machine.fit(gram.numpy(), one.y, sample_weight=one.weight)
        duals = torch.zeros(len(one.y), dtype=torch.float64)
        duals[torch.from_numpy(machine.support_).long()] = torch.from_numpy(machine.dual_coef_[0])
        return duals, float(machine.intercept_[0])

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.num_tasks}, {self.num_features}, C={self.C}, kernel={self.kernel!r}, "
            f"gamma={self.gamma!r}, balanced={self.balanced}, epsilon={self.epsilon})"
        )
