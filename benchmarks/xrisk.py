"""Measures partial AUC on molecules by the protocol of Zhu et al., ICML 2022: ``python -m benchmarks.xrisk``.

A GIN (5 layers of 64, mean pooling, dropout 0.5) is trained with cross-entropy, once per seed. Every loss continues
from these weights with a new output layer and the same number of epochs. The last epoch is tested; nothing is selected.

Each finished run (data set, seed, loss) has a file of its own under ``--out``, and a rerun does only what is missing.
``--report`` writes the table and ``benchmarks/results/xrisk.json`` from all finished runs. Needs XGRAPH_MIRROR.
Results: ``docs/results/x-risks.md``.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks._jobs import Job, read, work
from benchmarks._report import parser, report, spread
from xgraph.data import MoleculeDataset, load
from xgraph.data.storage.root import root
from xgraph.losses import LOSSES
from xgraph.nn import GINE
from xgraph.sampling import DualSampler
from xgraph.training.fit.seeding import own_random_streams
from xgraph.training.scoring.inference import score
from xgraph.training.scoring.metrics import average_precision, partial_auc, roc_auc, two_way_pauc

DATASETS = {"muv-548": ("muv", ["MUV-548"]), "ogbg-molhiv": ("ogbg-molhiv", None)}
ARMS = {
    "muv-548": ["bce", "auc-pairwise", "auc-margin", "sopa", "sopa-s", "sota-s", "staco", "soap"],
    "ogbg-molhiv": ["bce", "sopa-s", "sota-s"],
}
EPOCHS = {"muv-548": 20, "ogbg-molhiv": 10}
"""Epochs of each stage; the paper has 60."""

# Fixed in advance: two validation positives in MUV-548 are too few to tune on. γ of SOPA-s and SOTA-s, the squared
# hinge with margin 1, Adam's weight decay and the batch size are the paper's; so is the sigmoid on scores.
PAIRS = {"surrogate": "squared_hinge", "margin": 1.0, "activation": "sigmoid"}
OPTIONS: dict[str, dict[str, Any]] = {
    "bce": {},
    "bce-balanced": {},  # cross-entropy on the batches of the other losses: what the batches alone gain
    "auc-pairwise": PAIRS,
    "auc-margin": {**PAIRS, "dual_lr": 0.1},
    "sopa": {**PAIRS, "max_fpr": 0.3, "dual_lr": 0.1},
    "sopa-s": {**PAIRS, "gamma": 0.9, "temperature": 1.0},
    "sota-s": {**PAIRS, "gamma": 0.9, "pos_temperature": 1.0, "neg_temperature": 1.0},
    "staco": {**PAIRS, "max_fpr": 0.5, "min_tpr": 0.5, "dual_lr": 0.1},
    "soap": {**PAIRS, "gamma": 0.1},
}
MODEL: dict[str, Any] = {"hidden_channels": 64, "num_layers": 5, "dropout": 0.5, "pool": "mean"}
# Table 3 and 4 of Zhu et al., ICML 2022, "molmuv task 1": the same molecules, but several splits and tuning
PUBLISHED = {
    "bce": {"opauc_0.3": 0.8008, "opauc_0.5": 0.8201, "tpauc_0.6_0.4": 0.1613, "tpauc_0.5_0.5": 0.4691},
    "auc-pairwise": {"opauc_0.3": 0.7880, "opauc_0.5": 0.8025, "tpauc_0.6_0.4": 0.2600, "tpauc_0.5_0.5": 0.4440},
    "auc-margin": {"opauc_0.3": 0.7960, "opauc_0.5": 0.8076, "tpauc_0.6_0.4": 0.1140, "tpauc_0.5_0.5": 0.4330},
    "sopa": {"opauc_0.3": 0.8187, "opauc_0.5": 0.8245},
    "sopa-s": {"opauc_0.3": 0.8449, "opauc_0.5": 0.8412},
    "sota-s": {"tpauc_0.6_0.4": 0.3270, "tpauc_0.5_0.5": 0.5260},
}


def main() -> None:
    options = arguments()
    if options.report:
        summarize(options.out)
        return
    torch.set_num_threads(1)
    work(lambda: jobs(options))


def arguments() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--dataset", nargs="+", choices=DATASETS, default=list(DATASETS))
    options.add_argument(
        "--losses", nargs="+", choices=OPTIONS, help="losses to train (default: those of the data set)"
    )
    options.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options.add_argument("--pretrain-epochs", type=int, help=f"epochs of cross-entropy (default: {EPOCHS})")
    options.add_argument("--epochs", type=int, help=f"epochs of the loss (default: {EPOCHS})")
    options.add_argument("--lr", type=float, default=1e-3, help="learning rate of Adam in both stages")
    options.add_argument("--weight-decay", type=float, default=2e-4)
    options.add_argument("--batch-size", type=int, default=64)
    options.add_argument(
        "--sampling-rate", type=float, default=0.25, help="share of positives in a batch, except for bce"
    )
    options.add_argument(
        "--out", type=Path, default=root() / "xrisk", help="folder for finished runs (default: XGRAPH_ROOT/xrisk)"
    )
    options.add_argument("--report", action="store_true", help="write the table of finished runs, without training")
    return options.parse_args()


@cache
def dataset(name: str) -> MoleculeDataset:
    """Load a data set; its splits keep only the molecules that have a label."""
    source, columns = DATASETS[name]
    data = load(source, target_columns=columns)
    data.splits = {part: positions[~data.y[positions, 0].isnan()] for part, positions in data.splits.items()}
    counts = {part: (len(p), int(data.y[p].sum())) for part, p in data.splits.items()}
    print(name, "(molecules, positives):", counts, file=sys.stderr)
    if name == "muv-548" and [n for n, _ in counts.values()] != [11466, 1559, 1709]:
        raise ValueError(f"the split is not the published one: {counts}")
    return data


def jobs(options: argparse.Namespace) -> Iterator[Job]:
    """Yield, for each data set and seed, the encoder and, once it is trained, the losses."""
    for name in options.dataset:
        common = {key: getattr(options, key) for key in ("lr", "weight_decay", "batch_size")}
        common["pretrain_epochs"] = options.pretrain_epochs or EPOCHS[name]
        for seed in options.seeds:
            encoder = pretraining(options.out, name, seed, {**common, "model": MODEL})
            yield encoder
            for arm in (options.losses or ARMS[name]) if encoder.path.exists() else []:
                settings = {
                    **common,
                    "epochs": options.epochs or EPOCHS[name],
                    "sampling_rate": None if arm == "bce" else options.sampling_rate,
                    "loss": OPTIONS[arm],
                    "model": MODEL,
                }
                yield training(options.out, name, seed, arm, settings, encoder)


def pretraining(out: Path, name: str, seed: int, settings: dict[str, Any]) -> Job:
    """Return the job that trains with cross-entropy: its weights and its curve."""

    def run() -> dict[str, Any]:
        data = dataset(name)
        with own_random_streams(seed):
            model = GINE(data.num_tasks, **MODEL)
            curve = train(model, data, seed, "bce", {**settings, "loss": {}}, settings["pretrain_epochs"])
        return {"weights": model.state_dict(), "curve": curve}

    return Job(out / name / f"encoder-{seed}.pt", settings, run)


def training(out: Path, name: str, seed: int, arm: str, settings: dict[str, Any], encoder: Job) -> Job:
    """Return the job of one cell of the table."""

    def run() -> dict[str, Any]:
        data, result = dataset(name), {"dataset": name, "seed": seed, "arm": arm}
        with own_random_streams(seed):
            model = GINE(data.num_tasks, **MODEL)
        model.load_state_dict(encoder.result()["weights"])
        with own_random_streams(seed):  # every loss gets the same new head, and the same masks
            model.head.reset_parameters()
            result["curve"] = train(model, data, seed, arm, settings, settings["epochs"])
            for part in ("valid", "test"):
                positions = data.splits[part]
                target, scores = data.y[positions, 0].int().tolist(), score(model, data, positions)[:, 0].tolist()
                result[part] = {"target": target, "score": scores}
        return result

    path = out / name / f"{arm}-{seed}.json"
    return Job(path, settings, run, lambda result: f"{result['seconds']:.0f} s {metrics(result['test'])}")


def train(
    model: nn.Module, data: MoleculeDataset, seed: int, arm: str, settings: dict[str, Any], epochs: int
) -> list[dict[str, float]]:
    """Train one stage and return its curve."""
    positions = data.splits["train"]
    cls = LOSSES[arm.removesuffix("-balanced")]
    loss_fn = cls(len(data), data.num_tasks, **settings["loss"])
    rate = settings.get("sampling_rate")
    dual = DualSampler(data.y[positions], settings["batch_size"], rate, seed) if rate else None
    optimizer = torch.optim.Adam(model.parameters(), lr=settings["lr"], weight_decay=settings["weight_decay"])
    curve = []
    for epoch in range(epochs):
        began = time.perf_counter()
        for group in optimizer.param_groups:
            group["lr"] = settings["lr"] * 0.1 ** (3 * epoch // epochs)
        if dual is not None:
            dual.set_epoch(epoch)
        model.train()
        total, steps = 0.0, 0
        for rows in dual or shuffled(len(positions), settings["batch_size"], seed, epoch):
            batch = data.batch(positions[rows].tolist())
            optimizer.zero_grad()
            loss = loss_fn(model(batch), batch.y, batch.idx)
            loss.backward()
            optimizer.step()
            total, steps = total + loss.item(), steps + 1
        seconds = time.perf_counter() - began
        valid = data.splits["valid"]
        auc = roc_auc(data.y[valid, 0].numpy(), score(model, data, valid)[:, 0])
        curve.append({"epoch": epoch + 1, "loss": total / steps, "valid_roc_auc": auc, "seconds": seconds})
        print(f"  {arm} {seed} {epoch + 1}/{epochs}: {curve[-1]}", file=sys.stderr, flush=True)
    return curve


def shuffled(items: int, batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Return batches that hold every item once."""
    order = np.random.default_rng([seed, epoch]).permutation(items)
    return [order[i : i + batch_size].tolist() for i in range(0, items, batch_size)]


def metrics(part: dict[str, list[float]]) -> dict[str, float]:
    """Return all metrics of one run on one part of the data."""
    target, scores = np.array(part["target"], dtype=float), np.array(part["score"])
    return {
        "opauc_0.3": partial_auc(target, scores, max_fpr=0.3, normalization="mcclish"),
        "opauc_0.5": partial_auc(target, scores, max_fpr=0.5, normalization="mcclish"),
        "tpauc_0.6_0.4": two_way_pauc(target, scores, min_tpr=0.6, max_fpr=0.4),
        "tpauc_0.5_0.5": two_way_pauc(target, scores, min_tpr=0.5, max_fpr=0.5),
        "ap": average_precision(target, scores),
        "roc_auc": roc_auc(target, scores),
    }


def summarize(out: Path) -> None:
    """Write the mean ± standard deviation over the finished seeds."""
    rows, runs = [], []
    for name in DATASETS:
        for arm in OPTIONS:
            finished = [read(path) for path in sorted((out / name).glob(f"{arm}-[0-9]*.json"))]
            if not finished:
                continue
            scored = [metrics(one["test"]) for one in finished]
            row: dict[str, Any] = {"data": name, "loss": arm, "seeds": len(finished)}
            row |= {key: spread([one[key] for one in scored]) for key in scored[0]}
            row["seconds"] = statistics.median(one["seconds"] for one in finished)
            rows.append(row)
            if name == "muv-548" and arm in PUBLISHED:
                rows.append({"data": name, "loss": f"{arm}, published", "seeds": "", **PUBLISHED[arm]})
            for one, values in zip(finished, scored, strict=True):
                kept = {key: one[key] for key in ("dataset", "arm", "seed", "settings", "seconds", "curve")}
                runs.append({**kept, "test": values, "valid": metrics(one["valid"])})
    encoders = {f"{path.parent.name}/{path.stem}": read(path)["curve"] for path in sorted(out.glob("*/encoder-*.pt"))}
    report(
        "xrisk",
        rows,
        protocol="GIN 5x64, mean pooling, dropout 0.5; cross-entropy, once a seed, then a new head and each loss; "
        "Adam, rate x 0.1 at each third of a stage; the last epoch is tested, nothing selected or tuned; one thread. "
        "opauc: one-way partial AUC up to that FPR, McClish; tpauc: two-way (TPR at least, FPR at most), by area. "
        "Published: Zhu et al., ICML 2022, 60 epochs, several splits, tuned on validation",
        runs=runs,
        pretraining=encoders,
    )


if __name__ == "__main__":
    main()
