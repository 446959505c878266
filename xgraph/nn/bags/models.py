"""The named bag models: each is a `BagClassifier` with one pooling and its options."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from torch import Tensor

from xgraph.estimators import GammaSchedule
from xgraph.nn.bags.classifier import BagClassifier, Pooling
from xgraph.nn.bags.encoders import Encoder, InstanceNorm
from xgraph.nn.layers.feature_scale import FeatureScale


class BagModel(BagClassifier):
    """Base class of the bag models: a `BagClassifier` that also standardises the features.

    Args:
        num_tasks: Number T of logits per bag.
        instance_shape: Shape of an instance in `x`: (C,) for features, (channels, height, width) for images, empty for
            graphs.
        num_bags: Number of bags in the data set, to keep a state per bag; None for no state.
        of_pooling: Arguments of the pooling.
        encoder: Encoder of the instances: mlp for features, cnn for small images or gine for molecules. By default it
            is chosen by the shape of the instances. With mlp, images are flattened.
        hidden_channels: Size of the instances' vectors.
        num_layers: Number of layers of the encoder.
        dropout: Dropout probability in the encoder.
        norm: Normalisation in the mlp encoder: none, batch normalisation or layer normalisation.
        standardize_features: Whether to standardise each feature, or each channel of images, by its mean and standard
            deviation over the training bags, which are saved with the model.

    Raises:
        ValueError: If an argument is out of range, or the encoder does not match the shape of the instances.

    Example:
        >>> MaxModel(num_tasks=1, instance_shape=(166,)).encoder.in_channels
        166
    """

    pools: ClassVar[Pooling]
    """Pooling of the scores of a bag."""

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
            raise ValueError(f"encoder must be {' or '.join(suiting)} if instances are {what}, got {encoder!r}")
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
    """Attention pooling over instances (ABMIL; Ilse et al., ICML 2018).

    With sampled instances this is the attention of MIDAM (Zhu et al., ICML 2023).

    Args:
        num_tasks: Number T of logits per bag.
        instance_shape: Shape of an instance.
        num_bags: Number of bags in the data set, to keep a state per bag.
        heads: Number of attention heads, which must divide the number of tasks: 1 shares one attention between all
            tasks, T gives each task its own.
        attention_channels: Size of the hidden layer of the attention.
        gamma: Weight of the new value in a bag's state, in (0, 1] (in Python also a schedule); used if instances are
            sampled.
        options: Options of `BagModel`.
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
    """Gated attention pooling over instances (Ilse et al., ICML 2018). For the arguments see `AttentionModel`."""

    pools: ClassVar[Pooling] = "gated-attention"


class SmoothedMaxModel(BagModel):
    """Smoothed maximum (log-mean-exp) over the instances' scores.

    With sampled instances this is the smoothed-max pooling of MIDAM (Zhu et al., ICML 2023).

    Args:
        num_tasks: Number T of logits per bag.
        instance_shape: Shape of an instance.
        num_bags: Number of bags in the data set, to keep a state per bag.
        tau: Temperature, in units of the logits.
        gamma: Weight of the new value in a bag's state, in (0, 1] (in Python also a schedule); used if instances are
            sampled.
        options: Options of `BagModel`.
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
    """Mean of the instances' scores.

    Args:
        num_tasks: Number T of logits per bag.
        instance_shape: Shape of an instance.
        num_bags: Number of bags in the data set, to keep a state per bag.
        gamma: Weight of the new value in a bag's state, in (0, 1] (in Python also a schedule); used if instances are
            sampled.
        options: Options of `BagModel`.
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
    """Maximum of the instances' scores, without a state per bag. For the arguments see `BagModel`."""

    pools: ClassVar[Pooling] = "max"
