"""Properties shared by all tables."""

import copy
import io
import pickle

import pytest
import torch

from xgraph.estimators import CosineGamma, LogMovingAverage, MovingAverage, ProjectedGradient

BOTH = pytest.mark.parametrize("table", [MovingAverage, LogMovingAverage])


def touched(table, num_items=6, shape=(), steps=5, **options):
    """A table after a few random steps."""
    generator = torch.Generator().manual_seed(0)
    track = table(num_items, shape, **options)
    for _ in range(steps):
        index = torch.randperm(num_items, generator=generator)[: num_items // 2]
        track(torch.rand(len(index), *shape, generator=generator), index)
    return track


def snapshot(track):
    return {name: buffer.clone() for name, buffer in track.state_dict().items()}


def same(before, after):
    return before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)


@BOTH
def test_first_estimate_is_not_scaled_by_gamma(table):
    track = table(3, gamma=0.01)
    estimate = torch.tensor([5.0], requires_grad=True)
    out = track(estimate, torch.tensor([1]))
    out.backward()
    assert out.item() == pytest.approx(5.0)
    assert estimate.grad.item() == pytest.approx(1.0)
    assert track.seen.tolist() == [False, True, False]


@BOTH
def test_only_rows_in_the_batch_change(table):
    track = touched(table, 10)
    before = track.value.clone()
    track(torch.tensor([0.3, 0.4]), torch.tensor([2, 7]))
    moved = (track.value != before).nonzero().flatten().tolist()
    assert moved == [2, 7]


@BOTH
def test_gamma_one_equals_the_plain_batch_exactly(table):
    track = table(8, (2,), gamma=1.0)
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        estimate = torch.randn(4, 2, generator=generator)
        index = torch.randperm(8, generator=generator)[:4]
        assert torch.equal(track(estimate, index), estimate)
        assert torch.equal(track.value[index], estimate)


@BOTH
@pytest.mark.parametrize("bad", [[-1, 0], [0, 6], [6, 6], [0, -(2**40)], list(range(600)), [*range(599, 0, -1), -1]])
def test_index_out_of_range_is_rejected_before_writing(table, bad):
    track = touched(table)
    before = snapshot(track)
    worst = min(bad) if min(bad) < 0 else max(bad)
    with pytest.raises(IndexError, match=rf"0\.\.5 \(num_items=6\), got {worst}"):
        track(torch.rand(len(bad)), torch.tensor(bad))
    assert same(before, snapshot(track))


@BOTH
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_nonfinite_estimates_are_rejected_before_writing(table, value):
    track = touched(table, shape=(2,))
    before = snapshot(track)
    with pytest.raises(ValueError, match=r"estimate must be finite, got .* in row 1"):
        track(torch.tensor([[1.0, 1.0], [1.0, value]]), torch.tensor([0, 1]))
    assert same(before, snapshot(track))


@BOTH
def test_errors_name_wrong_shapes_and_types(table):
    track = table(6, (2,))
    with pytest.raises(ValueError, match=r"estimate must have the shape \[3, 2\], got \[3\]"):
        track(torch.rand(3), torch.arange(3))
    with pytest.raises(ValueError, match=r"index must have the shape \[B\], got \[3, 1\]"):
        track(torch.rand(3, 2), torch.arange(3).view(3, 1))
    for index in (torch.rand(3), torch.ones(3, dtype=torch.bool), torch.zeros(3, dtype=torch.complex64)):
        with pytest.raises(TypeError, match="index must be a tensor of integers, got torch"):
            track(torch.rand(3, 2), index)


@BOTH
def test_errors_name_invalid_settings(table):
    with pytest.raises(ValueError, match="num_items must be at least 1, got 0"):
        table(0)
    with pytest.raises(TypeError, match="num_items must be an integer, got 2.0"):
        table(2.0)
    with pytest.raises(ValueError, match=r"max_lag must lie in \(0, inf\], got 0"):
        table(1, max_lag=0)
    with pytest.raises(TypeError, match="restart_lag must be a number, got '5'"):
        table(1, restart_lag="5")
    with pytest.raises(TypeError, match="dtype must be a floating-point type"):
        table(1, dtype=torch.int64)


@BOTH
@pytest.mark.parametrize("how", ["eval", "no index"])
def test_estimate_is_returned_and_nothing_written_in_eval_or_without_index(table, how):
    track = touched(table)
    before = snapshot(track)
    estimate = torch.rand(4, requires_grad=True)
    index = None if how == "no index" else torch.arange(4)
    out = track.train(how == "no index")(estimate, index)
    out.sum().backward()
    assert torch.equal(out, estimate)
    assert torch.equal(estimate.grad, torch.ones(4))
    assert same(before, snapshot(track))


@BOTH
def test_empty_batch_changes_nothing(table):
    track = touched(table, shape=(2,))
    before = snapshot(track)
    assert track(torch.zeros(0, 2), torch.zeros(0, dtype=torch.long)).shape == (0, 2)
    assert same(before, snapshot(track))


@BOTH
def test_state_survives_state_dict_deepcopy_pickle_and_torch_save(table):
    track = touched(table, shape=(2,), gamma=0.3)
    assert set(track.state_dict()) == {"value", "seen", "stuck"}
    loaded = table(6, (2,), gamma=0.3)
    buffer = io.BytesIO()
    torch.save(track.state_dict(), buffer)
    buffer.seek(0)
    loaded.load_state_dict(torch.load(buffer, weights_only=True))
    copies = [loaded, copy.deepcopy(track), pickle.loads(pickle.dumps(track))]
    estimate, index = torch.rand(3, 2), torch.tensor([0, 3, 5])
    expected = track(estimate, index)
    for other in copies:
        assert torch.equal(other(estimate, index), expected)
        assert same(snapshot(other), snapshot(track))


@BOTH
def test_deepcopy_is_independent(table):
    track = touched(table)
    before = snapshot(track)
    copy.deepcopy(track)(torch.rand(2), torch.tensor([0, 1]))
    assert same(before, snapshot(track))


@BOTH
def test_state_of_another_size_is_rejected_and_table_unchanged(table):
    track = touched(table)
    before = snapshot(track)
    with pytest.raises(RuntimeError, match="size mismatch for value"):
        track.load_state_dict(table(7).state_dict())
    assert same(before, snapshot(track))


@BOTH
def test_reset_forgets_all_items(table):
    track = touched(table)
    track.reset_parameters()
    assert same(snapshot(track), snapshot(table(6)))
    assert track(torch.tensor([9.0]), torch.tensor([0])).item() == pytest.approx(9.0)


@BOTH
def test_storage_stays_float32_through_half_and_follows_double(table):
    track = touched(table)
    value = track.value.clone()
    for narrow in (track.half, track.bfloat16, lambda: track.to(torch.float16)):
        narrow()
        assert track.value.dtype == torch.float32
        assert torch.equal(track.value, value)
    track.double()
    assert track.value.dtype == torch.float64
    assert torch.equal(track.value, value.double())
    assert track(torch.rand(2, dtype=torch.float64), torch.tensor([0, 1])).dtype == torch.float64
    track.float()
    assert track.value.dtype == torch.float32


@BOTH
def test_explicit_storage_type_is_kept(table):
    track = table(4, dtype=torch.bfloat16, gamma=0.5)
    out = track(torch.tensor([1.0]), torch.tensor([0]))
    assert out.dtype == torch.float32
    for change in (track.float, track.double, track.half):
        change()
        assert track.value.dtype == torch.bfloat16


@BOTH
def test_arithmetic_is_float32_under_autocast_and_for_16_bit_estimates(table):
    track = table(4, gamma=0.5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        track(torch.tensor([1.0]), torch.tensor([0]))
        out = track(torch.tensor([2.0]), torch.tensor([0]))
    assert out.dtype == track.value.dtype == torch.float32
    assert track(torch.tensor([1.0], dtype=torch.float16), torch.tensor([1])).dtype == torch.float32


@BOTH
def test_meta_tables_can_move_to_a_device(table):
    assert table(4).to("meta").value.device.type == "meta"


@BOTH
def test_monitor_reports_shares_of_seen_and_stuck_items(table):
    track = table(4)
    assert track.monitor() == {"seen": 0.0, "stuck": 0.0}
    big = 60000.0 if table is MovingAverage else 50.0
    small = 1e-3 if table is MovingAverage else 0.0
    track(torch.full((2,), big), torch.tensor([0, 1]))
    track(torch.tensor([small]), torch.tensor([0]))
    assert track.monitor() == {"seen": 0.5, "stuck": 0.5}
    track(torch.tensor([big]), torch.tensor([0]))
    assert track.monitor()["stuck"] == 0.0


@BOTH
def test_exchanged_rows_give_the_same_table_as_one_process(table):
    """Two processes with the hook end up with the table of one process that sees both batches."""
    generator = torch.Generator().manual_seed(0)
    single, first, second = (table(9, (2,), gamma=0.3) for _ in range(3))
    for _ in range(20):
        parts = [(torch.randint(9, (4,), generator=generator), torch.rand(4, 2, generator=generator)) for _ in range(2)]
        index, estimate = torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])
        first.exchange = second.exchange = lambda *_, rows=(index, estimate): rows
        expected = single(estimate, index)
        out = torch.cat([first(parts[0][1], parts[0][0]), second(parts[1][1], parts[1][0])])
        torch.testing.assert_close(out, expected)
        torch.testing.assert_close(first.value, single.value)
        torch.testing.assert_close(second.value, single.value)


@BOTH
def test_processes_agree_on_restarts(table):
    """Restarts depend on the rows of all processes, so the tables stay equal."""
    single, first, second = (table(3, gamma=0.3, restart_lag=4.0) for _ in range(3))
    index = torch.tensor([0, 1, 1, 2])
    for estimate in (torch.tensor([900.0, 900.0, 900.0, 900.0]), torch.tensor([0.1, 0.1, 500.0, 500.0])):
        first.exchange = second.exchange = lambda *_, rows=(index, estimate): rows
        single(estimate, index)
        first(estimate[:2], index[:2])
        second(estimate[2:], index[2:])
    assert torch.equal(first.value, second.value)
    torch.testing.assert_close(first.value, single.value)
    assert single.value[0].item() == pytest.approx(0.1)


@BOTH
def test_compiles_to_one_graph_without_checks(table):
    eager, compiled = table(20, (2,), gamma=0.2, validate=False), table(20, (2,), gamma=0.2, validate=False)
    step = torch.compile(compiled, fullgraph=True, backend="aot_eager")
    for seed in range(4):
        generator = torch.Generator().manual_seed(seed)
        index = torch.randint(20, (6,), generator=generator)
        estimates = [torch.rand(6, 2, generator=torch.Generator().manual_seed(seed)).requires_grad_() for _ in "ab"]
        outs = [eager(estimates[0], index), step(estimates[1], index)]
        torch.testing.assert_close(*outs)
        for out in outs:
            out.square().sum().backward()
        torch.testing.assert_close(estimates[0].grad, estimates[1].grad)
    torch.testing.assert_close(eager.value, compiled.value)


@BOTH
def test_step_without_duplicates_matches_forward(table):
    one, other = table(9, gamma=0.4), table(9, gamma=0.4)
    for seed in range(5):
        index = torch.randperm(9, generator=torch.Generator().manual_seed(seed))[:4]
        estimate = torch.rand(4, generator=torch.Generator().manual_seed(seed))
        torch.testing.assert_close(one.step(estimate, index, duplicates=True), other.step(estimate, index, False))


@BOTH
@pytest.mark.parametrize("kind", [torch.int32, torch.int16, torch.uint8])
def test_index_can_be_of_any_integer_type(table, kind):
    one, other = table(9, gamma=0.4), table(9, gamma=0.4)
    estimate, index = torch.rand(4), torch.tensor([3, 0, 3, 8])
    for _ in range(2):
        assert torch.equal(one(estimate, index.to(kind)), other(estimate, index))
    assert same(snapshot(one), snapshot(other))


@BOTH
def test_items_far_above_their_newest_estimate_restart(table):
    """They restart only beyond restart_lag; the gradient is then that of the batch."""
    far = {MovingAverage: (100.0, 1.0), LogMovingAverage: (4.6, 0.0)}[table]  # a factor of 100 in both cases
    for lag, restarts in ((4.0, True), (5.0, False)):
        track = table(2, gamma=0.1, restart_lag=lag)
        track(torch.tensor([far[0]]), torch.tensor([1]))
        estimate = torch.tensor([far[1]], requires_grad=True)
        out = track(estimate, torch.tensor([1]))
        assert (out.item() == pytest.approx(far[1])) == restarts
        out.backward()
        if restarts:
            assert estimate.grad.item() == pytest.approx(1.0)


@BOTH
@pytest.mark.parametrize("shape", [(2,), (2, 3)])
def test_numbers_of_a_row_restart_separately(table, shape):
    rows, scalars = table(3, shape, gamma=0.1, restart_lag=4.0), table(6, gamma=0.1, restart_lag=4.0)
    first = torch.tensor([1.0, 90.0])
    second = torch.tensor([0.5, 0.5])
    for values in (first, second):
        estimate = values.view(2, *[1] * (len(shape) - 1)).expand(shape)
        out = rows(torch.stack([estimate, estimate]), torch.tensor([0, 2]))
        expected = scalars(values, torch.tensor([4, 5])).view(2, *[1] * (len(shape) - 1)).expand(shape)
        torch.testing.assert_close(out[1], expected)
    assert (out[:, 1] == 0.5).all()  # restarted
    assert (out[:, 0] > 0.5).all()  # blended


@BOTH
@pytest.mark.parametrize("lag", [79.0, 80.0, 100.0, 800.0, float("inf")])
def test_large_lags_do_not_overflow_or_give_nan(table, lag):
    for options in ({"max_lag": lag}, {"restart_lag": lag}, {"max_lag": lag, "restart_lag": lag}):
        track, free = table(2, gamma=0.5, **options), table(2, gamma=0.5)
        for estimate in (torch.tensor([1.0, 0.0]), torch.zeros(2), torch.tensor([3.0, 0.0])):
            expected = free(estimate, torch.arange(2))
            assert track(estimate, torch.arange(2)).isfinite().all()
            if lag >= 80 and table is MovingAverage:  # has no effect
                assert torch.equal(track.value, expected)


def test_schedule_resumes_at_the_saved_epoch():
    def make():
        return MovingAverage(4, gamma=CosineGamma(10))

    def steps(track, seeds):
        for seed in seeds:
            track(torch.rand(4, generator=torch.Generator().manual_seed(seed)), torch.arange(4))
        return track.value

    track, restored = make(), make()
    track.set_epoch(6)
    steps(track, range(3))
    buffer = io.BytesIO()
    torch.save(track.state_dict(), buffer)
    buffer.seek(0)
    state = torch.load(buffer, weights_only=True)
    assert all(isinstance(value, torch.Tensor) for value in state.values())
    restored.load_state_dict(state)
    assert restored.epoch == 6
    assert torch.equal(steps(restored, range(3, 6)), steps(track, range(3, 6)))
    del state["epoch"]  # as saved by earlier versions
    older = make()
    older.set_epoch(2)
    older.load_state_dict(state)
    assert older.epoch == 2
    MovingAverage(4).load_state_dict(track.state_dict())  # a constant γ ignores the epoch


def test_epoch_of_a_table_inside_a_model_is_restored():
    def make():
        return torch.nn.ModuleDict({"a": MovingAverage(4, gamma=CosineGamma(10)), "b": ProjectedGradient(2)})

    model, other = make(), make()
    model["a"].set_epoch(5)
    state = model.state_dict()
    keys = list(state)
    other.load_state_dict(state)
    assert other["a"].epoch == 5
    assert list(state) == keys


def test_float64_table_with_float32_estimates_computes_in_float32():
    track = MovingAverage(1, gamma=0.5).double()
    track(torch.tensor([0.1]), torch.tensor([0]))
    out = track(torch.tensor([0.2]), torch.tensor([0]))
    assert out.dtype == torch.float32
    assert track.value.dtype == torch.float64
    assert track.value.item() == out.double().item()


@BOTH
def test_read_returns_states_and_the_default_for_unseen_items(table):
    track = table(3, gamma=0.1)
    track(torch.tensor([5.0]), torch.tensor([1]))
    out = track.read(torch.tensor([0, 1]), torch.tensor([7.0, 8.0], dtype=torch.float64))
    assert out.tolist() == [7.0, 5.0]
    assert out.dtype == torch.float64
    assert track.seen.tolist() == [False, True, False]


@BOTH
def test_unwatched_items_are_never_stuck(table):
    for watch in (True, False):
        track = table(1, gamma=0.1, watch=watch)
        track(torch.tensor([1e9]), torch.tensor([0]))
        track(torch.tensor([1.0]), torch.tensor([0]))
        assert track.monitor()["stuck"] == watch


@BOTH
def test_lag_must_be_positive(table):
    with pytest.raises(ValueError, match=r"restart_lag must lie in \(0, inf\], got 0"):
        table(1, restart_lag=0.0)
    assert table(1, max_lag=float("inf")).max_lag is None
