"""What each of two processes does in `test_own_loop`; a separate module, because they import it by name."""

import os
import warnings
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch_geometric.data import Batch, Data

from xgraph.distributed import gathered, synchronized
from xgraph.losses import LOSSES, KLDROLoss, SogCLRLoss, TwoTowerLoss
from xgraph.nn import (
    AttentionPooling,
    BatchNorm,
    GraphFMOB,
    GraphSAGE,
    GraphSAGEFM,
    MeanPooling,
    SmoothedMaxPooling,
)

ITEMS, NODES = 40, 30
# Positions in a global batch of 12 rows at which it is cut into the shares of the two processes.
CUTS = (6, 4, 11, 0, 12, 6)


def losses():
    """Every loss, by name, with its required arguments and several tasks where they make a difference."""
    built = {}
    for name, kind in LOSSES.items():
        options = {"groups": torch.arange(ITEMS) % 5} if name == "group-dro" else {}
        options |= {"task_weight": torch.tensor([1.0, 2.0])} if name == "weighted-bce" else {}
        if name in ("ndcg", "listwise", "recall"):
            options["relevance"] = (torch.arange(ITEMS) % 3 == 0).float()[:, None].repeat(1, 2)
        built[name] = kind(ITEMS, 2, **options)
    contrastive = {"isogclr": SogCLRLoss(ITEMS, 0.5, learn="individual")}
    contrastive["two-tower"] = TwoTowerLoss(ITEMS, temperature=0.5, learn="global")
    return {**built, "sogclr": SogCLRLoss(ITEMS), **contrastive, "reduce": KLDROLoss(ITEMS)}


def global_batch(step, tasks=2):
    """Rows of one step; the positives come first, so that a share may hold one class only."""
    rng = torch.Generator().manual_seed(step)
    x, index = torch.randn(12, 5, generator=rng), torch.randperm(ITEMS, generator=rng)[:12]
    target = (torch.arange(12)[:, None] < torch.tensor([4, 6])[:tasks]).float()
    return x, target, index


def value_of(name, objective, loss_fn, out, target, index):
    if name in ("sogclr", "isogclr", "two-tower"):
        return objective(out, out.flip(1), index)
    if name == "reduce":
        return gathered(loss_fn.reduce)(out.square().mean(1))
    if name in ("ce", "scent"):
        target = torch.stack([target[:, 0], 1 - target[:, 0]], 1)
    return objective(out, target, index)


def train_with(name, loss_fn, shares, wrap):
    """Train on the shares (one of this process, or all rows) and return losses, weights, tables and the monitor."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 8), BatchNorm(8), nn.ReLU(), nn.Linear(8, 2))
    model = wrap(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    objective, values = gathered(loss_fn), []
    for step, rows in enumerate(shares):
        x, target, index = (part[rows] for part in global_batch(step))
        loss = value_of(name, objective, loss_fn, model(x), target, index)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    weights = {key.removeprefix("module."): value for key, value in model.state_dict().items()}
    return {"losses": values, "weights": weights, "tables": loss_fn.state_dict(), "monitor": loss_fn.monitor()}


def subgraphs(step):
    """Two sampled subgraphs that have nodes in common."""
    graphs = []
    for part in range(2):
        rng = torch.Generator().manual_seed(100 * step + part)
        n_id = torch.randperm(NODES, generator=rng)[:10]
        edges = torch.stack(
            [torch.randint(10, (24,), generator=rng), torch.randint(10, (24,), generator=rng).sort().values]
        )
        y = (torch.arange(10) % 3 == 0).float()[:, None]
        degree = torch.bincount(edges[1], minlength=10) + 3 * (torch.bincount(edges[1], minlength=10) > 0)
        graphs.append(Data(x=torch.randn(10, 5, generator=rng), edge_index=edges, n_id=n_id, degree=degree, y=y))
    return graphs


def node_model(kind):
    torch.manual_seed(1)
    scaled = {"gradient": "scaled"} if kind == "scaled" else {}
    return GraphSAGEFM(
        1, 5, NODES, hidden_channels=8, num_layers=3, exact_input=False, gamma=0.3, norm="batch", dropout=0, **scaled
    )


def train_nodes(kind, batches, wrap):
    model = wrap(node_model(kind))
    loss_fn = LOSSES["soap"](NODES)
    objective, values = gathered(loss_fn), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for batch in batches:
        loss = objective(model(batch), batch.y, batch.n_id)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    weights = {key.removeprefix("module."): value for key, value in model.state_dict().items()}
    return {"losses": values, "weights": weights, "tables": loss_fn.state_dict()}


class Pooled(nn.Module):
    def __init__(self, pool):
        super().__init__()
        self.encode, self.pool, self.head = nn.Linear(5, 8), pool, nn.Linear(8, 2)

    def forward(self, x, bag, size, bag_id):
        return self.head(self.pool(self.encode(x).tanh(), bag, dim_size=size, bag_id=bag_id))


def poolings(kind):
    torch.manual_seed(2)
    return {
        "attention": lambda: AttentionPooling(8, 4, num_bags=ITEMS, gamma=0.5, channels=8),
        "mean": lambda: MeanPooling(num_bags=ITEMS, gamma=0.5),  # creates its table at the first batch
        "smoothed-max": lambda: SmoothedMaxPooling(0.5, num_bags=ITEMS, gamma=0.5),
    }[kind]()


def train_bags(kind, shares, wrap):
    pool = poolings(kind)
    torch.manual_seed(3)
    model = wrap(Pooled(pool))
    loss_fn = LOSSES["sopa-s"](ITEMS, 2)
    objective, values = gathered(loss_fn), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for step, rows in enumerate(shares):
        x, target, ids = global_batch(step)
        x = torch.stack([x, x.roll(1, 1), x.flip(1)], 1)[rows]
        bag = torch.arange(len(x)).repeat_interleave(3)
        loss = objective(model(x.flatten(0, 1), bag, len(x), ids[rows]), target[rows], ids[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(loss.item())
    weights = {key.removeprefix("module."): value for key, value in model.state_dict().items()}
    return {"losses": values, "weights": weights, "tables": loss_fn.state_dict()}


def alone(model):
    return model


def together(model):
    return DistributedDataParallel(synchronized(model))  # with its own broadcast_buffers, as users write it


def shares_of(rank):
    return [slice(cut) if rank == 0 else slice(cut, None) for cut in CUTS]


def whole():
    return [slice(None)] * len(CUTS)


CASES = {
    **{
        f"loss {name}": (lambda shares, wrap, name=name: train_with(name, losses()[name], shares, wrap))
        for name in losses()
    },
    **{
        f"pooling {kind}": (lambda shares, wrap, kind=kind: train_bags(kind, shares, wrap))
        for kind in ("attention", "mean", "smoothed-max")
    },
}
STEPS = 4


def nodes_of(rank):
    """The subgraphs of a process; a subgraph without nodes in the last step of process 1."""
    graphs = [subgraphs(step) for step in range(STEPS)]
    empty = graphs[-1][1].subgraph(torch.zeros(10, dtype=torch.bool))
    graphs[-1][1] = empty
    if rank is None:
        return [Data(**union.to_dict()) for a, b in graphs for union in [Batch.from_data_list([a, b])]]
    return [pair[rank] for pair in graphs]


def compare(rank, world_size, folder):
    """Run every case with two processes and save what came out."""
    _join(rank, world_size, folder)
    results = {}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, case in CASES.items():
            results[name] = case(shares_of(rank), together)
        for kind in ("straight", "scaled"):
            results[f"nodes {kind}"] = train_nodes(kind, nodes_of(rank), together)
    torch.save(results, Path(folder, f"{rank}.pt"))
    dist.destroy_process_group()


def _join(rank, world_size, folder):
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=world_size)


def misuse(rank, world_size, folder):
    """Save what is said when the processes do not fit together, and by a table that nobody else sees."""
    _join(rank, world_size, folder)
    said = {}
    objective = gathered(LOSSES["soap"](ITEMS, 1))
    x, index = torch.zeros(4), torch.arange(4)
    try:
        objective(x, x, index) if rank == 0 else objective(x[:, None], x[:, None], index)
    except ValueError as error:
        said["kinds"] = str(error)
    try:
        objective(x, x[:3], index)
    except ValueError as error:
        said["rows"] = str(error)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        LOSSES["soap"](ITEMS, 1)(x, torch.tensor([1.0, 0, 0, 0]), index)
    said["alone"] = [str(one.message) for one in caught]
    cluster = Data(
        x=torch.randn(2, 4), edge_index=torch.tensor([[1], [0]]), n_id=torch.tensor([0, 1]), degree=torch.tensor([1, 1])
    )
    cluster.batch_size = 2 if rank == 0 else 1  # a cluster without a halo, and one with a halo
    cluster.edge_index = cluster.edge_index if rank else torch.tensor([[1, 0], [0, 1]])
    torch.manual_seed(0)
    model = synchronized(GraphFMOB(GraphSAGE(num_tasks=1, in_channels=4, hidden_channels=8, norm="layer"), num_nodes=3))
    model(cluster)
    said["halo"] = model.tables.state_dict()
    torch.save(said, Path(folder, f"{rank}.pt"))
    dist.destroy_process_group()


def die(rank, world_size, folder):
    """One process dies in mid-training."""
    _join(rank, world_size, folder)
    objective = gathered(LOSSES["soap"](ITEMS, 1))
    x = torch.zeros(4, requires_grad=True)
    for step in range(1000):
        if rank == 1 and step == 3:
            os._exit(7)
        objective(x, (torch.arange(4) == 0).float(), torch.arange(4))
