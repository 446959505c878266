"""Logistic regression on features, fitted by scikit-learn and stored as tensors."""

import torch
from torch import Tensor

from xgraph.checks import positive
from xgraph.nn.layers.feature_scale import FeatureScale
from xgraph.nn.tables.examples import Examples
from xgraph.nn.tables.features import fit_scale, standardised
from xgraph.nn.tables.fitted_model import FittedModel

_TOLERANCE = 1e-8  # of the gradient; fine enough for scores to agree with those of other solvers in six digits
_ITERATIONS = 10_000


class LogisticRegression(FittedModel):
    r"""Logistic regression on features, with an L2 penalty; one linear model per task.

    The logit is :math:`w \cdot x + b` for features x that are standardised over the training items and clamped to ±10.
    The weights minimise :math:`|w|^2 / 2 + C \sum_i a_i \log(1 + \exp(-y_i (w \cdot x_i + b)))` over the labelled items
    with labels :math:`y_i = \pm 1`, where :math:`a_i` is the weight of an item and of its class. They are found by
    scikit-learn's ``LogisticRegression``.

    Args:
        num_tasks: Number T of logits per item.
        num_features: Number F of features of an item.
        C: Inverse strength of the penalty: weight of the errors relative to the size of the weights.
        balanced: Whether to give both classes the same total weight.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> from types import SimpleNamespace
        >>> x = torch.rand(200, 3, generator=torch.Generator().manual_seed(0))
        >>> model = LogisticRegression(num_tasks=1, num_features=3)
        >>> model.fit(x, (x[:, 0] > 0.5).float())
        >>> model(SimpleNamespace(features=torch.tensor([[0.1, 0.5, 0.5], [0.9, 0.5, 0.5]]))).sign().tolist()
        [[-1.0], [1.0]]
    """

    scale: FeatureScale
    weight: Tensor
    bias: Tensor

    def __init__(self, num_tasks: int, num_features: int, *, C: float = 0.01, balanced: bool = True) -> None:
        super().__init__(num_tasks, num_features)
        self.C, self.balanced = positive("C", C), balanced
        self.scale = FeatureScale(num_features)
        self.register_buffer("weight", torch.zeros(num_tasks, num_features, dtype=torch.float64))
        self.register_buffer("bias", torch.zeros(num_tasks, dtype=torch.float64))

    def predict_numbers(self) -> None:
        """Refuse: logistic regression separates two classes.

        Raises:
            ValueError: Always; it names the models for numbers.
        """
        raise ValueError(
            "logistic regression separates two classes and cannot predict numbers; use forest, extra-trees, svm, "
            "kernel-ridge or mlp, or a network on graphs"
        )

    def _learn(self, examples: Examples) -> None:
        from sklearn import linear_model

        scale = FeatureScale(self.num_features)
        fit_scale(scale, examples.x)
        x = standardised(scale, examples.x).double()
        self.scale.fit(scale.mean, scale.std)
        self.weight.zero_()
        for one in examples.tasks():
            model = linear_model.LogisticRegression(
                C=self.C, class_weight="balanced" if self.balanced else None, tol=_TOLERANCE, max_iter=_ITERATIONS
            )
            model.fit(x[one.items].numpy(), one.y, sample_weight=one.weight)
            self.weight[one.task] = torch.from_numpy(model.coef_[0])
            self.bias[one.task] = float(model.intercept_[0])

    def _outputs(self, x: Tensor) -> Tensor:
        return standardised(self.scale, x).double() @ self.weight.T + self.bias

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.num_tasks}, {self.num_features}, C={self.C}, balanced={self.balanced})"
