"""Time and memory of a training step on bags, asked for by JSON lines. Runs in the peers' environments as well."""

from __future__ import annotations

import ctypes
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

FEATURES, HIDDEN = 512, 128
TAU, GAMMA, MARGIN, RATE = 0.1, 0.9, 1.0, 0.01
SMALL = [4] * 16
Side = tuple[Callable[[], Any], Callable[[Any], None]]
"""What makes a batch, and what does a step with it."""


def bags(sizes: list[int]) -> tuple[Tensor, Tensor]:
    """Instances of all bags, and labels of the bags, half of them positive.

    Args:
        sizes: Instances of each bag.
    """
    generator = torch.Generator().manual_seed(0)
    x = torch.empty(sum(sizes), FEATURES)
    for part in x.split(4096):
        part.normal_(generator=generator)
    return x, (torch.arange(len(sizes)) % 2).float()


def xgraph(model: str, sizes: list[int], instances: int | None, x: Tensor, y: Tensor) -> Side:
    """Ours: `abmil` as torchmil has it, `attention` and `smoothed-max` as LibAUC has them.

    Args:
        model: Which.
        sizes: Instances of each bag.
        instances: How many of a bag to sample; None: all.
        x: Instances.
        y: Labels.
    """
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

    def step(made: Any) -> None:
        optimizer.zero_grad()
        loss_fn(classifier(made), made.y, made.idx).backward()
        optimizer.step()

    return batch, step


def torchmil(model: str, sizes: list[int], instances: int | None, x: Tensor, y: Tensor) -> Side:
    """Its ABMIL: `abmil` on one batch, padded by its own function; `abmil-ones` on batches of one bag.

    Args:
        model: Which.
        sizes: Instances of each bag.
        instances: It samples none.
        x: Instances.
        y: Labels.
    """
    from torchmil.data import collate_fn
    from torchmil.models import ABMIL

    dataset = [{"X": bag, "Y": label} for bag, label in zip(x.split(sizes), y, strict=True)]
    classifier = ABMIL(in_shape=(FEATURES,), att_dim=HIDDEN)
    optimizer = torch.optim.SGD(classifier.parameters(), RATE)

    def batch() -> Any:
        groups = [[bag] for bag in dataset] if model == "abmil-ones" else [dataset]
        return [collate_fn(group) for group in groups]

    def step(made: Any) -> None:
        optimizer.zero_grad()
        for part in made:
            _, losses = classifier.compute_loss(part["Y"], part["X"], part["mask"])
            (sum(losses.values()) / len(made)).backward()
        optimizer.step()

    return batch, step


def libauc(model: str, sizes: list[int], instances: int | None, x: Tensor, y: Tensor) -> Side:
    """Its MIDAM, as its tutorials call it: bag by bag, then the loss of the batch.

    Args:
        model: attention or smoothed-max.
        sizes: Instances of each bag.
        instances: How many of a bag to sample; None: as many as it has.
        x: Instances.
        y: Labels.
    """
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

    def step(made: Any) -> None:
        found = [MIL_sampling(bag, classifier, instances or len(bag), mode=mode, tau=TAU) for bag in made]
        pooled = tuple(map(torch.cat, zip(*found, strict=True))) if attention else torch.cat(found)
        loss = loss_fn(y_pred=pooled, y_true=y, index=index)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return batch, step


SIDES = {"xgraph": xgraph, "torchmil": torchmil, "libauc": libauc}
_made: dict[str, Any] = {}


def side(library: str, model: str, sizes: list[int], instances: int | None) -> Side:
    """One of the sides on bags that stay in memory until others are asked for.

    Args:
        library: Whose.
        model: Which.
        sizes: Instances of each bag.
        instances: How many of a bag to sample; None: all.
    """
    if _made.get("sizes") != sizes:
        _made.clear()
        _made.update(sizes=sizes, data=bags(sizes))
    torch.manual_seed(0)
    return SIDES[library](model, sizes, instances, *_made["data"])


def milliseconds(seconds: float, **question: Any) -> dict[str, float]:
    """Median time of a whole step, and of making the batch alone.

    Args:
        seconds: How long to measure.
        question: Arguments of `side`.
    """
    batch, step = side(**question)
    for _ in range(2):
        step(batch())
    whole: list[float] = []
    making: list[float] = []
    started = time.perf_counter()
    while len(whole) < 3 or time.perf_counter() - started < seconds:
        before = time.perf_counter()
        made = batch()
        between = time.perf_counter()
        step(made)
        del made
        after = time.perf_counter()
        whole.append(after - before)
        making.append(between - before)
    return {"ms": sorted(whole)[len(whole) // 2] * 1e3, "batch_ms": sorted(making)[len(making) // 2] * 1e3}


def mebibytes(**question: Any) -> dict[str, float]:
    """Highest resident memory of two steps above that before: with their batches, and with a batch that was there.

    Args:
        question: Arguments of `side`.
    """
    batch, step = side(**question | {"sizes": SMALL})  # libraries that are loaded at first use
    step(batch())
    batch, step = side(**question)
    found = {}
    found["mib"] = _rise(lambda: [step(batch()) for _ in range(2)])
    made = batch()
    step(made)
    found["step_mib"] = _rise(lambda: [step(made) for _ in range(2)])
    return found


def _rise(call: Callable[[], Any]) -> float:
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the highest so far is forgotten
    call()
    return (_status("VmHWM") - before) / 1024


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(f"{name}:")))


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[1]))
    torch.zeros(7_500_000)  # as in training, whose allocator has long since seen and freed large tensors
    for line in sys.stdin:
        asked = json.loads(line)
        answer = {"ms": milliseconds, "mib": mebibytes}[asked.pop("measure")](**asked)
        print(json.dumps(answer), flush=True)
