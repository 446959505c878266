"""The interface that training, prediction and recipes expect of every model."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from torch import Tensor, nn

from xgraph.nn.layers.feature_scale import FeatureScale
from xgraph.nn.layers.target_scale import TargetScale

Kind = Literal["graph", "node", "bag"]


@runtime_checkable
class Model(Protocol):
    """Interface of the named models: an :class:`torch.nn.Module` that maps a batch to logits ``[B, num_tasks]``.

    The base classes `MoleculeModel`, `NodeModel`, `BagClassifier` and `FittedModel`, and `MLP`, inherit from it, and
    with it the defaults below.

    Example:
        >>> from xgraph.nn import MODELS
        >>> [name for name, model in MODELS.items() if model.fitted]
        ['forest', 'extra-trees', 'svm', 'logistic', 'kernel-ridge']
        >>> MODELS["sage"].kind, MODELS["gine"].takes_features
        ('node', True)
    """

    kind: ClassVar[Kind]
    """What the model scores: "graph", "node" or "bag"."""

    fitted: ClassVar[bool] = False
    """Whether the model is fitted in a single step by its ``fit`` method, not trained by an optimiser."""

    takes_features: ClassVar[bool] = False
    """Whether the model accepts ``num_features`` additional features per graph, in the batch's ``features``."""

    reads_graphs: ClassVar[bool] = True
    """Whether the model reads the graphs of a batch; if not, a batch holds features, labels and positions alone."""

    num_tasks: int
    """Number of logits per item."""

    scale: FeatureScale | None
    """Standardisation of the features, to be fitted on the training set; None if the model does not standardise."""

    target_scale: TargetScale | None
    """Standardisation of continuous targets, to be fitted on the training set; None if the model returns logits."""

    @classmethod
    def kinds(cls) -> tuple[Kind, ...]:
        """Return all that the model can score: its `kind`, and others if it is fitted to features of any items."""
        return (cls.kind,)

    @classmethod
    def usual_features(cls, options: Mapping[str, Any]) -> list[str] | None:
        """Return the names of the features that a run computes for this model by default; None for no features.

        Args:
            options: The model's options.
        """
        return None

    @classmethod
    def usual_options(cls, kind: Kind) -> Mapping[str, Any]:
        """Return the options of the model that a run on items of this kind has by default, if not those of the class.

        Args:
            kind: What the run scores: "graph", "node" or "bag".
        """
        return {}

    def predict_numbers(self) -> None:
        """Switch a new model from logits to continuous targets: `forward` then returns numbers in their units.

        Call it before any weights are loaded, and then ``target_scale.fit`` with the mean and standard deviation of
        the training set's targets (:func:`xgraph.nn.target_statistics`).
        """
        self.target_scale = TargetScale(self.num_tasks)

    def in_units(self, out: Tensor) -> Tensor:
        """Return the outputs of the head, ``[B, num_tasks]``, in the units of the targets; logits are unchanged."""
        return out if self.target_scale is None else self.target_scale(out)

    def embed(self, batch: Any) -> Tensor:
        """Return the vectors that the head turns into logits, ``[B, C]``; for bags, one vector per instance.

        Args:
            batch: A batch, as for `forward`.
        """
        raise NotImplementedError

    def reset_head(self) -> None:
        """Reinitialise the head and clear any state derived from its outputs; the encoder keeps its weights."""
        head: nn.Module = self.head  # type: ignore[attr-defined]
        head.reset_parameters()  # type: ignore[operator]
