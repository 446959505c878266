"""Losses above those of a reference model (DRRHO): the same as the plain form of the differences."""

import copy
import math

import pytest
import torch

from tests.losses.cases import build, data, same_gradients, tables, unchanged

ROBUST = pytest.mark.parametrize("name", ["kl-dro", "group-dro", "cvar-dro"])


def reference(tasks=2):
    generator = torch.Generator().manual_seed(5)
    table = torch.rand(50, tasks, generator=generator, dtype=torch.float64)
    table[::9, 0] = math.nan
    return table


@ROBUST
def test_it_is_the_plain_form_of_the_differences_over_several_steps(name):
    """(6.119) with state: `reduce` of ℓ − ℓ_ref, without the labels that the reference lacks."""
    table = reference()
    compared, plain = build(name, num_tasks=2, reference=table).double(), build(name, num_tasks=2).double()
    for seed in range(12):
        logits, target, index = data(tasks=2, seed=seed, missing=0.2, dtype=torch.float64)
        known = ~target.isnan() & ~table[index].isnan()
        losses = torch.nn.functional.softplus(torch.where(target == 1, -logits, logits))
        differences = torch.where(known, losses - table[index], 0)
        rows = {"index": index} if name == "group-dro" else {}
        expected = plain.reduce(differences, known=known, **rows)
        found = compared(logits, target, index)
        torch.testing.assert_close(found, expected)
        same_gradients((found, expected), logits)
        again = copy.deepcopy(compared).reduce(losses.nan_to_num(), known=~target.isnan(), index=index)
        assert again.isfinite()
    for key, value in plain.state_dict().items():
        torch.testing.assert_close(value, compared.state_dict()[key])


@ROBUST
def test_reduce_subtracts_the_reference(name):
    table = reference(1)
    index = torch.arange(1, 9)
    losses = torch.rand(8, dtype=torch.float64)
    compared, plain = build(name, reference=table).double(), build(name).double()
    rows = {"index": index} if name == "group-dro" else {}
    torch.testing.assert_close(compared.reduce(losses, index=index), plain.reduce(losses - table[index, 0], **rows))


@ROBUST
def test_a_batch_without_a_reference_contributes_nothing(name):
    loss_fn = build(name, num_tasks=2, reference=reference())
    loss_fn(*data(tasks=2))
    before = tables(loss_fn)
    logits = torch.randn(1, 2, requires_grad=True)
    loss = loss_fn(logits, torch.tensor([[1.0, math.nan]]), torch.tensor([9]))
    loss.backward()
    assert loss.item() == 0
    assert not logits.grad.any()
    assert unchanged(before, loss_fn)


@ROBUST
def test_the_table_is_no_state_keeps_its_precision_and_follows_copies(name):
    loss_fn = build(name, num_tasks=2, reference=reference())
    assert "reference" not in loss_fn.state_dict()
    build(name, num_tasks=2).load_state_dict(loss_fn.state_dict())
    assert copy.deepcopy(loss_fn).reference.equal(loss_fn.reference) or loss_fn.reference.isnan().any()
    assert loss_fn.half().reference.dtype == torch.float64
    assert loss_fn.to("meta").reference.device.type == "meta"


@ROBUST
def test_invalid_tables_and_a_missing_index_are_refused(name):
    for table, error, message in (
        (torch.zeros(50, 3), ValueError, r"reference must have the shape \[50, 2\], a loss per item and task, got"),
        (torch.zeros(50, 2).long(), TypeError, "reference must be a tensor of floating-point numbers, got torch.int64"),
        (torch.full((50, 2), math.inf), ValueError, "reference must be finite, got inf in row 0"),
        (torch.full((50, 2), math.nan), ValueError, "reference must hold at least one loss"),
    ):
        with pytest.raises(error, match=message):
            build(name, num_tasks=2, reference=table)
    loss_fn = build(name, num_tasks=2, reference=reference())
    logits, target, _ = data(tasks=2)
    with pytest.raises(ValueError, match="index is required"):
        loss_fn(logits, target)


@ROBUST
def test_per_item_losses_are_those_of_the_mean(name):
    logits, target, _ = data(tasks=2, missing=0.3)
    losses = build(name, num_tasks=2).per_item(logits, target)
    assert torch.equal(losses.isnan(), target.isnan())
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, target.nan_to_num(), reduction="none")
    torch.testing.assert_close(losses.nan_to_num(), torch.where(target.isnan(), 0, expected).detach())
    assert not losses.requires_grad
