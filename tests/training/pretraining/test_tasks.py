import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from xgraph.data import collect
from xgraph.losses import BCELoss, SogCLRLoss, WeightedBCELoss
from xgraph.training.pretraining.settings import build_pretrain_config
from xgraph.training.pretraining.tasks import ContrastiveTask, MultitaskTask, task_weights
from xgraph.training.pretraining.views import ViewSource
from xgraph.training.sources import make_source

SMALL = {"hidden_channels": 8, "num_layers": 2, "batch_size": 8}
NAN = math.nan


def contrastive(csv: Path, **settings: Any) -> ContrastiveTask:
    config = build_pretrain_config({"datasets": [str(csv)], "objective": "contrastive", **SMALL, **settings})
    data = collect([str(csv)], labelled=False)
    data.splits = {"train": torch.arange(10, len(data)), "valid": torch.arange(10)}
    torch.manual_seed(0)
    return ContrastiveTask(config, ViewSource(data, config))


def test_the_objective_is_the_loss_of_two_views(csv: Path) -> None:
    task = contrastive(csv, dropout=0.0, tau=0.3).eval()
    seen = []
    augment = task.source.augment  # type: ignore[attr-defined]

    def watched(batch: Any, generator: torch.Generator) -> Any:
        seen.append(augment(batch, generator))
        return seen[-1]

    task.source.augment = watched  # type: ignore[attr-defined]
    positions = [12, 40, 33, 15]
    batch = task.source.pairs.batch(positions)  # type: ignore[attr-defined]
    loss = task.training_step(batch, 0)
    first, second = (half_of(seen[0], half) for half in (range(4), range(4, 8)))
    h1, h2 = (F.normalize(task.model(part)) for part in (first, second))
    alone = SogCLRLoss(60, 0.3).eval()(h1, h2)
    torch.testing.assert_close(loss, alone)
    assert not torch.equal(first.x, second.x), "the views differ"
    assert task.steps == 1


def half_of(batch: Any, graphs: range) -> Any:
    """Select some graphs of a batch."""
    from torch_geometric.data import Batch, Data

    parts = []
    for g in graphs:
        atoms = batch.batch == g
        start = int(batch.ptr[g])
        edges = atoms[batch.edge_index[0]]
        parts.append(
            Data(x=batch.x[atoms], edge_index=batch.edge_index[:, edges] - start, edge_attr=batch.edge_attr[edges])
        )
    return Batch.from_data_list(parts)


def test_views_depend_only_on_seed_epoch_and_batch(csv: Path) -> None:
    task = contrastive(csv, dropout=0.0).eval()
    batch = task.source.pairs.batch(range(20, 30))  # type: ignore[attr-defined]
    vectors = {key: task._project(batch, *key)[0] for key in ((0, 0), (0, 1), (1, 0))}
    torch.manual_seed(99)
    assert torch.equal(task._project(batch, 0, 0)[0], vectors[0, 0])
    assert not torch.equal(vectors[0, 0], vectors[0, 1])
    assert not torch.equal(vectors[0, 0], vectors[1, 0])
    other = contrastive(csv, dropout=0.0, seed=1).eval()
    other.model.load_state_dict(task.model.state_dict())
    assert not torch.equal(other._project(batch, 0, 0)[0], vectors[0, 0])


@torch.no_grad()
def test_held_out_molecules_have_the_same_views_in_each_epoch(csv: Path) -> None:
    task = contrastive(csv, dropout=0.0, batch_size=5, tau=0.2).eval()
    task.validation_step(None, 0)
    first = task.valid_metrics
    task.validation_step(None, 0)
    assert task.valid_metrics == first
    assert not task.contrast.track.seen.any(), "no state is written"
    sums = dict.fromkeys(first, 0.0)
    for number, rows in enumerate((range(5), range(5, 10))):
        z1, z2 = task._project(task.source.pairs.batch(list(rows)), 2**32, number)  # type: ignore[attr-defined]
        h1, h2 = z1 / z1.norm(dim=1, keepdim=True), z2 / z2.norm(dim=1, keepdim=True)
        sums["loss"] += SogCLRLoss(5, 0.2).eval()(z1, z2).item() / 2
        sums["alignment"] += sum(float((h1[i] - h2[i]).norm() ** 2) for i in range(5)) / 10
        pairs = [math.exp(-2 * float((h1[i] - h1[j]).norm() ** 2)) for i in range(5) for j in range(i)]
        sums["uniformity"] += math.log(sum(pairs) / 10) / 2
        near = [max(range(5), key=lambda j, i=i: float(h1[i] @ h2[j])) for i in range(5)]
        sums["top1"] += sum(j == i for i, j in enumerate(near)) / 10
    assert first == pytest.approx(sums, abs=1e-5)


def test_a_single_remaining_molecule_is_not_compared(csv: Path) -> None:
    task = contrastive(csv, batch_size=9, dropout=0.0).eval()  # ten are held out
    task.validation_step(None, 0)
    assert all(math.isfinite(value) for value in task.valid_metrics.values())


def test_gamma_falls_along_a_cosine(csv: Path) -> None:
    assert contrastive(csv).contrast.track.gamma == 0.9
    task = contrastive(csv, gamma=0.2, gamma_schedule="cosine", epochs=10)
    assert task.contrast.track.gamma == 1.0
    task.contrast.set_epoch(5)
    assert task.contrast.track.gamma == pytest.approx(0.6)


def test_non_finite_scores_stop_pretraining(csv: Path) -> None:
    task = contrastive(csv)
    with torch.no_grad():
        task.model.head.mlp[3].bias.fill_(NAN)
    with pytest.raises(ValueError, match="training diverged .* try a learning rate below lr = 0.001"):
        task.training_step(task.source.pairs.batch([1, 2]), 0)  # type: ignore[attr-defined]


@pytest.mark.parametrize("balance", ["labels", "tasks", "datasets"])
def test_label_weights_follow_the_balance(csv: Path, balance: str) -> None:
    config = build_pretrain_config({"datasets": [str(csv)], **SMALL, "balance": balance})
    data = collect([str(csv)])
    data.splits = {"train": torch.arange(50), "valid": torch.arange(50, 60)}
    task = MultitaskTask(config, make_source(data, config.training(data.name)), data.sources)
    assert type(task.main_loss) is (BCELoss if balance == "labels" else WeightedBCELoss)


def test_tasks_or_data_sets_have_equal_weight() -> None:
    generator = torch.Generator().manual_seed(0)
    y = (torch.rand(200, 4, generator=generator) < 0.5).float()
    for task, share in enumerate((0.9, 0.2, 0.5, 0.0)):
        y[torch.rand(200, generator=generator) >= share, task] = NAN
    known = (~y.isnan()).sum(0).float()
    datasets = ["a", "b", "b", "c"]
    tasks = task_weights(y, datasets, "tasks")
    torch.testing.assert_close(tasks * known, torch.tensor([1.0, 1, 1, 0]) * known.sum() / 3)
    sets = task_weights(y, datasets, "datasets")
    torch.testing.assert_close(sets * known, torch.tensor([1.0, 0.5, 0.5, 0]) * known.sum() / 2)


@pytest.mark.parametrize("kind", ["global", "individual", "predicted"])
def test_temperatures_are_learned_and_reported(csv: Path, kind: str) -> None:
    task = contrastive(csv, temperature=kind, dropout=0.0)
    optimizer = task.configure_optimizers()
    batch = task.source.pairs.batch([12, 40, 33, 15])  # type: ignore[attr-defined]
    task.training_step(batch, 0).backward()
    optimizer.step()
    with torch.no_grad():
        task.eval().validation_step(None, 0)
    if kind == "predicted":
        assert task.temperature_head is not None
        z1, z2 = task._project(batch, 0, 0)
        assert not torch.equal(task._temperatures(z1, z2)[0], torch.full((4,), 0.1)), "the head has been trained"
    else:
        assert task.temperature_head is None
        mean = task.contrast.temperatures.at(None).item()
        assert mean != 0.1
        assert task.valid_metrics["temperature"] == pytest.approx(mean)
        moved = (task.contrast.temperatures.state.value != 0.1).sum().item()
        assert moved == {"global": 1, "individual": 4}[kind]
