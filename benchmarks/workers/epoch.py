"""Worker: trains on molecules, one epoch per question. Also runs in the environments of other libraries."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from _bare_gine import DROPOUT, HIDDEN, LAYERS, BareGINE
from _serve import answer, questions
from torch import Tensor, nn

RATE = 1e-3
ENDLESS = 10**6
Molecules = dict[str, Any]


class Turns:
    """Waits for a question before each epoch, and answers with the epoch's time."""

    def __init__(self) -> None:
        self.questions = questions()

    def begin(self) -> None:
        """Wait for the next question; exit if there is none."""
        if next(self.questions, None) is None:
            raise SystemExit
        self.cpu, self.wall = time.process_time(), time.perf_counter()

    def end(self, molecules: int, **further: float) -> None:
        """Answer with the time of the epoch."""
        wall, cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu
        answer({"wall": wall, "cpu": cpu, "molecules": molecules, **further})


def xgraph(molecules: Molecules, batch_size: int, turns: Turns) -> None:
    """Train as `xgraph train` does with `train_on = "train+valid"`: no validation, but checkpoints."""
    from lightning.pytorch.callbacks import Callback

    from xgraph.training.config.build import build_config
    from xgraph.training.files.callback import CheckpointCallback
    from xgraph.training.fit.engine import prepare, run_epochs
    from xgraph.training.fit.loading import load_data
    from xgraph.training.fit.seeding import own_random_streams

    settings = {"dataset": "ogbg-molhiv", "loss": "bce", "pretrain_epochs": 0, "epochs": ENDLESS, "lr": RATE}
    settings |= {"batch_size": batch_size, "lr_schedule": "constant", "keep": "last", "train_on": "train+valid"}
    config = build_config(settings)
    source = load_data(config, False)
    count = len(molecules["y"])
    parts = torch.arange(len(source)).split([count - 1, 1, len(source) - count])
    source.data.splits = dict(zip(("train", "valid", "test"), parts, strict=True))

    class Turn(Callback):
        """Ends an epoch when everything is written."""

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            turns.end(len(pl_module.train_positions), own=checkpoints.history[-1]["seconds"])
            turns.begin()

    with own_random_streams(0, torch.get_num_threads()), tempfile.TemporaryDirectory() as folder:
        task = prepare(config, source)
        checkpoints = CheckpointCallback(Path(folder), task.metric, config.keep)
        turns.begin()
        with suppress(KeyboardInterrupt):  # the engine turns SystemExit into this
            run_epochs(task, checkpoints, None, device="cpu", callbacks=[Turn()])


def bare(molecules: Molecules, batch_size: int, turns: Turns) -> None:
    """PyG's loader over a list of `Data`, its layers, and a plain loop."""
    from torch_geometric.loader import DataLoader

    data = graphs(molecules)
    loader = DataLoader(data, batch_size=batch_size, shuffle=True)
    model = BareGINE()
    optimizer, loss_fn = torch.optim.Adam(model.parameters(), lr=RATE), nn.BCEWithLogitsLoss()
    while True:
        turns.begin()
        for batch in loader:
            optimizer.zero_grad()
            loss_fn(model(batch), batch.y).backward()
            optimizer.step()
        turns.end(len(data))


def libauc(molecules: Molecules, batch_size: int, turns: Turns) -> None:
    """LibAUC's GraphTrainer and GINE.

    It requires CUDA, which is replaced by a no-op, and a fixed number of positives in each batch, here about their
    share in the data, so an epoch goes through slightly more or fewer molecules.
    """
    from unittest.mock import MagicMock

    from torch.utils.data import Dataset
    from torch_geometric.data import Data

    for kind in (Tensor, nn.Module, Data):
        kind.cuda = lambda self, *_, **__: self  # type: ignore[method-assign, assignment]
    # modules for images and settings files, which graphs in memory do not need
    for name in ("torchvision", "torchvision.transforms", "torchvision.models", "PIL", "PIL.Image", "omegaconf"):
        sys.modules.setdefault(name, MagicMock())
    from libauc.trainer.config.args import TrainingArguments
    from libauc.trainer.core import GraphTrainer, TrainerCallback

    data, y = graphs(molecules), molecules["y"]

    class Indexed(Dataset):
        targets = y

        def __len__(self) -> int:
            return len(data)

        def __getitem__(self, i: int) -> tuple[Any, Tensor, int]:
            return data[i], y[i], int(i)

    class Turn(TrainerCallback):
        steps = 0

        def on_epoch_begin(self, args: Any, state: Any, **_: Any) -> None:
            turns.begin()

        def on_step_end(self, args: Any, state: Any, **_: Any) -> None:
            self.steps += 1

        def on_epoch_end(self, args: Any, state: Any, **_: Any) -> None:
            turns.end(self.steps * batch_size)
            self.steps = 0

    positives = -(-int(y.sum()) * batch_size // len(y))
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            optimizer="Adam",
            optimizer_kwargs={"lr": RATE},
            loss="BCELoss",
            loss_kwargs={},
            SEED=0,
            batch_size=batch_size,
            eval_batch_size=batch_size,
            sampling_rate=positives / batch_size,
            epochs=ENDLESS,
            decay_epochs=[],
            num_workers=0,
            output_path=folder,
            num_tasks=1,
            resume_from_checkpoint=False,
            save_checkpoint_every=1,
            project_name="epoch",
            experiment_name="epoch",
            verbose=0,
        )
        model = {"name": "gine", "emb_dim": HIDDEN, "num_layers": LAYERS, "dropout": DROPOUT, "graph_pooling": "max"}
        GraphTrainer(arguments, model, Indexed(), callbacks=[Turn()]).train()


def chemprop(molecules: Molecules, batch_size: int, turns: Turns) -> None:
    """The default network of chemprop, under Lightning as in its command; molecules are featurised beforehand."""
    from chemprop.data import MoleculeDatapoint, MoleculeDataset, build_dataloader
    from chemprop.models import MPNN
    from chemprop.nn import BinaryClassificationFFN, BondMessagePassing, NormAggregation
    from lightning.pytorch import Trainer
    from lightning.pytorch.callbacks import Callback

    pairs = zip(molecules["smiles"], molecules["y"].double().numpy(), strict=True)
    points = [MoleculeDatapoint.from_smi(smiles, y) for smiles, y in pairs]
    data = MoleculeDataset(points)
    data.cache = True
    loader = build_dataloader(data, batch_size=batch_size, num_workers=0)

    class Turn(Callback):
        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            turns.end(len(data))
            turns.begin()

    model = MPNN(BondMessagePassing(), NormAggregation(), BinaryClassificationFFN())
    options: dict[str, Any] = dict.fromkeys(("logger", "enable_checkpointing"), False)
    options |= dict.fromkeys(("enable_progress_bar", "enable_model_summary"), False)
    trainer = Trainer(accelerator="cpu", max_epochs=ENDLESS, callbacks=[Turn()], **options)
    turns.begin()
    trainer.fit(model, loader)


def graphs(molecules: Molecules) -> list[Any]:
    """Return a PyG `Data` for each molecule."""
    from torch_geometric.data import Data

    atoms, edges = molecules["atoms"], molecules["edges"]
    parts = zip(
        molecules["x"].long().split(atoms),
        molecules["edge_index"].long().split(edges, dim=1),
        molecules["edge_attr"].long().split(edges),
        molecules["y"].split(1),
        strict=True,
    )
    return [
        Data(x=x.clone(), edge_index=index.clone(), edge_attr=attr.clone(), y=y.clone()) for x, index, attr, y in parts
    ]


SIDES: dict[str, Callable[[Molecules, int, Turns], None]] = {
    "xgraph": xgraph,
    "bare": bare,
    "libauc": libauc,
    "chemprop": chemprop,
}

if __name__ == "__main__":
    library, file, batch, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    SIDES[library](torch.load(file), int(batch), Turns())
