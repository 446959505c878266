"""Worker: measures a training step on bags. Also runs in the environments of other libraries."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from statistics import median
from typing import Any

import torch
from _serve import rise, rounds, serve_costs
from torch import Tensor, nn

FEATURES, HIDDEN = 512, 128
TAU, GAMMA, MARGIN, RATE = 0.1, 0.9, 1.0, 0.01
SMALL = [4] * 16
Side = tuple[Callable[[], Any], Callable[[Any], None]]
"""A function that makes a batch, and one that does a step with it."""


def xgraph(model: str, sizes: list[int], instances: int | None, x: Tensor, y: Tensor) -> Side:
    """xgraph: `abmil` like torchmil's, `attention` and `smoothed-max` like LibAUC's."""
    from xgraph.data import BagDataset
    from xgraph.losses import LOSSES
    from xgraph.nn import BagClassifier
    from xgraph.sampling import BagLoader

    ptr = torch.tensor([0, *sizes]).cumsum(0)
    loader = BagLoader(BagDataset(x, ptr, y), instances, batch_size=len(sizes), prefetch=0)
    abmil = model == "abmil"
    encoder = nn.Identity() if abmil else nn.Sequential(nn.Linear(FEATURES, HIDDEN), nn.Tanh())
    pooling: Any = "attention" if abmil else model
    classifier = BagClassifier(
        1,
        num_bags=None if instances is None else len(sizes),
        encoder=encoder,
        hidden_channels=FEATURES if abmil else HIDDEN,
        pooling=pooling,
        tau=TAU,
        gamma=GAMMA,
        attention_channels=HIDDEN,
    )
    kind: Any = LOSSES["bce" if abmil else "auc-margin"]
    loss_fn = kind(num_items=len(sizes), **kind.recipe)
    optimizer = torch.optim.SGD(classifier.parameters(), RATE)
    batches = iter(range(10**9))

    def batch() -> Any:
        return loader.load(range(len(sizes)), epoch=next(batches))

    def step(bags: Any) -> None:
        optimizer.zero_grad()
        loss_fn(classifier(bags), bags.y, bags.idx).backward()
        optimizer.step()

    return batch, step


def torchmil(model: str, sizes: list[int], instances: int | None, x: Tensor, y: Tensor) -> Side:
    """The ABMIL of torchmil: `abmil` on one padded batch, `abmil-ones` on batches of one bag."""
    from torchmil.data import collate_fn
    from torchmil.models import ABMIL

    dataset = [{"X": bag, "Y": label} for bag, label in zip(x.split(sizes), y, strict=True)]
    classifier = ABMIL(in_shape=(FEATURES,), att_dim=HIDDEN)
    optimizer = torch.optim.SGD(classifier.parameters(), RATE)

    def batch() -> Any:
        groups = [[bag] for bag in dataset] if model == "abmil-ones" else [dataset]
        return [collate_fn(group) for group in groups]

    def step(bags: Any) -> None:
        optimizer.zero_grad()
        for part in bags:
            _, losses = classifier.compute_loss(part["Y"], part["X"], part["mask"])
            (sum(losses.values()) / len(bags)).backward()
        optimizer.step()

    return batch, step


def libauc(model: str, sizes: list[int], instances: int | None, x: Tensor, y: Tensor) -> Side:
    """LibAUC's MIDAM as in its tutorials: bag by bag, then the loss of the batch."""
    from libauc.losses import MIDAMLoss
    from libauc.models import FFNN, FFNN_stoc_att
    from libauc.optimizers import MIDAM
    from libauc.utils.paper_utils import MIL_sampling

    attention = model == "attention"
    parts = x.split(sizes)
    classifier = (FFNN_stoc_att if attention else FFNN)(input_dim=FEATURES, hidden_sizes=(HIDDEN,))
    options = {"data_len": len(sizes), "margin": MARGIN, "gamma": GAMMA, **({} if attention else {"tau": TAU})}
    loss_fn = MIDAMLoss(mode="attention" if attention else "softmax", **options)
    optimizer = MIDAM(classifier.parameters(), loss_fn=loss_fn, lr=RATE, momentum=0.1)
    mode, index = "att" if attention else "exp", torch.arange(len(sizes))

    def batch() -> Any:
        return parts  # it samples and computes bag by bag, in the step

    def step(bags: Any) -> None:
        scored = [MIL_sampling(bag, classifier, instances or len(bag), mode=mode, tau=TAU) for bag in bags]
        pooled = tuple(map(torch.cat, zip(*scored, strict=True))) if attention else torch.cat(scored)
        loss = loss_fn(y_pred=pooled, y_true=y, index=index)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return batch, step


SIDES = {"xgraph": xgraph, "torchmil": torchmil, "libauc": libauc}


@lru_cache(maxsize=1)  # bags stay in memory until other sizes are requested
def bags_of(sizes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return the instances of all bags and the labels of the bags, half of them positive."""
    generator = torch.Generator().manual_seed(0)
    x = torch.empty(sum(sizes), FEATURES)
    for part in x.split(4096):
        part.normal_(generator=generator)
    return x, (torch.arange(len(sizes)) % 2).float()


def side(library: str, model: str, sizes: list[int], instances: int | None) -> Side:
    """One of the libraries with a model; of each bag it samples so many instances (None: all)."""
    torch.manual_seed(0)
    return SIDES[library](model, sizes, instances, *bags_of(tuple(sizes)))


def milliseconds(seconds: float, **question: Any) -> dict[str, float]:
    """Median time of a whole step, and of making the batch alone."""
    batch, step = side(**question)
    for _ in range(2):
        step(batch())
    held: list[Any] = []
    times = rounds(seconds, lambda: held.append(batch()), lambda: step(held.pop()))
    return {"ms": median(map(sum, times)), "batch_ms": median(one[0] for one in times)}


def mebibytes(**question: Any) -> dict[str, float]:
    """Return by how much two steps raise the peak memory: batches included, and with an existing batch."""
    batch, step = side(**question | {"sizes": SMALL})  # libraries that are loaded at first use
    step(batch())
    batch, step = side(**question)
    mib = rise(lambda: [step(batch()) for _ in range(2)], trim=True)
    existing = batch()
    step(existing)
    return {"mib": mib, "step_mib": rise(lambda: [step(existing) for _ in range(2)], trim=True)}


if __name__ == "__main__":
    serve_costs(milliseconds, mebibytes)
