"""Generates a graph whose classes show only in means over many neighbours, and over many of their neighbours.

Nodes belong to communities, several per class. Both ends of an edge are drawn in proportion to a log-normal weight, the
second one within the community of the first with probability `homophily`, otherwise anywhere. The graph is undirected
(each edge in both directions, none twice, no loops) and its degrees have a heavy tail. Features are the centre of the
community plus Gaussian noise several times larger than the distance between centres. The centres of a class's
communities have mean zero, so no linear function of a node's own features tells its class, and what other functions
tell falls with the square of the ratio of signal to noise. Therefore neither longer training nor exact means at
evaluation make up for few neighbours: the network has to see means over many neighbours while it learns. The noise is
large enough that exact means in the first layer alone do not suffice either (see ``docs/results/feature-momentum.md``).
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from xgraph.data.storage.root import root

FORMAT = 1
"""Increased when the same settings give another graph."""


@dataclass(frozen=True)
class Settings:
    """Settings of a generated graph."""

    num_nodes: int = 30_000
    num_pairs: int = 1_500_000  # undirected edges
    num_classes: int = 10
    communities: int = 3  # of each class
    channels: int = 32
    homophily: float = 0.5  # probability that an edge stays in its community
    spread: float = 1.2  # standard deviation of the logarithm of the nodes' weights
    noise: float = 5.0  # standard deviation of each feature; a community's centre has a length of about 1
    train: float = 0.66
    valid: float = 0.10
    seed: int = 0


SIZES = {
    "noisy": Settings(),
    # Reddit2 has 232,965 nodes, 11.6 million undirected edges, 602 features, 41 classes, 66 / 10 / 24 % of the nodes
    "reddit2-sized": Settings(num_nodes=232_965, num_pairs=11_606_919, num_classes=41, channels=602),
}


def noisy_graph(settings: Settings) -> Data:
    """Return the graph, generated once and stored: ``x``, ``edge_index`` by ascending target, ``y`` and masks."""
    graphs = root() / "graphs"
    name = f"noisy-{settings.num_nodes}-{settings.num_pairs}-{settings.seed}"
    folder, expected = graphs / name, {"format": FORMAT, **asdict(settings)}
    if not folder.exists() or json.loads((folder / "settings.json").read_text()) != expected:
        print(f"generating {name}", file=sys.stderr)
        temporary = graphs / f".{name}.{os.getpid()}"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        for key, array in _arrays(settings).items():
            np.save(temporary / f"{key}.npy", array)
        (temporary / "settings.json").write_text(json.dumps(expected))
        shutil.rmtree(folder, ignore_errors=True)  # it has other settings
        temporary.rename(folder)
    arrays = {key: _read(folder / f"{key}.npy") for key in ("x", "edge_index", "y", "train", "valid", "test")}
    parts = {f"{part}_mask": arrays.pop(part) for part in ("train", "valid", "test")}
    return Data(**arrays, **parts)


def _read(path: Path) -> Tensor:
    return torch.from_numpy(np.load(path))


def _arrays(settings: Settings) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(settings.seed)
    count = settings.num_classes * settings.communities
    community = rng.choice(count, settings.num_nodes, p=rng.dirichlet(np.full(count, 10.0)))
    centres = rng.normal(size=(settings.num_classes, settings.communities, settings.channels))
    centres = (centres - centres.mean(axis=1, keepdims=True)).reshape(count, -1)
    centres /= np.linalg.norm(centres, axis=1).mean()
    x = rng.standard_normal((settings.num_nodes, settings.channels), dtype=np.float32)
    x *= settings.noise
    x += centres.astype(np.float32)[community]
    order = rng.permutation(settings.num_nodes)
    ends = np.cumsum([round(share * settings.num_nodes) for share in (settings.train, settings.valid)])
    masks = {}
    for part, nodes in zip(("train", "valid", "test"), np.split(order, ends), strict=True):
        masks[part] = np.zeros(settings.num_nodes, dtype=bool)
        masks[part][nodes] = True
    edge_index = _edges(settings, community, rng)
    return {"x": x, "edge_index": edge_index, "y": community // settings.communities, **masks}


def _edges(settings: Settings, community: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw pairs until there are enough; return both directions by ascending target."""
    num_nodes, num_pairs = settings.num_nodes, settings.num_pairs
    weight = np.minimum(np.exp(settings.spread * rng.normal(size=num_nodes)), num_nodes**0.5)
    by_community = np.argsort(community, kind="stable")  # communities are ranges of the cumulated weights
    upto = np.concatenate([[0.0], np.cumsum(weight[by_community])])
    bounds = np.searchsorted(community[by_community], np.arange(community.max() + 2))
    low, high = upto[bounds[community]], upto[bounds[community + 1]]

    def nodes(share: np.ndarray) -> np.ndarray:
        return by_community[np.minimum(np.searchsorted(upto, share, side="right") - 1, num_nodes - 1)]

    pairs = np.empty(0, dtype=np.int64)
    while len(pairs) < num_pairs:
        number = int(1.2 * (num_pairs - len(pairs))) + 1000
        first = nodes(upto[-1] * rng.random(number))
        inside, share = rng.random(number) < settings.homophily, rng.random(number)
        second = nodes(np.where(inside, low[first] + share * (high - low)[first], upto[-1] * share))
        new = np.minimum(first, second) * num_nodes + np.maximum(first, second)
        pairs = np.union1d(pairs, new[first != second])
    pairs = rng.permutation(pairs)[:num_pairs]
    one, other = pairs // num_nodes, pairs % num_nodes
    keys = np.concatenate([one * num_nodes + other, other * num_nodes + one])  # target, then source
    keys.sort()
    return np.stack([keys % num_nodes, keys // num_nodes])
