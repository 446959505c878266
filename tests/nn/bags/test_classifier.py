import copy

import numpy as np
import pytest
import torch
from nn_bags import by_bag, ragged, smoothed_max
from nn_molecules import real_molecules
from torch_geometric.data import Batch, Data

from xgraph.losses import LOSSES, AUCMarginLoss, GroupDROLoss
from xgraph.nn import BagClassifier
from xgraph.nn.bags import classifier as bag_classifier
from xgraph.options import options_of
from xgraph.sampling import InstanceSampler

SIZES = [3, 1, 7, 2, 5, 4]
POOLINGS = ["attention", "gated-attention", "smoothed-max", "mean", "max"]
EACH = pytest.mark.parametrize("pooling", POOLINGS)


def bags(sizes=SIZES, channels=6, tasks=2, seed=0):
    x, bag = ragged(sizes, channels, seed, dtype=torch.float32)
    y = (torch.arange(len(sizes) * tasks).view(-1, tasks) % 3 == 0).float()
    return Data(x=x, batch=bag, bag=bag, y=y, idx=torch.arange(len(sizes)) + 10, num_bags=len(sizes))


def make(pooling="attention", tasks=2, **options):
    torch.manual_seed(2)
    return BagClassifier(tasks, 6, hidden_channels=8, pooling=pooling, **options)


@EACH
def test_logits_are_pooled_scores(pooling):
    model, batch = make(pooling, tau=0.3), bags()
    scores, weights = model.instance_scores(batch), model.attention(batch)
    assert scores.shape == (22, 2)
    functions = {
        "mean": lambda s, w: s.mean(0),
        "max": lambda s, w: s.max(0).values,
        "smoothed-max": lambda s, w: smoothed_max(s, 0.3),
    }
    function = functions.get(pooling, lambda s, w: (w * s).sum(0))
    torch.testing.assert_close(model(batch), by_bag(function, scores, batch.bag, 6, weights))
    torch.testing.assert_close(by_bag(lambda w: w.sum(0), weights, batch.bag, 6), torch.ones(6, weights.size(1)))


def test_attention_is_a_linear_layer_on_pooled_embeddings():
    model, batch = make("gated-attention"), bags()
    pooled = model.pool(model.embed(batch), batch.bag, dim_size=6)
    torch.testing.assert_close(model.head(pooled), model(batch))


@EACH
def test_state_has_no_effect_with_gamma_1_and_whole_bags(pooling):
    plain, tracked, batch = make(pooling), make(pooling, num_bags=20, gamma=1.0), bags()
    for _ in range(2):
        torch.testing.assert_close(tracked(batch), plain(batch))


@pytest.mark.parametrize(
    ("pooling", "norm"), [*((pooling, "none") for pooling in POOLINGS), ("attention", "batch"), ("mean", "layer")]
)
def test_large_batch_in_runs_gives_the_same_result(pooling, norm, monkeypatch):
    state = {} if pooling == "max" else {"num_bags": 20, "gamma": 0.5}
    model, batch = make(pooling, norm=norm, **state).double(), bags()
    batch.x, batch.batch = batch.x.double(), batch.batch.sort().values
    batch.bag, batch.idx = batch.batch, torch.tensor([3, 4, 3, 5, 6, 6])  # bags twice, in different runs
    seen = []
    model.encoder.register_forward_hook(lambda module, x, out: seen.append(len(out)))
    result = []
    for run in (bag_classifier.RUN, 8 * 8):  # of 8 instances each
        monkeypatch.setattr(bag_classifier, "RUN", run)
        one = copy.deepcopy(model)
        logits = [one(batch), one(batch)]
        (logits[1] * torch.arange(12.0).view(6, 2)).sum().backward()
        result.append([*logits, *(p.grad for p in one.parameters()), one.eval()(batch), *one.state_dict().values()])
    for a, b in zip(*result, strict=True):
        torch.testing.assert_close(a, b)
    runs = [4, 7, 7, 4]
    assert seen == [22] * 3 + ([22] * 2 if norm == "batch" else runs * 2) + runs


@EACH
def test_state_is_in_checkpoints_and_not_written_in_eval_mode(pooling):
    model = make(pooling, num_bags=20, gamma=0.5)
    for seed in range(3):
        model(bags(seed=seed))
    other = make(pooling, num_bags=20, gamma=0.5)
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(bags(seed=4)), model(bags(seed=4)))
    table = model.pool.track
    assert (table is None) == (pooling == "max")
    if table is not None:
        assert table.seen.nonzero()[:, 0].tolist() == list(range(10, 16))
    before = copy.deepcopy(model.state_dict())
    plain = make(pooling).eval()
    assert torch.equal(model.eval()(bags(seed=5)), plain(bags(seed=5)))
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("pooling", "loss"), [*(("attention", loss) for loss in LOSSES), *((pooling, "soap") for pooling in POOLINGS[1:])]
)
def test_training_step_with_every_loss(pooling, loss):
    model, batch = make(pooling, num_bags=20), bags()
    options = {"groups": torch.arange(20) % 3} if LOSSES[loss] is GroupDROLoss else {}
    if loss in ("ndcg", "listwise", "recall"):
        options = {"relevance": (torch.arange(20) % 2).float()[:, None].repeat(1, 2)} | (
            {"k": 3} if loss == "recall" else {}
        )
    loss_fn = LOSSES[loss](20, 2, **options)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    before = copy.deepcopy(dict(model.named_parameters()))
    for _ in range(2):
        optimizer.zero_grad()
        y = torch.nn.functional.one_hot(batch.idx % 2).float() if loss in ("ce", "scent") else batch.y
        value = loss_fn(model(batch), y, batch.idx)
        value.backward()
        optimizer.step()
    assert value.isfinite()
    for key, parameter in model.named_parameters():
        assert parameter.isfinite().all()
        if key != "head.bias":  # pairwise losses do not see it
            assert not torch.equal(parameter, before[key]), key


@EACH
def test_predict_bag_scores_a_huge_bag_in_chunks(pooling, tmp_path):
    model = make(pooling, num_bags=20, dropout=0.5)
    x = torch.randn(1000, 6, generator=torch.Generator().manual_seed(3))
    whole = Data(x=x)
    expected = copy.deepcopy(model).eval()
    file = tmp_path / "bag.npy"
    np.save(file, x.numpy())
    chunks = [Data(x=x[i : i + 300]) for i in range(0, 1000, 300)]
    for instances in (x, np.load(file, mmap_mode="r"), chunks, iter(chunks)):
        result = model.predict_bag(instances, chunk_size=128)
        assert not result.logits.requires_grad
        torch.testing.assert_close(result.logits, expected(whole)[0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(result.scores, expected.instance_scores(whole))
        torch.testing.assert_close(result.weights, expected.attention(whole))
    assert model.training
    assert model.eval().predict_bag(x[:1]).logits.shape == (2,)
    assert not model.training


def test_predict_bag_respects_the_chunk_size(monkeypatch):
    model, seen = make(), []
    encode = model._encode
    monkeypatch.setattr(model, "_encode", lambda x: seen.append(len(x)) or encode(x))
    model.predict_bag(torch.zeros(1000, 6), chunk_size=300)
    assert seen == [300, 300, 300, 100]


def test_heads_for_each_task():
    model, batch = make(tasks=3, heads=3, num_bags=20), bags(tasks=3)
    weights = model.attention(batch)
    assert weights.shape == (22, 3)
    expected = by_bag(lambda s, w: (w * s).sum(0), model.instance_scores(batch), batch.bag, 6, weights)
    torch.testing.assert_close(model(batch), expected)
    x = batch.x[batch.bag == 2]
    torch.testing.assert_close(model.predict_bag(x, chunk_size=3).logits, expected[2], rtol=1e-4, atol=1e-6)


def test_max_pooling_needs_no_idx():
    """It has no state, with num_bags or without."""
    batch = bags()
    expected = make("max")(batch)
    del batch.idx
    assert torch.equal(make("max", num_bags=20)(batch), expected)


def test_images():
    model = BagClassifier(1, 1, encoder="cnn", hidden_channels=16, num_bags=2)
    batch = Data(x=torch.randint(256, (7, 1, 8, 8), dtype=torch.uint8), batch=torch.tensor([0, 1, 1, 0, 0, 1, 0]))
    batch.idx, batch.num_bags = torch.tensor([1, 0]), 2
    model(batch).sum().backward()
    assert model(batch).shape == (2, 1)


def test_graphs_as_instances():
    graphs = real_molecules()
    batch = Batch.from_data_list(list(graphs[:6]))
    batch.bag, batch.num_bags, batch.idx = torch.tensor([0, 0, 1, 1, 1, 2]), 3, torch.tensor([4, 0, 2])
    model = BagClassifier(2, encoder="gine", hidden_channels=16, num_layers=2, num_bags=5, gamma=0.5)
    out = model(batch)
    assert out.shape == (3, 2)
    out.sum().backward()
    assert all(p.grad is not None for p in model.parameters())  # no head of the encoder's own is left
    model.eval()
    torch.testing.assert_close(model.instance_scores(batch)[5:], model(batch)[2:])
    result = model.predict_bag([Batch.from_data_list(list(graphs[2:4])), Batch.from_data_list(list(graphs[4:5]))])
    torch.testing.assert_close(result.logits, model(batch)[1])
    del batch.bag
    with pytest.raises(ValueError, match=r"the bag of each of its 6 instances.*in 'bag' if instances are graphs"):
        model(batch)


def test_custom_encoder():
    encoder = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh())
    model = BagClassifier(2, encoder=encoder, hidden_channels=8)
    assert torch.equal(model.embed(bags()), encoder(bags().x))
    with pytest.raises(ValueError, match=r"the encoder must return vectors of shape \[n, 16\] \(hidden_channels\)"):
        BagClassifier(2, encoder=encoder, hidden_channels=16)(bags())


def test_number_of_bags_is_inferred():
    model, batch = make(), bags()
    expected = model(batch)
    del batch.num_bags
    assert torch.equal(model(batch), expected)  # by y
    del batch.y
    assert torch.equal(model(batch), expected)  # by the largest
    del batch.bag
    assert torch.equal(model(batch), expected)  # batch says it of features
    one = Data(x=batch.x[batch.batch == 2])
    torch.testing.assert_close(model(one), expected[2:3])


def test_reset_parameters_reinitialises_the_weights():
    model = make(num_bags=20)
    model(bags())
    before = copy.deepcopy(dict(model.named_parameters()))
    model.head.reset_parameters()
    assert not torch.equal(model.head.weight, before["head.weight"])
    model.reset_parameters()
    assert all(not torch.equal(p, before[k]) for k, p in model.named_parameters())
    assert not model.pool.track.seen.any()


def test_options_have_choices_and_help():
    options = {option.name: option for option in options_of(BagClassifier)}
    assert {"encoder", "hidden_channels", "num_layers", "dropout", "pooling", "tau", "heads", "gamma"} <= set(options)
    assert options["pooling"].choices == tuple(POOLINGS)
    assert options["encoder"].choices == ("mlp", "cnn", "gine")
    assert not {"num_bags", "in_channels", "num_tasks"} & set(options)
    assert all(option.help for option in options.values())
    assert "pooling='mean'" in repr(make("mean"))


@pytest.mark.parametrize("pooling", ["attention", "smoothed-max"])
def test_midam_learns_from_four_sampled_instances(pooling):
    """Bags of 20 to 40, positive if six instances have a large first feature."""
    g = torch.Generator().manual_seed(0)
    sizes = torch.randint(20, 41, (240,), generator=g)
    ptr = torch.cat([torch.zeros(1, dtype=torch.long), sizes.cumsum(0)])
    x = torch.randn(int(ptr[-1]), 6, generator=g)
    y = (torch.arange(240) % 2).float()[:, None]
    for b in range(1, 240, 2):
        x[ptr[b] : ptr[b] + 6, 0] += 3
    torch.manual_seed(0)
    model = BagClassifier(1, 6, num_bags=240, hidden_channels=16, num_layers=1, pooling=pooling, gamma=0.9)
    loss_fn, sampler = AUCMarginLoss(240), InstanceSampler(ptr, 4)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(15):
        for idx in torch.randperm(160, generator=g).split(20):
            rows, bag = sampler.sample(idx, epoch)
            batch = Data(x=x[rows], batch=bag, num_bags=len(idx), idx=idx)
            optimizer.zero_grad()
            loss_fn(model(batch), y[idx], idx).backward()
            optimizer.step()
    model.eval()
    logits = torch.stack([model.predict_bag(x[ptr[b] : ptr[b + 1]]).logits for b in range(160, 240)])
    pos, neg = logits[1::2], logits[::2]
    assert (pos > neg.T).float().mean() > 0.95


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"pooling": "median"},
            ValueError,
            "pooling must be one of attention, gated-attention, smoothed-max, mean, max",
        ),
        ({"encoder": "lstm"}, ValueError, "encoder must be one of mlp, cnn, gine, got 'lstm'"),
        ({"in_channels": None}, ValueError, "in_channels must be given for encoder='mlp'"),
        ({"num_tasks": 0}, ValueError, "num_tasks must be at least 1"),
        ({"num_bags": 0}, ValueError, "num_bags must be at least 1"),
        ({"num_layers": 0}, ValueError, "num_layers must be at least 1"),
        ({"num_tasks": 3, "heads": 2, "num_bags": 4}, ValueError, "heads must divide the number of pooled columns, 3"),
        ({"num_tasks": 3, "heads": 2}, ValueError, "heads must divide the number of pooled columns, 3"),
        ({"dropout": 1.0}, ValueError, "dropout must be in"),
    ],
)
def test_invalid_options_are_rejected(options, error, message):
    with pytest.raises(error, match=message):
        BagClassifier(**{"num_tasks": 1, "in_channels": 6, **options})


def test_invalid_batches_are_rejected():
    model = make(num_bags=20)
    batch = bags()
    with pytest.raises(ValueError, match="the batch has no x"):
        model(Data(batch=batch.batch))
    with pytest.raises(ValueError, match=r"x must have shape \[n, 6\], got \[22, 5\]"):
        model(Data(x=batch.x[:, :5], batch=batch.batch))
    with pytest.raises(ValueError, match=r"the bag of each of its 22 instances.* got shape \[3\]"):
        model(Data(x=batch.x, bag=batch.bag[:3]))
    with pytest.raises(ValueError, match="bag 6 of the batch"):
        model(Data(x=batch.x, bag=batch.bag, num_bags=7, idx=torch.arange(7)))
    with pytest.raises(ValueError, match="the batch has no idx: training with a state per bag"):
        model(Data(x=batch.x, bag=batch.bag, num_bags=6))
    with pytest.raises(IndexError, match=r"bag_id must be between 0 and 19 \(num_bags=20\), got 25"):
        model(Data(x=batch.x, bag=batch.bag, num_bags=6, idx=batch.idx + 10))
    with pytest.raises(ValueError, match="instances is empty"):
        model.predict_bag(batch.x[:0])
    with pytest.raises(TypeError, match="instances must be a tensor, an array or an iterable of batches, got Data"):
        model.predict_bag(batch)
    with pytest.raises(ValueError, match="chunk_size must be at least 1"):
        model.predict_bag(batch.x, chunk_size=0)
    assert model.training
