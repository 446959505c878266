"""The classifier of bags of instances."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from xgraph.checks import MOST_LAYERS, choice, integer
from xgraph.estimators import GammaSchedule
from xgraph.nn.bags import pooling as poolings
from xgraph.nn.bags.batch import bags_of, chunks_of, runs_of
from xgraph.nn.bags.encoders import Encoder, InstanceNorm, make_encoder
from xgraph.nn.layers.feature_scale import FeatureScale
from xgraph.nn.layers.protocol import Kind, Model
from xgraph.nn.layers.reset import reset_parameters

RUN = 2**20
"""Maximum number of elements in the vectors of instances that are encoded and pooled together."""
Pooling = Literal["attention", "gated-attention", "smoothed-max", "mean", "max"]


class BagPrediction(NamedTuple):
    """Prediction for one bag.

    Args:
        logits: Logits of the bag. Shape ``[T]``.
        scores: Scores of the instances. Shape ``[n, T]``.
        weights: Weight of each instance in its bag; the weights sum to one. Shape ``[n, heads]`` with attention,
            otherwise ``[n, T]``.
    """

    logits: Tensor
    scores: Tensor
    weights: Tensor


class BagClassifier(nn.Module, Model):
    """Multi-instance classifier: it encodes and scores instances, and pools the scores of a bag to logits.

    Because the head is linear, attention over scores equals a linear layer on pooled embeddings, as in attention-based
    multi-instance learning (ABMIL; Ilse et al., ICML 2018), and each instance has a score of its own. With `num_bags`,
    the pooling keeps a moving average per bag, so that training works with a few sampled instances of each bag. With an
    AUC-margin loss on the logits this is MIDAM (Zhu et al., ICML 2023). The chapter's sigmoid is left to the loss.

    A batch is a PyG `Data` with bags of any sizes:

    - `x`: feature rows ``[n, C]``, or images ``[n, channels, height, width]``.
    - `batch`: for each instance, the position of its bag in the batch. Shape ``[n]``.
    - `num_bags`: the number of bags; alternatively `y`, with one row per bag.
    - `idx`: the index of each bag in the data set, from 0 to the model's ``num_bags - 1``; only needed for training
      with a state per bag.

    If instances are graphs, the batch is a PyG `Batch` of all graphs. Its `batch` is PyG's own, and the bag of each
    graph is given in `bag`, ``[n]``.

    Args:
        num_tasks: Number T of logits per bag.
        in_channels: Number of features of an instance, or of channels of an image; not needed for graphs.
        num_bags: Number of bags in the data set, to keep a state per bag; None for no state. Not used with max pooling.
        encoder: Encoder of the instances: mlp for features, cnn for small images or gine for molecules. In Python also
            a module of your own. It either maps `x` to vectors ``[n, hidden_channels]``, treating rows independently
            (except for batch normalisation), or has a method ``embed`` that does so for a batch.
        hidden_channels: Size of the instances' vectors.
        num_layers: Number of layers of the encoder.
        dropout: Dropout probability in the encoder.
        norm: Normalisation in the mlp encoder: none, batch normalisation or layer normalisation.
        pooling: Pooling of the scores of a bag.
        tau: Temperature of smoothed-max, in units of the logits.
        heads: Number of attention heads, which must divide the number of tasks: 1 shares one attention between all
            tasks, T gives each task its own.
        attention_channels: Size of the hidden layer of the attention.
        gamma: Weight of the new value in a bag's state, in (0, 1] (in Python also a schedule).

    Raises:
        ValueError: If an argument is out of range or unknown, or a batch lacks an attribute or does not match the
            model.

    Example:
        >>> from torch_geometric.data import Data
        >>> x, bag = torch.randn(7, 166), torch.tensor([0, 0, 0, 0, 1, 1, 1])
        >>> model = BagClassifier(num_tasks=1, in_channels=166, num_bags=92, gamma=0.9)
        >>> batch = Data(x=x, batch=bag, num_bags=2, idx=torch.tensor([5, 91]))
        >>> model(batch).shape, model.instance_scores(batch).shape, model.attention(batch).shape
        (torch.Size([2, 1]), torch.Size([7, 1]), torch.Size([7, 1]))
    """

    kind: ClassVar[Kind] = "bag"

    scale: FeatureScale | None

    def __init__(
        self,
        num_tasks: int = 1,
        in_channels: int | None = None,
        num_bags: int | None = None,
        *,
        encoder: Encoder | nn.Module = "mlp",
        hidden_channels: int = 128,
        num_layers: int = 2,
        dropout: float = 0.0,
        norm: InstanceNorm = "none",
        pooling: Pooling = "attention",
        tau: float = 0.1,
        heads: int = 1,
        attention_channels: int = 64,
        gamma: float | GammaSchedule = 0.9,
    ) -> None:
        super().__init__()
        self.num_tasks = integer("num_tasks", num_tasks)
        self.hidden_channels = integer("hidden_channels", hidden_channels)
        self.num_bags = None if num_bags is None else integer("num_bags", num_bags)
        self.pooling = choice("pooling", pooling, get_args(Pooling))
        self.scale, self.target_scale = None, None
        self.attends = pooling in ("attention", "gated-attention")
        if isinstance(encoder, nn.Module):
            self.encoder = encoder
        else:
            arguments = (self.hidden_channels, integer("num_layers", num_layers, most=MOST_LAYERS), dropout)
            self.encoder = make_encoder(encoder, in_channels, *arguments, norm)
        self.head = nn.Linear(self.hidden_channels, self.num_tasks)
        state: dict[str, Any] = {"num_bags": self.num_bags, "gamma": gamma, "channels": self.num_tasks}
        if self.attends:
            gated = pooling == "gated-attention"
            self.pool = poolings.AttentionPooling(self.hidden_channels, attention_channels, gated, heads, **state)
        elif pooling == "mean":
            self.pool = poolings.MeanPooling(**state)
        elif pooling == "max":
            self.pool = poolings.SmoothedMaxPooling(0.0)
        else:
            self.pool = poolings.SmoothedMaxPooling(tau, **state)

    def forward(self, batch: Any) -> Tensor:
        """Return logits, ``[B, num_tasks]``."""
        estimates: list[Tensor] = []
        for e, bag, size in self._runs(batch):
            scores = self.head(e)
            x, value = (e, {"value": scores}) if self.attends else (scores, {})
            estimates.append(self.pool.estimate(x, self.pool.bags(x, bag, None, size), **value))
        return self.in_units(self.pool.finish(torch.cat(estimates), scores, self._bag_id(batch)))

    def embed(self, batch: Any) -> Tensor:
        """Return the vectors of the instances, which the head turns into scores, ``[n, hidden_channels]``."""
        if getattr(batch, "x", None) is None:
            raise ValueError("the batch has no x")
        embed = getattr(self.encoder, "embed", None)
        return self._checked(self._encode(batch.x) if embed is None else embed(batch))

    def instance_scores(self, batch: Any) -> Tensor:
        """Return the scores of the instances, ``[n, num_tasks]``: the logits of bags with a single instance."""
        return self.in_units(self.head(self.embed(batch)))

    def attention(self, batch: Any) -> Tensor:
        """Return the weight of each instance in its bag, ``[n, heads]``; without attention, ``[n, num_tasks]``."""
        e = self.embed(batch)
        bag, size = bags_of(batch, e)
        out: Tensor = self.pool.weights(e if self.attends else self.head(e), bag, dim_size=size)
        return out

    def explain(self, batch: Any) -> BagPrediction:
        """Return logits ``[B, num_tasks]``, instance scores and weights, encoding the instances only once."""
        e = self.embed(batch)
        bag, size = bags_of(batch, e)
        scores = self.head(e)
        x, value = (e, {"value": scores}) if self.attends else (scores, {})
        logits = self.pool(x, bag, dim_size=size, bag_id=self._bag_id(batch), **value)
        return BagPrediction(self.in_units(logits), self.in_units(scores), self.pool.weights(x, bag, dim_size=size))

    @torch.no_grad()
    def predict_bag(self, instances: Any, chunk_size: int = 4096) -> BagPrediction:
        """Return the prediction for one bag of any size, encoding its instances in chunks.

        The result equals that of encoding all instances together. The model is in evaluation mode during the call.

        Args:
            instances: `x` of all instances, as a tensor or an array (a memory-mapped array is read chunk by chunk), or
                an iterable of batches that together hold all instances.
            chunk_size: Number of instances of a tensor or array that are encoded together.

        Raises:
            ValueError: If there are no instances.
        """
        training, device = self.training, self.head.weight.device
        self.eval()
        try:
            scores, logits = [], []
            for chunk in chunks_of(instances, integer("chunk_size", chunk_size)):
                is_batch = not isinstance(chunk, Tensor)
                e = self.embed(chunk.to(device)) if is_batch else self._checked(self._encode(chunk.to(device)))
                scores.append(self.head(e))
                logits.append(self.pool.logits(e) if self.attends else scores[-1][:, :0])
            if not scores:
                raise ValueError("instances is empty: a bag needs at least one")
            score, logit = torch.cat(scores), torch.cat(logits)
            if not self.attends:
                return BagPrediction(self.in_units(self.pool(score))[0], self.in_units(score), self.pool.weights(score))
            weight = logit.softmax(0)
            each = weight.repeat_interleave(self.num_tasks // weight.size(1), dim=1)
            out = (each * score).sum(0).to(score.dtype)
            return BagPrediction(self.in_units(out), self.in_units(score), weight)
        finally:
            self.train(training)

    def reset_head(self) -> None:
        """Reinitialise the head and clear the state of all bags, which is derived from its scores."""
        self.head.reset_parameters()
        if self.pool.track is not None:
            self.pool.track.reset_parameters()

    def reset_parameters(self) -> None:
        """Reinitialise all weights and clear the state of all bags."""
        reset_parameters(self)

    def extra_repr(self) -> str:
        """Show the sizes."""
        return f"{self.num_tasks}, hidden_channels={self.hidden_channels}, pooling={self.pooling!r}"

    def _runs(self, batch: Any) -> Iterator[tuple[Tensor, Tensor, int | None]]:
        """Yield vectors and bags of the instances, a few whole bags at a time if the encoder allows it."""
        x = getattr(batch, "x", None)
        apart = not hasattr(self.encoder, "embed") and not (self.training and self._normalises())
        if not apart or not isinstance(x, Tensor) or x.device.type != "cpu" or torch.compiler.is_compiling():
            e = self.embed(batch)
            yield e, *bags_of(batch, e)
            return
        bag, size = bags_of(batch, x)
        for rows, bags in runs_of(bag, size, max(RUN // self.hidden_channels, 1)):
            count = None if bags.stop is None else bags.stop - bags.start
            yield self._checked(self._encode(x[rows])), bag[rows] - bags.start, count

    def _normalises(self) -> bool:
        return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in self.encoder.modules())

    def _encode(self, x: Tensor) -> Tensor:
        out: Tensor = self.encoder(x.to(self.head.weight.dtype))
        return out

    def _checked(self, e: Tensor) -> Tensor:
        if e.dim() != 2 or e.size(1) != self.hidden_channels:
            raise ValueError(
                f"the encoder must return vectors of shape [n, {self.hidden_channels}] (hidden_channels), "
                f"got {list(e.shape)}"
            )
        return e

    def _bag_id(self, batch: Any) -> Tensor | None:
        if not self.training or self.pool.num_bags is None:
            return None
        idx: Tensor | None = getattr(batch, "idx", None)
        if idx is None:
            raise ValueError(
                "the batch has no idx: training with a state per bag (num_bags) needs the index of each bag"
            )
        return idx
