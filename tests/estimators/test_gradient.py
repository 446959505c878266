"""The two gradients of a moving average, and setting γ for a single step."""

import pytest
import torch

from xgraph.estimators import LogMovingAverage, MovingAverage, RatioMovingAverage

GAMMA = 0.2


def tables(gradient, **options):
    """One table of each kind, with rows of shape [3]."""
    options = {"gamma": GAMMA, "gradient": gradient, **options}
    return (
        MovingAverage(6, (3,), **options).double(),
        LogMovingAverage(6, (3,), **options).double(),
        RatioMovingAverage(6, 2, **options).double(),
    )


def as_written(table, estimate, index, gamma):
    """The new rows by definition, with constant old rows; differentiable. No duplicates."""
    rows = []
    for item, new in zip(index.tolist(), estimate, strict=True):
        old = table.value[item].clone()
        if not table.seen[item]:
            rows.append(new)
        elif isinstance(table, MovingAverage):
            rows.append((1 - gamma) * old + gamma * new)
        elif isinstance(table, LogMovingAverage):
            rows.append(((1 - gamma) * old.exp() + gamma * new.exp()).log())
        else:
            weight = (1 - gamma) * old[-1].exp() + gamma * new[-1].exp()
            total = (1 - gamma) * old[-1].exp() * old[:-1] + gamma * new[-1].exp() * new[:-1]
            rows.append(torch.cat([total / weight, weight.log().view(1)]))
    return torch.stack(rows)


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize("share", [None, 0.7])
def test_scaled_gradient_is_the_derivative_of_the_definition(kind, share):
    table = tables("scaled")[kind]
    generator = torch.Generator().manual_seed(kind)
    for _ in range(12):
        index = torch.randperm(6, generator=generator)[:3]
        estimate = torch.randn(3, 3, dtype=torch.float64, generator=generator, requires_grad=True)
        weight = torch.randn(3, 3, dtype=torch.float64, generator=generator)
        expected = as_written(table, estimate, index, share or GAMMA)
        (wanted,) = torch.autograd.grad((expected.sin() * weight).sum(), estimate)
        out = table.step(estimate, index, True, share)
        (given,) = torch.autograd.grad((out.sin() * weight).sum(), estimate)
        torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(given, wanted, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_scaled_is_gamma_times_straight_through_except_for_new_items(kind):
    plain, scaled = tables("straight_through")[kind], tables("scaled")[kind]
    generator = torch.Generator().manual_seed(0)
    for step in range(2):
        index = torch.tensor([[0, 3, 3, 5], [3, 1, 5, 3]][step])  # with duplicates; 1 is new in the second step
        estimate = torch.randn(4, 3, dtype=torch.float64, generator=generator)
        grads = []
        for table in (plain, scaled):
            leaf = estimate.clone().requires_grad_()
            out = table(leaf, index)
            out.square().sum().backward()
            grads.append(leaf.grad)
        assert torch.equal(plain.value, scaled.value)
        scale = torch.tensor([[1.0] * 4, [GAMMA, 1.0, GAMMA, GAMMA]][step], dtype=torch.float64)
        torch.testing.assert_close(grads[1], grads[0] * scale.view(4, 1), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_restarted_items_have_an_unscaled_gradient(kind):
    table = tables("scaled", restart_lag=4.0)[kind]
    high, low = ([1e4, 1.0, 1.0], [1.0, 1.0, 1.0]) if kind == 0 else ([9.0, 0.0, 0.0], [0.0, 0.0, 0.0])
    if kind == 2:  # the last number is the log weight of the whole row
        high = high[::-1]
    index = torch.tensor([4])
    table(torch.tensor([high], dtype=torch.float64), index)
    estimate = torch.tensor([low], dtype=torch.float64, requires_grad=True)
    table(estimate, index).sum().backward()
    assert estimate.grad.tolist() == [[[1.0, GAMMA, GAMMA], [1.0, GAMMA, GAMMA], [1.0, 1.0, 1.0]][kind]]


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_with_gamma_one_both_gradients_equal_the_plain_batch_exactly(kind):
    index = torch.tensor([2, 0])
    for gradient in ("straight_through", "scaled"):
        table = tables(gradient, gamma=1.0)[kind].float()
        for seed in range(3):
            estimate = torch.randn(2, 3, generator=torch.Generator().manual_seed(seed), requires_grad=True)
            out = table(estimate, index)
            out.sum().backward()
            assert torch.equal(out, estimate)
            assert torch.equal(estimate.grad, torch.ones(2, 3))


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_scaled_gradients_match_between_one_and_several_processes(kind):
    """Whether an item is new or restarts depends on the rows of all processes."""
    single, first, second = (tables("scaled", restart_lag=3.0)[kind] for _ in range(3))
    generator = torch.Generator().manual_seed(3)
    for step in range(8):
        index = torch.randint(6, (6,), generator=generator)
        estimate = torch.rand(6, 3, dtype=torch.float64, generator=generator) * (40 if step % 3 == 0 else 1)
        first.exchange = second.exchange = lambda *_, rows=(index, estimate): rows
        leaves = [part.clone().requires_grad_() for part in (estimate, estimate[:4], estimate[4:])]
        outs = [single(leaves[0], index), first(leaves[1], index[:4]), second(leaves[2], index[4:])]
        for out in outs:
            out.sum().backward()
        torch.testing.assert_close(torch.cat(outs[1:]), outs[0])
        torch.testing.assert_close(torch.cat([leaves[1].grad, leaves[2].grad]), leaves[0].grad)


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_gamma_can_be_set_for_a_single_step(kind):
    table, other = tables("straight_through")[kind], tables("straight_through", gamma=0.9)[kind]
    index = torch.tensor([1, 4])
    first, second, third = torch.randn(3, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    table.write(first, index)
    other.load_state_dict(table.state_dict())
    assert torch.equal(table.write(second, index, False, gamma=0.9), other.write(second, index))
    assert torch.equal(table.write(third, index, gamma=1.0), third)
    assert torch.equal(table.value[index], third)
    assert table.gamma == GAMMA


@pytest.mark.parametrize(("gamma", "error"), [(0.0, ValueError), (1.5, ValueError), ("1", TypeError)])
def test_invalid_gamma_for_one_step_is_rejected_before_writing(gamma, error):
    table = MovingAverage(3)
    for move in (table.write, table.step):
        with pytest.raises(error, match="gamma is the weight of the new value and must"):
            move(torch.ones(1), torch.tensor([0]), gamma=gamma)
    assert not table.seen.any()


def test_unknown_gradient_is_rejected():
    with pytest.raises(ValueError, match="gradient must be one of straight_through, scaled, got 'through'"):
        MovingAverage(3, gradient="through")


def test_scaled_gradient_compiles_to_one_graph_without_checks():
    eager, compiled = (tables("scaled", validate=False)[2] for _ in "ab")
    step = torch.compile(compiled, fullgraph=True, backend="aot_eager")
    for seed in range(2):
        generator = torch.Generator().manual_seed(seed)
        index = torch.randint(6, (4,), generator=generator)
        estimate = torch.rand(4, 3, dtype=torch.float64, generator=generator)
        leaves = [estimate.clone().requires_grad_() for _ in "ab"]
        outs = [eager(leaves[0], index), step(leaves[1], index)]
        torch.testing.assert_close(*outs)
        for out in outs:
            out.square().sum().backward()
        torch.testing.assert_close(leaves[0].grad, leaves[1].grad)
