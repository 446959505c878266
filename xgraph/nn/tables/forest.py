"""Forests of decision trees on features, fitted by scikit-learn and stored as tensors."""

from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor

from xgraph.checks import integer
from xgraph.nn.tables.examples import Examples, TaskExamples
from xgraph.nn.tables.fitted_model import FittedModel
from xgraph.nn.tables.trees import Trees

MaxFeatures = Literal["auto", "sqrt", "log2"]
_OF_NUMBERS = 1 / 3
"""Share of the features that trees of numbers consider for each split by default."""

_LEAST = 1e-12
"""Probabilities are clamped to this distance from 0 and 1; a non-zero mean over trees is always larger."""

_EMPTY = 0.1  # maximum share of non-zero values in a column that counts as nearly empty
_FILLED = 0.03  # maximum share of other columns with which a sparse table is faster


class RandomForest(FittedModel):
    """Random forest on features, fitted by scikit-learn: one forest per task.

    Trees are grown on bootstrap samples, with a random choice of features at each split. The logit is log(p / (1 − p)),
    where p is the mean over trees of the fraction of positives in an item's leaf. p is the result of scikit-learn's
    ``RandomForestClassifier.predict_proba``, clamped to [1e-12, 1 − 1e-12]. After `predict_numbers`, the trees are
    those of ``RandomForestRegressor``, and the prediction is the mean over trees of the mean number in an item's leaf.
    From Breiman, "Random Forests", Machine Learning 45, 2001.

    Args:
        num_tasks: Number T of logits per item.
        num_features: Number F of features of an item.
        trees: Number of trees per task.
        min_samples_leaf: Minimum number of training items in a leaf.
        max_features: Number of features considered for each split: a fraction of all, or the square root (sqrt) or
            logarithm (log2) of their number. The default (auto) is sqrt, and a third of all with numbers.
        balanced: Whether to give both classes the same total weight. Without effect on numbers, which have no classes.
        max_items: Maximum number of labelled items per task to grow trees on, to save time: all of the rarer class, or
            a random half of the maximum, and random items of the other class; with numbers, random items. No limit by
            default.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> from types import SimpleNamespace
        >>> x = torch.rand(200, 3, generator=torch.Generator().manual_seed(0))
        >>> model = RandomForest(num_tasks=1, num_features=3, trees=20)
        >>> model.fit(x, (x[:, 0] > 0.5).float())
        >>> model(SimpleNamespace(features=torch.tensor([[0.1, 0.5, 0.5], [0.9, 0.5, 0.5]]))).sign().tolist()
        [[-1.0], [1.0]]
    """

    learner: ClassVar[str] = "RandomForest"
    """Name of the class in ``sklearn.ensemble`` that fits the model, without its ending Classifier or Regressor."""

    same_if_sparse: ClassVar[bool] = True
    """Whether the trees grown on a sparse table are the same."""

    def __init__(
        self,
        num_tasks: int,
        num_features: int,
        *,
        trees: int = 500,
        min_samples_leaf: int = 1,
        max_features: float | MaxFeatures = "auto",
        balanced: bool = True,
        max_items: int | None = None,
    ) -> None:
        super().__init__(num_tasks, num_features)
        words = get_args(MaxFeatures)
        if max_features not in words and not (isinstance(max_features, int | float) and 0 < max_features <= 1):
            raise ValueError(
                f"max_features must be a fraction in (0, 1], or one of {', '.join(words)}, got {max_features!r}"
            )
        self.num_trees, self.min_samples_leaf = integer("trees", trees), integer("min_samples_leaf", min_samples_leaf)
        self.max_features, self.balanced = max_features, balanced
        self.max_items = None if max_items is None else integer("max_items", max_items, least=2)
        self.trees = Trees(num_tasks, num_features)

    def _learn(self, examples: Examples) -> None:
        from sklearn import ensemble

        share: Any = (_OF_NUMBERS if self.numbers else "sqrt") if self.max_features == "auto" else self.max_features
        share = share if isinstance(share, str) else float(share)
        learner = getattr(ensemble, self.learner + ("Regressor" if self.numbers else "Classifier"))
        options = {} if self.numbers else {"class_weight": "balanced" if self.balanced else None}
        fitted: list[list[Any]] = [[] for _ in range(self.num_tasks)]
        for one in examples.tasks():
            grown = self._grown_on(one)
            forest = learner(
                n_estimators=self.num_trees,
                min_samples_leaf=self.min_samples_leaf,
                max_features=share,
                n_jobs=examples.threads,
                random_state=grown.seed,
                **options,
            )
            x = examples.x[grown.items]
            table = sparse_columns(x) if self.same_if_sparse else x.numpy()
            fitted[one.task] = forest.fit(table, grown.y, sample_weight=grown.weight).estimators_
        self.trees.keep(fitted)

    def _grown_on(self, one: TaskExamples) -> TaskExamples:
        """Return the labelled items of a task, or `max_items` of them."""
        if self.max_items is None or len(one.y) <= self.max_items:
            return one
        generator = torch.Generator().manual_seed(one.seed)
        drawn = torch.randperm(len(one.y), generator=generator)
        if self.numbers:
            return one.take(drawn[: self.max_items].sort().values)
        y = torch.from_numpy(one.y)[drawn]
        rare, common = sorted((drawn[y == 0], drawn[y == 1]), key=len)
        few = rare[: self.max_items // 2]
        return one.take(torch.cat([few, common[: self.max_items - len(few)]]).sort().values)

    def _outputs(self, x: Tensor) -> Tensor:
        mean: Tensor = self.trees(x)
        return mean if self.numbers else torch.logit(mean, eps=_LEAST)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.num_tasks}, {self.num_features}, trees={self.num_trees}, "
            f"min_samples_leaf={self.min_samples_leaf}, max_features={self.max_features!r}, balanced={self.balanced}, "
            f"max_items={self.max_items})"
        )


class ExtraTrees(RandomForest):
    """Extremely randomised trees on features, fitted by scikit-learn: one forest per task.

    Every tree is grown on all items, and each split takes the best of several random thresholds. From Geurts, Ernst and
    Wehenkel, "Extremely randomized trees", Machine Learning 63, 2006. For the arguments see `RandomForest`.
    """

    learner: ClassVar[str] = "ExtraTrees"
    same_if_sparse: ClassVar[bool] = False  # the random thresholds differ


def sparse_columns(x: Tensor) -> Any:
    """Return a table as a sparse matrix if almost all its columns are nearly empty, otherwise as an array.

    A forest on the Morgan counts of tens of thousands of molecules is fitted three times as fast from a sparse matrix.
    """
    filled = (x != 0).float().mean(0) > _EMPTY
    if float(filled.float().mean()) > _FILLED:
        return x.numpy()
    from scipy import sparse

    return sparse.csc_matrix(x.numpy())
