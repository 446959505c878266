"""Compares second training stages when few molecules are active: ``python -m benchmarks.few_actives``.

Settings for AICures cannot be chosen on AICures itself: it has 48 actives, and the dev part of one fold is the test
part of another. So they are chosen here. Draws from the HIV set have the size of a fold of AICures (1,886 molecules, 43
active), but 5,000 molecules with 250 actives of other scaffolds to test on, enough to tell settings apart. The network
is a GINE (3 layers of 64, dropout 0.2) with RDKit's descriptors and MACCS keys; the last epoch is tested. Finished runs
stay under ``--out``, and a rerun does only what is missing. Needs XGRAPH_MIRROR. Results:
``docs/results/objectives.md``.
"""

from __future__ import annotations

import json
import os
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rdkit import Chem, RDLogger
from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles

from benchmarks._jobs import Job, work
from benchmarks._report import parser, report, spread
from xgraph.data import load
from xgraph.training.config.build import build_config
from xgraph.training.files.rundir import METRICS
from xgraph.training.fit.engine import fit, prepare
from xgraph.training.fit.seeding import own_random_streams
from xgraph.training.sources import make_source

DRAWS = range(6)
DATASET, FEATURES = "hiv", ["rdkit", "maccs"]
COMMON: dict[str, Any] = {
    "dataset": DATASET,
    "features": FEATURES,
    "model": "gine",
    "hidden_channels": 64,
    "num_layers": 3,
    "dropout": 0.2,
    "batch_size": 64,
    "lr": 1e-3,
    "pretrain_epochs": 0,
    "keep": "last",
    "train_on": "train+valid",
    "threads": 1,
}
FIRST: dict[str, Any] = {"loss": "bce", "epochs": 15}
SOAP: dict[str, Any] = {"loss": "soap", "epochs": 20, "lr": 3e-4, "sampling_rate": 0.0625}
LOGISTIC: dict[str, Any] = {"activation": "none", "surrogate": "logistic"}
AVERAGED: dict[str, Any] = {"ema_decay": 0.99}  # over some three epochs
ALONE: dict[str, dict[str, Any]] = {
    "cross-entropy, 15 epochs": FIRST,
    "cross-entropy, 60 epochs": {"loss": "bce", "epochs": 60},
    "30 epochs, then with a new head 30 of SOAP, half positives": {"loss": "soap", "epochs": 60, "pretrain_epochs": 30},
}
AFTER: dict[str, dict[str, Any]] = {
    "15 epochs, then 20 of cross-entropy": {"loss": "bce", "epochs": 20, "lr": 3e-4},
    "15 epochs, then 20 of SOAP": SOAP,
    "15 epochs, then 20 of SOAP, half positives": {**SOAP, "sampling_rate": 0.5},
    "15 epochs, then 20 of SOAP, logistic on logits": {**SOAP, **LOGISTIC},
    "15 epochs, then 20 of SOAP, logistic on logits, half positives": {**SOAP, **LOGISTIC, "sampling_rate": 0.5},
    "15 epochs, then 20 of cross-entropy, averaged weights": {"loss": "bce", "epochs": 20, "lr": 3e-4, **AVERAGED},
    "15 epochs, then 20 of SOAP, logistic on logits, averaged weights": {**SOAP, **LOGISTIC, **AVERAGED},
}
ARMS = {**ALONE, **AFTER}


def main() -> None:
    """Run what is missing, then write the results."""
    arguments = parser(__doc__)
    out = Path(os.environ.get("XGRAPH_ROOT", "runs")) / "few_actives"
    arguments.add_argument("--out", type=Path, default=out, help="folder for finished runs (default: %(default)s)")
    out = arguments.parse_args().out
    work(lambda: (job for arm in jobs(out).values() for job in arm))
    runs = {name: [job.result()["test"] for job in arm] for name, arm in jobs(out).items()}
    rows = [
        {"after": name, **{metric: spread([one[metric] for one in tests], 3) for metric in ("ap", "roc_auc")}}
        for name, tests in runs.items()
    ]
    report("few_actives", rows, runs=runs, common=COMMON, settings=ARMS, protocol=__doc__)


def jobs(out: Path) -> dict[str, list[Job]]:
    """Return the runs of each arm, one per draw; runs that continue another run appear once that has finished."""
    arms: dict[str, list[Job]] = {}
    for i, (name, arm) in enumerate(ARMS.items()):
        arms[name] = []
        for n in DRAWS:
            settings = {**COMMON, **arm, "seed": n, **({"init": f"0-{n}"} if name in AFTER else {})}
            if name not in AFTER or (out / f"0-{n}.json").exists():
                arms[name].append(
                    Job(out / f"{i}-{n}.json", settings, partial(train, out / f"{i}-{n}", settings), summary)
                )
    return arms


def summary(result: dict[str, Any]) -> str:
    """Return the line that is printed for a finished run."""
    return f"AP {result['test']['ap']:.3f}, ROC-AUC {result['test']['roc_auc']:.3f}"


def train(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the test metrics of a run directory; train first if they are missing."""
    if not (folder / METRICS).exists():
        start = {"init": str(folder.parent / settings["init"])} if "init" in settings else {}
        config, data, seed = build_config({**settings, **start}), molecules(), settings["seed"]
        data.splits = draws()[seed]
        with own_random_streams(seed, 1):
            task = prepare(config, make_source(data, config))
            folder.mkdir(parents=True, exist_ok=True)
            fit(task, folder, device="cpu")
    return {"test": json.loads((folder / METRICS).read_text())["test"]}


@cache
def molecules() -> Any:
    return load(DATASET, features=FEATURES)


@cache
def draws() -> list[dict[str, torch.Tensor]]:
    """Return draws of the size of a fold of AICures; training and test molecules have different scaffolds."""
    data, parts = molecules(), []
    RDLogger.DisableLog("rdApp.*")
    scaffolds = [MurckoScaffoldSmiles(mol=Chem.MolFromSmiles(smiles)) for smiles in data.smiles]
    groups = np.unique(np.array(scaffolds), return_inverse=True)[1]
    active = data.y.numpy()[:, 0] == 1
    for n in DRAWS:
        generator = np.random.default_rng(n)
        in_train = (generator.random(groups.max() + 1) < 0.5)[groups]
        drawn = []
        for pool, actives, others in ((in_train, 43, 1843), (~in_train, 250, 4750)):
            counts = [(pool & active, actives), (pool & ~active, others)]
            drawn.append(np.concatenate([generator.permutation(np.flatnonzero(m))[:k] for m, k in counts]))
        train = torch.tensor(generator.permutation(drawn[0]))
        parts.append({"train": train[50:], "valid": train[:50], "test": torch.tensor(drawn[1])})
    return parts


if __name__ == "__main__":
    main()
