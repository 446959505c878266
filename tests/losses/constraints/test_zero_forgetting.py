import math

import pytest
import torch
from torch.nn import functional as F

from tests.losses.constraints.references import Tracked, penalty
from xgraph.losses import ZeroForgetting

NAN = float("nan")


def test_value_gradient_and_state_match_the_algorithm_over_50_steps_and_a_restore():
    """A linear model; items of no task, without an old loss, and twice in a batch; a task that is never drawn."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(30, 3, generator=generator, dtype=torch.float64)
    y = (torch.rand(30, generator=generator) < 0.5).double()
    task = torch.arange(30) % 4 - 1
    task[29] = 4
    old = F.binary_cross_entropy_with_logits(x[:, 0], y, reduction="none")
    old[::7] = NAN
    options = {"kind": "smoothed_hinge", "rho": 5.0, "epsilon": 0.3, "gamma": 0.2}
    loss_fn, reference = ZeroForgetting(task, old, **options).double(), Tracked(0.2)
    for step in range(50):
        if step == 25:
            fresh = ZeroForgetting(task, old, **options).double()
            fresh.load_state_dict(loss_fn.state_dict())
            loss_fn = fresh
        w = (torch.randn(3, generator=generator, dtype=torch.float64) + torch.tensor([1.0, 0, 0])).requires_grad_()
        index = torch.randint(29, (9,), generator=generator)
        losses = F.binary_cross_entropy_with_logits(x[index] @ w, y[index], reduction="none")
        value, gradient, members = 0.0, torch.zeros(3, dtype=torch.float64), {}
        for i in index.tolist():
            if task[i] >= 0 and not math.isnan(old[i]):
                members.setdefault(task[i].item(), []).append(i)
        for k, items in members.items():
            new = {i: F.softplus(-(x[i] @ w.detach()) * (2 * y[i] - 1)).item() for i in items}
            u = reference.step(k, sum(new[i] - old[i].item() for i in items) / len(items))
            f, slope = penalty("smoothed_hinge", u, 0.3)
            value += 5.0 * f / len(members)
            for i in items:
                residual = torch.sigmoid(x[i] @ w.detach()) - y[i]
                gradient += 5.0 * slope / len(members) / len(items) * residual * x[i]
        loss = loss_fn(losses, index)
        loss.backward()
        assert loss.item() == pytest.approx(value, abs=1e-13)
        torch.testing.assert_close(w.grad, gradient, atol=1e-13, rtol=1e-13)
    tracked = loss_fn.values()
    assert len(tracked) == 5
    assert {k: tracked[k].item() for k in (0, 1, 2)} == pytest.approx(reference.u, abs=1e-13)
    assert tracked[3:].isnan().all()  # no item has task 3, and the item of task 4 was never drawn


def test_gamma_one_on_the_whole_data_is_the_exact_penalty():
    generator = torch.Generator().manual_seed(1)
    old, new = (torch.rand(20, generator=generator, dtype=torch.float64) for _ in range(2))
    task = torch.arange(20) % 3
    for kind in ("squared_hinge", "hinge", "smoothed_hinge"):
        loss_fn = ZeroForgetting(task, old, kind=kind, rho=7.0, epsilon=0.05, gamma=1.0).double()
        for factor in (1.0, 1.5):
            rises = [(factor * new - old)[task == k].mean().item() for k in range(3)]
            expected = 7.0 / 3 * sum(penalty(kind, rise, 0.05)[0] for rise in rises)
            assert loss_fn(factor * new, torch.arange(20)).item() == pytest.approx(expected, abs=1e-14)
        assert loss_fn.eval()(new, torch.arange(20)).item() == pytest.approx(
            7.0 / 3 * sum(penalty(kind, (new - old)[task == k].mean().item(), 0.05)[0] for k in range(3)), abs=1e-14
        )


def test_columns_as_tasks_are_the_same_as_a_task_for_every_item():
    """Missing labels: every (item, column) pair is an item of its own."""
    generator = torch.Generator().manual_seed(2)
    old = torch.rand(12, 3, generator=generator)
    old[torch.rand(12, 3, generator=generator) < 0.3] = NAN
    wide, flat = ZeroForgetting(None, old), ZeroForgetting(torch.arange(3).repeat(12), old.flatten())
    for _ in range(5):
        index = torch.randint(12, (6,), generator=generator)
        losses = torch.rand(6, 3, generator=generator)
        pairs = (index[:, None] * 3 + torch.arange(3)).flatten()
        torch.testing.assert_close(wide(losses, index), flat(losses.flatten(), pairs))
    torch.testing.assert_close(wide.values(), flat.values())


def test_losses_without_an_old_one_are_ignored_whatever_their_value():
    loss_fn = ZeroForgetting(torch.tensor([0, -1, 0]), torch.tensor([0.1, 0.2, NAN]), kind="hinge", rho=1.0)
    losses = torch.tensor([0.3, NAN, math.inf], requires_grad=True)
    loss = loss_fn(losses, torch.arange(3))
    loss.backward()
    assert loss.item() == pytest.approx(0.2)
    assert losses.grad.tolist() == [1.0, 0.0, 0.0]


def test_first_task_of_a_batch_need_not_be_the_first_of_all():
    loss_fn = ZeroForgetting(torch.tensor([2, 1, 0]), torch.zeros(3), kind="hinge", rho=3.0)
    loss_fn(torch.tensor([1.0, 2.0]), torch.tensor([0, 1]))
    assert loss_fn.values()[1:].tolist() == [2.0, 1.0]
    assert loss_fn.values()[0].isnan()


@pytest.mark.parametrize(
    ("task", "old", "error", "message"),
    [
        (None, torch.zeros(3), ValueError, "task: give the task number of each item, or old_loss with a column"),
        (torch.zeros(3), torch.zeros(3), TypeError, "task must be a tensor of integers, got torch.float32"),
        (torch.zeros(4).long(), torch.zeros(3), ValueError, r"task must have the shape of old_loss \[3\], got \[4\]"),
        (torch.tensor([0, -2]), torch.zeros(2), ValueError, "task must hold integers from 0, or -1 for none, got -2"),
        (torch.tensor([-1, -1]), torch.zeros(2), ValueError, "no item has both a task and a loss of the old model"),
        (torch.tensor([0, 0]), torch.tensor([0, math.inf]), ValueError, "old_loss must be finite, got inf in row 1"),
        (torch.tensor([0, 0]), torch.tensor([0, 1]), TypeError, "old_loss must be a tensor of floating-point"),
    ],
)
def test_invalid_tables_are_refused(task, old, error, message):
    with pytest.raises(error, match=message):
        ZeroForgetting(task, old)


def test_old_losses_keep_their_precision_in_half():
    loss_fn = ZeroForgetting(torch.tensor([0]), torch.tensor([0.123456789])).half()
    assert loss_fn.old_loss.item() == pytest.approx(0.123456789, abs=1e-8)
    assert loss_fn.penalty.track.value.dtype == torch.float32
    assert loss_fn.double().old_loss.dtype == torch.float64
