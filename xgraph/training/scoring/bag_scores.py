"""Score whole bags with all their instances: small bags together in a batch, huge bags in chunks."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from xgraph.data.bags.passes import chunks, grouped, instances_per_pass
from xgraph.nn import FittedModel
from xgraph.nn.tables.rank_mean import RankMean
from xgraph.training.scoring.inference import score_table

if TYPE_CHECKING:
    from xgraph.data import BagDataset
    from xgraph.nn import BagClassifier

Scores = npt.NDArray[np.float64]


class Explained(NamedTuple):
    """A model's predictions for B bags and for each of their n instances.

    Args:
        logits: Logits of the bags, shape [B, T].
        scores: Scores of the instances, shape [n, T].
        weights: Weight of each instance in its bag for each task; the weights of a bag sum to one. Shape [n, T].
        bag: Position of each instance's bag among the requested bags, ascending. Shape [n].
        instance: Row of each instance in the store. Shape [n].
    """

    logits: Scores
    scores: Scores
    weights: Scores
    bag: npt.NDArray[np.int64]
    instance: npt.NDArray[np.int64]


def score_bags(
    model: "BagClassifier | FittedModel | RankMean",
    data: "BagDataset",
    positions: Tensor,
    *,
    device: str = "cpu",
    progress: Callable[[int, int, str], None] | None = None,
) -> Scores:
    """Return the logits of whole bags from a model in evaluation mode."""
    from xgraph.data import bag_statistics

    if isinstance(model, RankMean):
        each = [score_bags(one, data, positions, device=device, progress=progress) for one in model.members]  # type: ignore[arg-type]
        return combined(model, each)
    model, most = model.to(device).eval(), instances_per_pass(data)
    parts = [np.empty((0, model.num_tasks))]
    with torch.inference_mode():
        for group in grouped(data.sizes[positions], most):
            bags = positions[group]
            if isinstance(model, FittedModel):
                parts.append(score_table(model, bag_statistics(data, bags), device=device))
            elif int(data.sizes[bags[0]]) > most:
                parts.append(_numpy(model.predict_bag(chunks(data, int(bags[0]), most)).logits[None]))
            else:
                parts.append(_numpy(model(data.batch(bags).to(device))))
            if progress is not None:
                progress(group[-1] + 1, len(positions), "scoring")
    return np.concatenate(parts)


def combined(model: RankMean, scores: Sequence[Scores]) -> Scores:
    """Return the logits of the mean of ranks from those of its members."""
    return _numpy(model.combine([torch.from_numpy(own) for own in scores]))


def explain_bags(
    model: "BagClassifier",
    data: "BagDataset",
    positions: Tensor,
    *,
    device: str = "cpu",
    progress: Callable[[int, int, str], None] | None = None,
) -> Explained:
    """Return the logits of whole bags and the scores and weights of their instances, in evaluation mode."""
    model, most = model.to(device).eval(), instances_per_pass(data)
    empty, none = np.empty((0, model.num_tasks)), np.empty(0, dtype=np.int64)
    parts = [Explained(empty, empty, empty, none, none)]
    with torch.inference_mode():
        for group in grouped(data.sizes[positions], most):
            bags = positions[group]
            if int(data.sizes[bags[0]]) > most:
                instance: list[Tensor] = []
                prediction = model.predict_bag(_recording(chunks(data, int(bags[0]), most), instance))
                prediction = prediction._replace(logits=prediction.logits[None])
                rows, bag = torch.cat(instance), torch.zeros(len(prediction.scores), dtype=torch.long)
            else:
                batch = data.batch(bags)
                rows, bag = batch.instance, batch.bag
                prediction = model.explain(batch.to(device))
            each = prediction.weights.repeat_interleave(model.num_tasks // prediction.weights.size(1), dim=1)
            parts.append(
                Explained(
                    _numpy(prediction.logits),
                    _numpy(prediction.scores),
                    _numpy(each),
                    bag.cpu().numpy() + group[0],
                    rows.cpu().numpy(),
                )
            )
            if progress is not None:
                progress(group[-1] + 1, len(positions), "scoring")
    return Explained(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def embed_bags(
    model: "BagClassifier",
    data: "BagDataset",
    positions: Tensor,
    *,
    device: str = "cpu",
    progress: Callable[[int, int, str], None] | None = None,
) -> npt.NDArray[np.float32]:
    """Return the mean of the instances' vectors of each bag, weighted as the pooling of the model weights them."""
    model, most = model.to(device).eval(), instances_per_pass(data)
    parts = [np.empty((0, model.hidden_channels), dtype=np.float32)]
    with torch.inference_mode():
        for group in grouped(data.sizes[positions], most):
            bags = positions[group]
            if int(data.sizes[bags[0]]) > most:
                e = torch.cat([model.embed(batch.to(device)) for batch in chunks(data, int(bags[0]), most)])
                bag = torch.zeros(len(e), dtype=torch.long, device=e.device)
            else:
                batch = data.batch(bags).to(device)
                e, bag = model.embed(batch), batch.bag
            weights = model.pool.weights(e if model.attends else model.head(e), bag, dim_size=len(bags)).mean(1)
            vectors = e.new_zeros(len(bags), e.size(1)).index_add_(0, bag, weights.unsqueeze(1).to(e.dtype) * e)
            parts.append(vectors.float().cpu().numpy())
            if progress is not None:
                progress(group[-1] + 1, len(positions), "embedding")
    return np.concatenate(parts)


def _recording(batches: Iterator[Any], instance: list[Tensor]) -> Iterator[Any]:
    """Yield the same batches, and record their instances."""
    for batch in batches:
        instance.append(batch.instance)
        yield batch


def _numpy(values: Tensor) -> Scores:
    return values.double().cpu().numpy()
