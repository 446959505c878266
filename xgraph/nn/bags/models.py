"""The models of bags by name: each a `BagClassifier` with one pooling and the options that it has."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor

from xgraph.estimators import GammaSchedule
from xgraph.nn.bags.classifier import BagClassifier, Pooling
from xgraph.nn.bags.encoders import Encoder, InstanceNorm
from xgraph.nn.layers.feature_scale import FeatureScale


class BagModel(BagClassifier):
    """A `BagClassifier` for instances of a given shape, which also standardises the features.

    Args:
        num_tasks: Number T of logits per bag.
        instance_shape: Shape of an instance in `x`: (C,), or (channels, height, width) of images; empty for graphs.
        num_bags: Number of bags in the data set, for a state per bag; None: no state.
        of_pooling: Arguments of the pooling.
        encoder: What encodes the instances: layers for features (mlp), small images (cnn) or molecules (gine). If not
            given, the one that suits them. With mlp, images are rows of pixels.
        hidden_channels: Length of the instances' vectors.
        num_layers: Number of layers of the encoder.
        dropout: Probability that an element becomes zero, in the encoder.
        norm: What normalises the layers of the encoder mlp: nothing, or statistics of the batch's instances or of each
            vector.
        standardize_features: Subtract mean and divide by standard deviation of each feature, or of each channel of
            images, over the training bags; they are kept with the model.

    Raises:
        ValueError: If an argument is out of range, or the encoder is for other instances.

    Example:
        >>> MaxModel(num_tasks=1, instance_shape=(166,)).encoder.in_channels
        166
    """

    pools: ClassVar[Pooling]
    """How the scores of a bag are pooled."""

    def __init__(
        self,
        num_tasks: int = 1,
        instance_shape: Sequence[int] = (),
        num_bags: int | None = None,
        of_pooling: Mapping[str, Any] | None = None,
        *,
        encoder: Encoder | None = None,
        hidden_channels: int = 128,
        num_layers: int = 2,
        dropout: float = 0.0,
        norm: InstanceNorm = "none",
        standardize_features: bool = True,
    ) -> None:
        shape = tuple(instance_shape)
        fitting: dict[int, tuple[Encoder, ...]] = {0: ("gine",), 1: ("mlp",), 3: ("cnn", "mlp")}
        if len(shape) not in fitting:
            raise ValueError(f"instance_shape must have 0, 1 or 3 numbers, got {list(shape)}")
        suiting = fitting[len(shape)]
        if encoder not in (None, *suiting):
            what = {0: "graphs", 1: "feature rows", 3: "images"}[len(shape)]
            raise ValueError(f"encoder must be {' or '.join(suiting)} for instances that are {what}, got {encoder!r}")
        chosen = encoder or suiting[0]
        super().__init__(
            num_tasks,
            None if chosen == "gine" else shape[0] if chosen == "cnn" else math.prod(shape),
            num_bags,
            encoder=chosen,
            hidden_channels=hidden_channels,
            num_layers=num_layers,
            dropout=dropout,
            norm=norm,
            pooling=self.pools,
            **(of_pooling or {}),
        )
        self.flat = chosen == "mlp"
        self.scale = FeatureScale(shape[0]) if shape and standardize_features else None

    def _encode(self, x: Tensor) -> Tensor:
        x = x.to(self.head.weight.dtype)
        if self.scale is not None:
            x = self.scale(x)
        return super()._encode(x.flatten(1) if self.flat else x)


class AttentionModel(BagModel):
    """Attention over instances: ABMIL (Ilse et al., ICML 2018), and with sampled instances MIDAM's (ICML 2023).

    Args:
        num_tasks: As `BagModel` has it, like the following two.
        instance_shape: Shape of an instance.
        num_bags: Number of bags in the data set, for a state per bag.
        heads: Number of attentions, which divides the tasks: 1 for all tasks together, T for one each.
        attention_channels: Length of the hidden layer of the attention.
        gamma: Weight of the new value in a bag's state, in (0, 1] (in Python also a schedule), where instances are
            sampled.
        options: Those of `BagModel`.
    """

    pools: ClassVar[Pooling] = "attention"

    def __init__(
        self,
        num_tasks: int = 1,
        instance_shape: Sequence[int] = (),
        num_bags: int | None = None,
        *,
        heads: int = 1,
        attention_channels: int = 64,
        gamma: float | GammaSchedule = 0.9,
        **options: Any,
    ) -> None:
        own = {"heads": heads, "attention_channels": attention_channels, "gamma": gamma}
        super().__init__(num_tasks, instance_shape, num_bags, own, **options)


class GatedAttentionModel(AttentionModel):
    """The same with gated attention. Arguments: `AttentionModel`."""

    pools: ClassVar[Pooling] = "gated-attention"


class SmoothedMaxModel(BagModel):
    """A soft maximum over the instances' scores: with sampled instances MIDAM's (Zhu et al., ICML 2023).

    Args:
        num_tasks: As `BagModel` has it, like the following two.
        instance_shape: Shape of an instance.
        num_bags: Number of bags in the data set, for a state per bag.
        tau: Temperature, in units of the logits.
        gamma: Weight of the new value in a bag's state, in (0, 1] (in Python also a schedule), where instances are
            sampled.
        options: Those of `BagModel`.
    """

    pools: ClassVar[Pooling] = "smoothed-max"

    def __init__(
        self,
        num_tasks: int = 1,
        instance_shape: Sequence[int] = (),
        num_bags: int | None = None,
        *,
        tau: float = 0.1,
        gamma: float | GammaSchedule = 0.9,
        **options: Any,
    ) -> None:
        super().__init__(num_tasks, instance_shape, num_bags, {"tau": tau, "gamma": gamma}, **options)


class MeanModel(BagModel):
    """The mean of the instances' scores.

    Args:
        num_tasks: As `BagModel` has it, like the following two.
        instance_shape: Shape of an instance.
        num_bags: Number of bags in the data set, for a state per bag.
        gamma: Weight of the new value in a bag's state, in (0, 1] (in Python also a schedule), where instances are
            sampled.
        options: Those of `BagModel`.
    """

    pools: ClassVar[Pooling] = "mean"

    def __init__(
        self,
        num_tasks: int = 1,
        instance_shape: Sequence[int] = (),
        num_bags: int | None = None,
        *,
        gamma: float | GammaSchedule = 0.9,
        **options: Any,
    ) -> None:
        super().__init__(num_tasks, instance_shape, num_bags, {"gamma": gamma}, **options)


class MaxModel(BagModel):
    """The largest of the instances' scores, without a state per bag. Arguments: `BagModel`."""

    pools: ClassVar[Pooling] = "max"
