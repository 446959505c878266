"""What training, prediction and recipes may ask of any model."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from torch import Tensor, nn

from xgraph.nn.layers.feature_scale import FeatureScale

Kind = Literal["graph", "node", "bag"]


@runtime_checkable
class Model(Protocol):
    """A model by name: an `nn.Module` that maps a batch to logits ``[B, num_tasks]`` and answers what is listed here.

    The models' base classes (`MoleculeModel`, `NodeModel`, `BagClassifier`, `FittedModel`) inherit from it, and with
    that the answers that most models give.

    Example:
        >>> from xgraph.nn import MODELS
        >>> [name for name, model in MODELS.items() if model.fitted], MODELS["sage"].kind, MODELS["gine"].takes_features
        (['forest', 'extra-trees', 'svm'], 'node', True)
    """

    kind: ClassVar[Kind]
    """What gets logits."""

    fitted: ClassVar[bool] = False
    """Whether `fit` learns everything in a single step, so that an optimiser has nothing to do."""

    takes_features: ClassVar[bool] = False
    """Whether it takes `num_features`: numbers beside the graph, in the batch's `features`."""

    num_tasks: int
    """Number of logits per item."""

    scale: FeatureScale | None
    """Mean and deviation of the features, if the model standardises them; to be fitted on the training set."""

    @classmethod
    def usual_features(cls, options: Mapping[str, Any]) -> list[str] | None:
        """Return the kinds of features that a run gives the model by default; None: the graph alone.

        Args:
            options: The model's options.
        """
        return None

    def embed(self, batch: Any) -> Tensor:
        """Return the vectors that the logits are computed from, ``[B, C]``; of bags, one per instance.

        Args:
            batch: As `forward` takes it.
        """
        raise NotImplementedError

    def reset_head(self) -> None:
        """Reinitialise the head, and forget what was derived from its outputs; the encoder stays."""
        head: nn.Module = self.head  # type: ignore[attr-defined]
        head.reset_parameters()  # type: ignore[operator]
