"""Training in bfloat16 and float16: losses, poolings, layers with a table, and runs."""

import math
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.data import Data

import xgraph
from tests.nn.nn_molecules import real_batch
from xgraph.data import load
from xgraph.losses import LOSSES, BCELoss, SogCLRLoss
from xgraph.nn import MODELS, input_aggregate
from xgraph.options import OptionError
from xgraph.sampling import NeighborLoader
from xgraph.training.config.build import build_config

DTYPES = [torch.bfloat16, torch.float16]
ITEMS = 64


def steps(model: nn.Module, batches: Any, dtype: torch.dtype, loss_fn: nn.Module) -> list[float]:
    """Train as one would by hand: autocast, and a scaled loss for float16."""
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    scaler = torch.amp.GradScaler("cpu", init_scale=16.0, enabled=dtype == torch.float16)
    losses = []
    for batch in batches:
        with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
            logits = model(batch)
            loss = loss_fn(logits, batch.y[: len(logits)].reshape(len(logits), -1).float(), batch.idx)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        assert loss.dtype == torch.float32
        losses.append(loss.item())
    assert all(map(math.isfinite, losses))
    assert all(bool(value.isfinite().all()) for value in model.parameters())
    assert all(bool(value.isfinite().all()) for value in [*model.buffers(), *loss_fn.buffers()])
    return losses


class Row(nn.Module):
    """A matrix product, which autocast computes in 16 bits."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 1)

    def forward(self, batch: Any) -> Tensor:
        out: Tensor = self.linear(batch.x)
        return out


def rows(count: int = 12) -> Iterator[Data]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(ITEMS, 8, generator=generator)
    y = (x[:, 0] > 0.5).float()
    for _ in range(count):
        index = torch.randperm(ITEMS, generator=generator)[:32]
        yield Data(x=x[index], y=y[index], idx=index)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name in LOSSES if name not in ("ce", "scent")])
def test_every_loss_trains_as_in_float32(name: str, dtype: torch.dtype) -> None:
    options = {"groups": torch.arange(ITEMS) % 2} if name == "group-dro" else {}
    if name in ("ndcg", "listwise", "recall"):
        options = {"relevance": (torch.arange(ITEMS) % 3 == 0).float()} | ({"k": 3} if name == "recall" else {})
    curves, states = [], []
    for kind in (torch.float32, dtype):
        torch.manual_seed(0)
        loss_fn = LOSSES[name](ITEMS, **options)
        curves.append(torch.tensor(steps(Row(), rows(), kind, loss_fn)))
        states.append({key: value for key, value in loss_fn.named_buffers() if value.is_floating_point()})
    assert all(value.dtype == torch.float32 for value in states[1].values())
    close = 0.02 if dtype == torch.bfloat16 else 0.003
    torch.testing.assert_close(curves[1], curves[0], rtol=close, atol=close * float(curves[0].abs().max()))


def batches_of(kind: str, name: str) -> tuple[dict[str, Any], list[Any]]:
    """Arguments of a small model, and its batches."""
    if kind == "graph":
        batch = real_batch(30)
        batch.y, batch.idx = (torch.arange(30) % 3 == 0).float(), torch.arange(30)
        small = {} if name == "mlp" else {"hidden_channels": 16, "num_layers": 2}
        return small, [batch] * 5
    if kind == "bag":
        data = load("digits-bags")
        return {"instance_shape": data.instance_shape, "num_bags": len(data)}, [
            data.batch(range(i, i + 16)) for i in range(0, 80, 16)
        ]
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(200, 12, generator=generator)
    edges = torch.randint(200, (2, 1500), generator=generator)
    arguments = {"in_channels": 12, "hidden_channels": 16}
    data = Data(x=x, edge_index=edges, y=(x[:, 0] > 0).float(), idx=torch.arange(200))
    if name.endswith("-fm"):
        arguments["num_nodes"] = 200
    if name in ("sage-fm", "gcn-fm"):
        data.x_aggr = input_aggregate(MODELS[name](1, **arguments), x, edges)
    batches = list(NeighborLoader(data, [3, 3], batch_size=50, shuffle=True))
    for batch in batches:
        batch.idx = batch.idx[: batch.batch_size]
    return arguments, batches


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if not model.fitted and name != "mlp"])
def test_every_model_trains_without_nan(name: str, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    model = MODELS[name]
    arguments, batches = batches_of(model.kind, name)
    made = model(1, **arguments)
    steps(made, batches, dtype, BCELoss(10_000))
    tables = {key: value.dtype for key, value in made.named_buffers() if key.endswith(".value")}
    assert set(tables.values()) <= {torch.float32}


@pytest.mark.parametrize("name", ["sage-fm", "gcn-fm", "gat-fm"])
def test_a_table_keeps_the_type_that_was_asked_for(name: str) -> None:
    torch.manual_seed(0)
    arguments, batches = batches_of("node", name)
    made = MODELS[name](1, **arguments, table_dtype="bfloat16")
    steps(made, batches, torch.float16, BCELoss(200))
    types = [value.dtype for key, value in made.named_buffers() if key.endswith("table.value")]
    assert set(types) == {torch.bfloat16}


@pytest.mark.parametrize("dtype", DTYPES)
def test_contrastive_loss(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    encoder, loss_fn = nn.Linear(8, 4), SogCLRLoss(ITEMS)
    with torch.autocast("cpu", dtype):
        batch = next(rows())
        views = encoder(batch.x), encoder(batch.x + 0.1)
        assert views[0].dtype == dtype
        loss = loss_fn(*views, batch.idx)
    loss.backward()
    assert loss.dtype == loss_fn.track.value.dtype == torch.float32
    assert bool(encoder.weight.grad.isfinite().all())


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_run_is_validated_in_float32_and_resumed_exactly(tmp_path: Path, precision: str) -> None:
    settings: dict[str, Any] = {"model": "smoothed-max", "loss": "soap", "lr_schedule": "constant", "keep": "last"}
    settings |= {"precision": precision, "pretrain_epochs": 1, "batch_size": 64, "encoder": "mlp"}
    whole = xgraph.train("digits-bags", epochs=4, out=tmp_path / "whole", **settings)
    assert tomllib.loads((whole.path / "config.toml").read_text())["run"]["precision"] == precision
    assert all(math.isfinite(value) for value in whole.metrics["test"].values())
    last = dict(zip(*(line.split(",") for line in _ends(whole.path / "metrics.csv")), strict=True))
    assert float(last["valid_ap"]) == xgraph.evaluate(whole.path, split="valid")["ap"]
    part = xgraph.train("digits-bags", epochs=2, out=tmp_path / "part", **settings)
    part = xgraph.train("digits-bags", epochs=4, out=part.path, resume=True)
    for name in ("predictions.csv", "test_predictions.csv"):
        if (whole.path / name).is_file():
            assert (whole.path / name).read_bytes() == (part.path / name).read_bytes()
    first, second = (torch.load(run.path / "last.ckpt", weights_only=True) for run in (whole, part))
    assert first["state_dict"].keys() == second["state_dict"].keys()
    assert all(torch.equal(value, second["state_dict"][key]) for key, value in first["state_dict"].items())
    assert first.get("TrainingPrecision") == second.get("TrainingPrecision")
    assert (first.get("TrainingPrecision") is not None) == (precision == "fp16")
    plain = xgraph.train("digits-bags", epochs=4, out=tmp_path / "plain", **{**settings, "precision": 32})
    assert plain.metrics["test"]["ap"] == pytest.approx(whole.metrics["test"]["ap"], abs=0.05)
    assert plain.metrics != whole.metrics
    shutil.rmtree(tmp_path)


def test_other_precisions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="precision = 'half'"):
        xgraph.train("digits-bags", precision="half", out=tmp_path / "run")


def _ends(path: Path) -> tuple[str, str]:
    lines = path.read_text().splitlines()
    return lines[0], lines[-1]


@pytest.mark.parametrize("value", ["32", 32])
def test_float32_is_a_word_or_a_number(value: object) -> None:
    assert build_config({"dataset": "digits-bags", "precision": value}).precision == "32"
