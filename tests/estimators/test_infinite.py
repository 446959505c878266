"""Numbers that are not finite: errors by default, skipped on request."""

import math

import pytest
import torch
from torch import nn

from xgraph.estimators import MovingAverage, skip_infinite
from xgraph.losses import LOSSES, GroupDROLoss, KLDROLoss, Loss, SOAPLoss, SogCLRLoss
from xgraph.nn import FeatureMomentum, SmoothedMaxPooling

ITEMS = 20


def buffers(module: nn.Module) -> list[torch.Tensor]:
    return [value.clone() for value in module.buffers()]


def unchanged(module: nn.Module, before: list[torch.Tensor]) -> bool:
    return all(torch.equal(old, new) for old, new in zip(before, module.buffers(), strict=True))


def make(name: str) -> Loss:
    if name in ("ce", "scent"):
        return LOSSES[name](ITEMS, 2)
    options = {"groups": torch.arange(ITEMS) % 2} if name == "group-dro" else {}
    if name in ("ndcg", "listwise", "recall"):
        options["relevance"] = (torch.arange(ITEMS) % 2).float()
    return LOSSES[name](ITEMS, **options)


@pytest.mark.parametrize("wrong", [math.inf, -math.inf, math.nan, 1e30])
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_infinite_and_writes_nothing(name: str, wrong: float) -> None:
    loss_fn = make(name)
    columns = loss_fn.num_tasks
    target = torch.eye(2).repeat(4, 1)[:, :columns]
    index = torch.arange(8)
    good = torch.randn(8, columns, generator=torch.Generator().manual_seed(0))
    loss_fn(good, target, index)
    before = buffers(loss_fn)
    logits = good.clone()
    logits[3, 0] = wrong
    with pytest.raises(ValueError, match="logits must"):
        loss_fn(logits, target, index)
    skip_infinite(loss_fn)
    logits.requires_grad_()
    loss = loss_fn(logits, target, index)
    loss.backward()
    assert loss.item() == math.inf
    assert bool((logits.grad == math.inf).all())
    assert unchanged(loss_fn, before)
    with pytest.raises(IndexError):
        loss_fn(logits, target, index + ITEMS)
    if loss_fn.link != "identity":  # a loss of numbers takes any
        with pytest.raises(ValueError, match="target must be (0, 1 or|0 or more, or|between 0 and 60, or) NaN"):
            loss_fn(logits, target - 0.5, index)
    assert math.isfinite(loss_fn(good, target, index))
    skip_infinite(loss_fn, False)
    with pytest.raises(ValueError, match="logits must"):
        loss_fn(logits, target, index)


def test_a_scaler_skips_the_step_and_lowers_its_scale() -> None:
    model, loss_fn = nn.Linear(4, 1), skip_infinite(SOAPLoss(ITEMS))
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    optimizer = torch.optim.Adam(model.parameters(), 0.1)
    x, target, index = torch.randn(8, 4), torch.tensor([1.0, 0] * 4), torch.arange(8)
    x[2, 1] = 1e6  # beyond the range of float16
    before = [value.clone() for value in model.parameters()]
    with torch.autocast("cpu", torch.float16):
        logits = model(x).squeeze(1)
        loss = loss_fn(logits, target, index)
    assert not bool(logits.isfinite().all())
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    assert all(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))
    assert scaler.get_scale() == 512.0
    assert loss_fn.monitor()["seen"] == 0


def test_contrastive_and_given_losses() -> None:
    wrong = torch.tensor([[1.0, math.inf], [0.0, 1.0]], requires_grad=True)
    contrast = skip_infinite(SogCLRLoss(ITEMS))
    loss = contrast(wrong, torch.eye(2), torch.tensor([0, 1]))
    loss.backward()
    assert loss.item() == math.inf
    assert bool((wrong.grad == math.inf).all())
    assert not bool(contrast.track.seen.any())

    losses = torch.tensor([1.0, math.inf, 2.0])
    known = torch.tensor([True, False, True])
    for loss_fn, rest in (
        (skip_infinite(KLDROLoss(ITEMS)), ()),
        (skip_infinite(GroupDROLoss(ITEMS, groups=torch.arange(ITEMS) % 2)), (torch.tensor([1, 2, 3]),)),
    ):
        assert loss_fn.reduce(losses, *rest).item() == math.inf
        assert math.isfinite(loss_fn.reduce(losses, *rest, known=known))  # it is not used
        with pytest.raises(ValueError, match="known must be"):
            loss_fn.reduce(losses, *rest, known=known[:2])


def test_tables_pass_on_what_is_not_finite() -> None:
    estimate = torch.tensor([[1.0, math.nan], [2.0, 3.0]], requires_grad=True)
    index = torch.tensor([0, 1])
    for table in (MovingAverage(ITEMS, (2,)), FeatureMomentum(ITEMS, 2)):
        with pytest.raises(ValueError, match="estimate must be finite"):
            table(estimate, index)
        skip_infinite(table)
        torch.testing.assert_close(table(estimate, index), estimate, equal_nan=True)
        assert unchanged(table, [torch.zeros_like(value) for value in table.buffers()])


@pytest.mark.parametrize("channels", [None, 1])
def test_pooling_passes_on_what_is_not_finite(channels: int | None) -> None:
    pool = skip_infinite(SmoothedMaxPooling(tau=1.0, num_bags=4, gamma=0.5, channels=channels))
    x, bag = torch.tensor([[math.inf], [1.0], [2.0]]), torch.tensor([0, 0, 1])
    out = pool(x, bag, bag_id=torch.tensor([0, 1]))
    assert not bool(out[0].isfinite())
    assert not bool(pool.track.seen.any())


def test_a_process_that_skips_takes_part_in_the_exchange() -> None:
    table, calls = skip_infinite(MovingAverage(ITEMS)), []

    def exchange(index: torch.Tensor, estimate: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        calls.append(len(index))
        return torch.cat([index, torch.tensor([5])]), torch.cat([estimate, torch.tensor([7.0])])

    table.exchange = exchange
    out = table(torch.tensor([math.inf, 1.0]), torch.tensor([0, 1]))
    assert out.tolist() == [math.inf, 1.0]
    assert calls == [0]
    assert table.seen.nonzero().flatten().tolist() == [5]
