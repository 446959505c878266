"""What holds for all poolings."""

import copy
import io
import pickle

import pytest
import torch
from nn_bags import ragged
from torch_geometric.nn import MessagePassing
from torch_geometric.nn.aggr import Aggregation

import xgraph.nn
from xgraph.estimators import ConstantGamma, CosineGamma
from xgraph.nn import AttentionPooling, BagPooling, MeanPooling, SmoothedMaxPooling

SIZES = [3, 1, 7, 2, 5]
IDS = torch.tensor([4, 9, 0, 7, 2])
POOLINGS = {
    "mean": lambda **k: MeanPooling(**k),
    "smoothed-max": lambda **k: SmoothedMaxPooling(tau=0.5, **k),
    "attention": lambda **k: AttentionPooling(3, 8, **k),
    "gated": lambda **k: AttentionPooling(3, 8, gated=True, heads=3, **k),
}
EACH = pytest.mark.parametrize("name", POOLINGS)


def make(name, **options):
    torch.manual_seed(3)
    return POOLINGS[name](**options).double()


@EACH
def test_works_as_a_pyg_aggregation(name):
    pool = make(name)
    assert isinstance(pool, Aggregation)
    assert isinstance(pool, BagPooling)
    x, bag = ragged(SIZES)
    out = pool(x, bag, dim_size=5)
    assert torch.equal(pool(x, bag), out)
    assert torch.equal(pool(x, bag, dim=0), out)
    order = bag.argsort(stable=True)
    ptr = torch.tensor([0, *torch.tensor(SIZES).cumsum(0).tolist()])
    torch.testing.assert_close(pool(x[order], ptr=ptr), out)
    torch.testing.assert_close(pool(x[bag == 2]), out[2:3])

    class Convolution(MessagePassing):
        def forward(self, x, edge_index):
            return self.propagate(edge_index, x=x)

    loops = torch.arange(len(x)).repeat(2, 1)  # no node without an edge into it
    edge_index = torch.cat([torch.stack([torch.arange(len(x)), bag]), loops], 1)
    received = Convolution(aggr=pool)(x, edge_index)
    torch.testing.assert_close(received[7], pool(x[7:8])[0])


@EACH
def test_order_of_instances_does_not_matter(name):
    pool = make(name)
    x, bag = ragged(SIZES)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(pool(x[order], bag[order], dim_size=5), pool(x, bag, dim_size=5), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(pool.weights(x[order], bag[order]), pool.weights(x, bag)[order], rtol=1e-12, atol=1e-12)


@EACH
def test_weights_are_gradients_and_sum_to_one(name):
    pool = make(name)
    x, bag = ragged(SIZES)
    weight = pool.weights(x, bag, dim_size=5)
    sums = torch.zeros(5, weight.size(1), dtype=torch.float64).index_add(0, bag, weight)
    torch.testing.assert_close(sums, torch.ones_like(sums))
    value = {"value": x.clone().requires_grad_()} if "tt" in name or name == "gated" else {}
    x = x.requires_grad_()
    pool(x, bag, dim_size=5, **value).sum().backward()
    torch.testing.assert_close((value or {"value": x})["value"].grad, weight.expand_as(x))


@EACH
def test_gamma_1_and_all_instances_give_the_exact_pooling(name):
    plain, tracked = make(name), make(name, num_bags=10, gamma=1.0)
    x, bag = ragged(SIZES)
    x.requires_grad_()
    for step in range(3):
        y = x + step
        result, wanted = tracked(y, bag, dim_size=5, bag_id=IDS), plain(y, bag, dim_size=5)
        torch.testing.assert_close(result, wanted, rtol=1e-12, atol=1e-12)
        parameters = [x, *plain.parameters()]
        ours = [x, *tracked.parameters()]
        g = torch.randn(wanted.shape, dtype=torch.float64)
        for a, b in zip(torch.autograd.grad(result, ours, g), torch.autograd.grad(wanted, parameters, g), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)


@EACH
def test_first_value_of_a_bag_is_not_scaled(name):
    plain, tracked = make(name), make(name, num_bags=10, gamma=0.01)
    x, bag = ragged(SIZES)
    torch.testing.assert_close(tracked(x, bag, dim_size=5, bag_id=IDS), plain(x, bag, dim_size=5))
    assert tracked.track.seen.nonzero()[:, 0].tolist() == sorted(IDS.tolist())


@EACH
def test_nothing_is_written_in_eval_mode_or_without_bag_id(name):
    pool = make(name, num_bags=10, gamma=0.5)
    x, bag = ragged(SIZES)
    pool(x, bag, dim_size=5, bag_id=IDS)
    before = copy.deepcopy(pool.state_dict())
    exact = make(name)(x + 1, bag, dim_size=5)
    assert torch.equal(pool(x + 1, bag, dim_size=5), exact)
    pool.eval()
    assert torch.equal(pool(x + 1, bag, dim_size=5, bag_id=IDS), exact)
    assert all(torch.equal(a, b) for a, b in zip(before.values(), pool.state_dict().values(), strict=True))
    pool.train()
    assert not torch.equal(pool(x + 1, bag, dim_size=5, bag_id=IDS), exact)


@EACH
def test_repeated_bag_is_updated_once_with_the_mean(name):
    pool, other = make(name, num_bags=10, gamma=0.3), make(name, num_bags=10, gamma=0.3)
    x, bag = ragged([4, 4, 4])
    for step in range(2):
        out = pool(x + step, bag, dim_size=3, bag_id=torch.tensor([5, 1, 5]))
        # The mean of the estimates of two samples of 4 is the estimate of all 8.
        joined = torch.where(bag == 2, 0, bag)
        both = other(x + step, joined, dim_size=2, bag_id=torch.tensor([5, 1]))
        torch.testing.assert_close(out, both[[0, 1, 0]])
    torch.testing.assert_close(pool.track.value, other.track.value)


@EACH
def test_two_processes_keep_the_same_table(name):
    x, bag = ragged([4, 4, 4])
    alone = make(name, num_bags=10, gamma=0.3)
    ids = torch.tensor([5, 1, 5])
    parts = [(bag < 2, ids[:2]), (bag == 2, ids[2:])]  # the second process has the third bag only
    workers = [make(name, num_bags=10, gamma=0.3, channels=3) for _ in parts]
    for step in range(2):
        alone(x + step, bag, dim_size=3, bag_id=ids)
        rows = []
        for pool, (mine, own) in zip(workers, parts, strict=True):
            row = copy.deepcopy(pool)
            row.track.exchange = lambda *new, rows=rows: rows.append(new) or new
            row((x + step)[mine], bag[mine] - bag[mine].min(), bag_id=own)
        everyone = tuple(torch.cat(part) for part in zip(*rows, strict=True))
        for pool, (mine, own) in zip(workers, parts, strict=True):
            pool.track.exchange = lambda index, estimate, rows=everyone: rows
            pool((x + step)[mine], bag[mine] - bag[mine].min(), bag_id=own)
            pool.track.exchange = None
    for pool in workers:
        torch.testing.assert_close(pool.track.value, alone.track.value)


@EACH
def test_state_is_saved_loaded_copied_and_pickled(name):
    pool = make(name, num_bags=10, gamma=CosineGamma(epochs=4))
    x, bag = ragged(SIZES)
    pool.set_epoch(2)
    for step in range(2):
        pool(x + step, bag, dim_size=5, bag_id=IDS)
    file = io.BytesIO()
    torch.save(pool.state_dict(), file)
    file.seek(0)
    loaded = make(name, num_bags=10, gamma=CosineGamma(epochs=4))
    assert loaded.track is None  # it is made as the state has it
    loaded.load_state_dict(torch.load(file, weights_only=True))
    expected = copy.deepcopy(pool)(x + 5, bag, dim_size=5, bag_id=IDS)
    assert pool.track.gamma == 0.55
    for other in (loaded, copy.deepcopy(pool), pickle.loads(pickle.dumps(pool)), pool):
        assert torch.equal(other(x + 5, bag, dim_size=5, bag_id=IDS), expected)


@EACH
def test_set_epoch_applies_to_a_table_created_later(name):
    pool = make(name, num_bags=10, gamma=CosineGamma(epochs=4, gamma_min=0.2))
    pool.set_epoch(9)
    x, bag = ragged(SIZES)
    pool(x, bag, bag_id=IDS)
    assert pool.track.gamma == 0.2
    assert isinstance(make(name, num_bags=3, channels=3, gamma=0.7).track.schedule, ConstantGamma)


@EACH
def test_reset_parameters_clears_the_state(name):
    pool = make(name, num_bags=10, gamma=0.5)
    x, bag = ragged(SIZES)
    pool(x, bag, bag_id=IDS)
    weights = {k: v.clone() for k, v in pool.named_parameters()}
    pool.reset_parameters()
    assert not pool.track.seen.any()
    assert all(not torch.equal(v, weights[k]) for k, v in pool.named_parameters())
    make(name).reset_parameters()


@EACH
def test_half_precision(name):
    pool = POOLINGS[name](num_bags=10, gamma=0.5)
    x, bag = ragged(SIZES, dtype=torch.float32)
    exact = copy.deepcopy(pool)(x, bag, dim_size=5)
    with torch.autocast("cpu", torch.bfloat16):
        out = pool(x.bfloat16(), bag, dim_size=5, bag_id=IDS)
    assert out.dtype == pool.track.value.dtype == torch.float32
    torch.testing.assert_close(out, exact, rtol=0.05, atol=0.05)
    for dtype in (torch.float16, torch.bfloat16):
        half = copy.deepcopy(pool).to(dtype)
        out = half(x.to(dtype).requires_grad_(), bag, dim_size=5, bag_id=IDS)
        assert out.dtype == dtype
        assert half.track.value.dtype == torch.float32
        torch.testing.assert_close(out.float(), exact, rtol=0.05, atol=0.05)
        out.sum().backward()


@EACH
def test_compiles_as_one_graph_without_validation(name):
    pool = make(name, num_bags=10, gamma=0.5, channels=3, validate=False)
    plain = copy.deepcopy(pool)
    torch._dynamo.reset()
    compiled = torch.compile(pool, fullgraph=True, backend="eager")
    x, bag = ragged(SIZES)
    x.requires_grad_()
    for step in range(2):
        result = compiled(x + step, index=bag, dim_size=5, bag_id=IDS)
        wanted = plain(x + step, index=bag, dim_size=5, bag_id=IDS)
        torch.testing.assert_close(result, wanted)
        g = [torch.autograd.grad(out.square().sum(), x)[0] for out in (result, wanted)]
        torch.testing.assert_close(*g)
    torch.testing.assert_close(pool.track.value, plain.track.value)


@pytest.mark.parametrize(
    ("ids", "error", "message"),
    [
        ([4, 9, 0, 7, 10], IndexError, r"bag_id must be between 0 and 9 \(num_bags=10\), got 10"),
        ([4, 9, 0, 7, -1], IndexError, "got -1"),
        ([4, 9, 0, 7], ValueError, r"bag_id must have shape \[5\], one id per bag, got \[4\]"),
        ([4.0, 9, 0, 7, 1], TypeError, "bag_id must be a tensor of integers, got torch.float32"),
    ],
)
def test_invalid_ids_are_rejected_before_writing(ids, error, message):
    pool = make("attention", num_bags=10)
    x, bag = ragged(SIZES)
    with pytest.raises(error, match=message):
        pool(x, bag, dim_size=5, bag_id=torch.tensor(ids))
    assert pool.track is None


@EACH
def test_invalid_input_is_rejected_before_writing(name):
    pool = make(name, num_bags=10, channels=3)
    x, bag = ragged(SIZES)
    for value in (torch.nan, torch.inf):
        bad = x.clone()
        bad[4] = value
        with pytest.raises(ValueError, match="must be finite"):
            pool(bad, bag, dim_size=5, bag_id=IDS)
    with pytest.raises(ValueError, match="bag 5 of the batch"):
        pool(x, bag, dim_size=6, bag_id=torch.arange(6))
    with pytest.raises(ValueError, match="dim must be the dimension of the instances, 0 or -2, got 1"):
        pool(x, bag, dim=1)
    with pytest.raises(TypeError, match="floating-point numbers, got torch.int64"):
        pool(bag[:, None].expand(-1, 3), bag)
    assert not pool.track.seen.any()
    pool(x, bag, bag_id=IDS)
    value = {"value": x[:, :1]} if name == "attention" else {}
    if name != "gated":
        with pytest.raises(ValueError, match="the number of pooled columns must not change"):
            pool(x if value else x[:, :1], bag, bag_id=IDS, **value)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"num_bags": 0}, ValueError, "num_bags must be at least 1, got 0"),
        ({"num_bags": 10, "gamma": 0.0}, ValueError, "gamma is the weight of the new value and must lie in"),
        ({"num_bags": 10, "channels": 0}, ValueError, "channels must be at least 1"),
    ],
)
def test_invalid_options_are_rejected(options, error, message):
    for name in POOLINGS:
        with pytest.raises(error, match=message):
            make(name, **options)


def test_unknown_pooling_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'MedianPooling'"):
        xgraph.nn.MedianPooling
    with pytest.raises(AttributeError, match="no attribute 'MedianPooling'"):
        xgraph.nn.bags.pooling.MedianPooling
    assert all(hasattr(xgraph.nn, name) for name in xgraph.nn.__all__)


def test_repr_shows_the_options():
    assert repr(MeanPooling()) == "MeanPooling()"
    assert (
        repr(SmoothedMaxPooling(num_bags=5))
        == "SmoothedMaxPooling(tau=0.1, num_bags=5, gamma=ConstantGamma(gamma=0.9))"
    )
    assert repr(AttentionPooling(8)) == "AttentionPooling(8, hidden_channels=64, gated=False, heads=1)"
