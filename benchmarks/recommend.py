"""Recommendation on Gowalla (LightGCN's split): objectives of ranked lists, by full ranking.

``python -m benchmarks.recommend --model mf --loss listwise ndcg bce``. A tenth of each user's training items is held
out to choose the epoch; the model is trained on the rest. NDCG and recall continue the weights of ``listwise`` for as
many epochs again. An epoch takes ten to twenty seconds. Rows of other settings that are already in
``benchmarks/results/recommend.json`` are kept.
"""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks._report import RESULTS, parser, report
from xgraph.data import PairDataset
from xgraph.data.storage.root import mirror
from xgraph.losses import BCELoss, ListwiseCELoss, NDCGLoss, RecallLoss
from xgraph.nn import LightGCN, MatrixFactorization, PairModel
from xgraph.sampling import ListBatch, ListSampler
from xgraph.training.scoring.full_ranking import rank_all
from xgraph.training.scoring.ranking import ranking_metrics

FILE = "recsys/gowalla.npz"
K = 20
CONTINUED = ("ndcg", "ndcg@20", "recall")
Row = dict[str, Any]


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--model", nargs="+", choices=("mf", "lightgcn"), default=["mf", "lightgcn"])
    arguments.add_argument("--loss", nargs="+", default=["bce", "listwise", *CONTINUED])
    arguments.add_argument("--gamma", nargs="+", type=float, default=[1.0, 0.3])
    arguments.add_argument("--epochs", type=int, default=20)
    arguments.add_argument("--every", type=int, default=5, help="epochs between validations")
    arguments.add_argument("--users", type=int, default=256, help="users per batch")
    arguments.add_argument("--relevant", type=int, default=20, help="relevant items per user")
    arguments.add_argument("--irrelevant", type=int, default=100, help="sampled items per user")
    arguments.add_argument("--lr", type=float, default=0.02)
    arguments.add_argument("--temperature", type=float, default=0.1)
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--threads", type=int, default=1)
    options = arguments.parse_args()
    torch.set_num_threads(options.threads)
    data = PairDataset.read(Path(str(mirror())) / FILE).hold_out(0.1)
    for name in options.model:
        warm: PairModel | None = None
        for loss in options.loss:
            for gamma in options.gamma if loss != "bce" else options.gamma[:1]:
                if loss in CONTINUED and warm is None:
                    raise SystemExit(f"{loss} continues the weights of listwise: give listwise before it")
                row, model = run(data, name, loss, gamma, options, warm if loss in CONTINUED else None)
                if loss == "listwise" and warm is None:
                    warm = model
                save(row)


def run(
    data: PairDataset, name: str, loss: str, gamma: float, options: Any, start: PairModel | None
) -> tuple[Row, PairModel]:
    """Train one model, and score that of the best validated epoch on the test part."""
    torch.manual_seed(options.seed)
    if start is not None:
        model = copy.deepcopy(start)
    elif name == "mf":
        model = MatrixFactorization(data.num_users, data.num_items, temperature=options.temperature)
    else:
        model = LightGCN(data.num_users, data.num_items, data.edge_index, temperature=options.temperature)
    train = data.splits["train"]
    sampler = ListSampler(train, options.users, options.relevant, options.irrelevant, seed=options.seed)
    objective = make(loss, train, gamma)
    optimizer = torch.optim.Adam(model.parameters(), lr=options.lr)
    began, seconds, best = time.perf_counter(), 0.0, (-1.0, 0, model)
    for epoch in range(options.epochs):
        sampler.set_epoch(epoch)
        for batch in sampler:
            optimizer.zero_grad()
            value(objective, model(batch.query, batch.item), batch).backward()
            optimizer.step()
        if (epoch + 1) % options.every == 0:
            seconds += time.perf_counter() - began
            found = measure(model, data, "valid")[f"ndcg@{K}"]
            print(name, loss, gamma, epoch + 1, found, flush=True)
            best = max(best, (found, epoch + 1, copy.deepcopy(model)), key=lambda one: one[0])
            began = time.perf_counter()
    scores = measure(best[2], data, "test")
    row: Row = {
        "model": name,
        "loss": loss,
        "gamma": None if loss == "bce" else gamma,
        "from": "listwise" if start else None,
    }
    row |= {"epochs": options.epochs, "best": best[1], "lr": options.lr, "users": options.users}
    row |= {
        "relevant": options.relevant,
        "irrelevant": options.irrelevant,
        "temperature": options.temperature,
        "seed": options.seed,
    }
    row |= {"valid ndcg@20": best[0], "recall@20": scores["recall@20"], "ndcg@20": scores["ndcg@20"]}
    return {**row, "s/epoch": seconds / options.epochs}, best[2]


def make(loss: str, train: Any, gamma: float) -> nn.Module:
    """Return the objective."""
    if loss == "bce":
        return BCELoss(max(train.num_pairs, 1))
    if loss == "listwise":
        return ListwiseCELoss.of(train, gamma=gamma)
    return (
        RecallLoss.of(train, gamma=gamma, k=K)
        if loss == "recall"
        else NDCGLoss.of(train, gamma=gamma, k=K if loss == "ndcg@20" else None)
    )


def value(objective: nn.Module, scores: Tensor, batch: ListBatch) -> Tensor:
    """Return the loss of a batch."""
    if isinstance(objective, BCELoss):
        result: Tensor = objective(scores, batch.target)
    else:
        result = objective(scores, batch.target, batch.pair, batch.query)
    return result


def measure(model: PairModel, data: PairDataset, part: str) -> dict[str, float]:
    """Rank all items for each user, without those of earlier parts."""
    return ranking_metrics(rank_all(model.scorer(), data.splits[part], data.known(part)), ks=[K])


def save(row: Row) -> None:
    """Add a row to the results."""
    path = RESULTS / "recommend.json"
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    keys = ("model", "loss", "gamma", "epochs", "lr", "users", "relevant", "irrelevant", "temperature", "seed")
    rows = [old for old in rows if any(old[key] != row[key] for key in keys)]
    report(
        "recommend",
        [*rows, row],
        protocol="Gowalla, LightGCN's split; a tenth of each user's training items held out, by which the epoch is "
        "chosen; trained on the rest; test: all items ranked, without the user's training and validation items",
    )


if __name__ == "__main__":
    main()
