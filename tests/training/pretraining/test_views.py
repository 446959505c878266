from pathlib import Path

import torch

from xgraph.data import collect
from xgraph.sampling.items.epochs import EpochSampler
from xgraph.training.pretraining.settings import build_pretrain_config
from xgraph.training.pretraining.views import ViewSource
from xgraph.training.sources.batches import ShuffleSampler


def source(csv: Path) -> ViewSource:
    config = build_pretrain_config({"datasets": [str(csv)], "objective": "contrastive", "projection_channels": 5})
    data = collect([str(csv)], labelled=False)
    data.splits = {"train": torch.arange(10, 60), "valid": torch.arange(10)}
    return ViewSource(data, config)


def test_task_names_are_the_columns_of_the_projection(csv: Path) -> None:
    views = source(csv)
    assert views.num_tasks == len(views.task_names) == len(set(views.task_names)) == 5


def test_batches_hold_each_molecule_twice(csv: Path) -> None:
    views = source(csv)
    batches: EpochSampler = ShuffleSampler(50, 16, seed=0)
    result = []
    for batch in views.loader(views.splits["train"], batches, 0, torch.device("cpu")):
        first, second = batch.idx.chunk(2)
        assert torch.equal(first, second)
        half = int(batch.ptr[len(first)])
        assert torch.equal(batch.x[:half], batch.x[half:])
        assert batch.num_graphs == 2 * len(first)
        result += first.tolist()
    assert sorted(result) == list(range(10, 60))
