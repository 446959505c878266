import pytest
import torch
from torch_geometric.data import Data

from xgraph.nn import MODELS, BagClassifier, BagModel
from xgraph.options import options_of

NAMES = ["attention", "gated-attention", "smoothed-max", "mean", "max"]
COMMON = {"encoder", "hidden_channels", "num_layers", "dropout", "norm", "standardize_features"}


@pytest.mark.parametrize("name", NAMES)
def test_each_model_is_the_classifier_with_its_pooling(name):
    torch.manual_seed(0)
    model = MODELS[name](2, instance_shape=(4,), num_bags=9, hidden_channels=8).eval()
    torch.manual_seed(0)
    plain = BagClassifier(2, 4, num_bags=9, hidden_channels=8, pooling=name).eval()
    x, bag = torch.randn(7, 4), torch.tensor([0, 0, 1, 1, 1, 2, 2])
    torch.testing.assert_close(model(Data(x=x, batch=bag)), plain(Data(x=x, batch=bag)))
    assert isinstance(model, BagModel)
    assert model.kind == "bag"
    assert (model.pool.track is None) == (name == "max")


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("attention", {"heads", "attention_channels", "gamma"}),
        ("gated-attention", {"heads", "attention_channels", "gamma"}),
        ("smoothed-max", {"tau", "gamma"}),
        ("mean", {"gamma"}),
        ("max", set()),
    ],
)
def test_options(name, own):
    options = {option.name: option for option in options_of(MODELS[name])}
    assert set(options) == COMMON | own
    assert all(option.help for option in options.values())
    assert options["encoder"].default is None


def test_features_are_standardised_in_every_method():
    torch.manual_seed(0)
    model = MODELS["attention"](1, instance_shape=(3,), hidden_channels=8).eval()
    plain = MODELS["attention"](1, instance_shape=(3,), hidden_channels=8, standardize_features=False).eval()
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith("scale.")})
    mean, std = torch.tensor([1.0, -2.0, 0.0]), torch.tensor([2.0, 0.5, 1.0])
    model.scale.fit(mean, std)
    x, bag = torch.randn(6, 3), torch.tensor([0, 0, 0, 0, 1, 1])
    raw, scaled = Data(x=x, batch=bag), Data(x=(x - mean) / std, batch=bag)
    for ask in ("__call__", "embed", "instance_scores", "attention"):
        torch.testing.assert_close(getattr(model, ask)(raw), getattr(plain, ask)(scaled))
    for a, b in zip(model.predict_bag(raw.x, 2), plain.predict_bag(scaled.x), strict=True):
        torch.testing.assert_close(a, b)


def test_images_with_the_cnn_or_flattened_for_the_mlp():
    x, bag = torch.rand(5, 1, 6, 6), torch.tensor([0, 0, 1, 1, 1])
    for encoder in (None, "cnn", "mlp"):
        model = MODELS["max"](2, instance_shape=[1, 6, 6], encoder=encoder, hidden_channels=4)
        assert model(Data(x=x, batch=bag)).shape == (2, 2)
        assert type(model.encoder).__name__ == ("FeatureEncoder" if encoder == "mlp" else "ImageEncoder")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"instance_shape": (4,), "encoder": "cnn"}, "encoder must be mlp if instances are feature rows, got"),
        ({"instance_shape": (), "encoder": "mlp"}, "encoder must be gine if instances are graphs, got 'mlp'"),
        ({"instance_shape": (1, 8, 8), "encoder": "gine"}, "encoder must be cnn or mlp if instances are images"),
        ({"instance_shape": (8, 8)}, r"instance_shape must have 0, 1 or 3 numbers, got \[8, 8\]"),
    ],
)
def test_mismatched_encoders_are_rejected(arguments, message):
    with pytest.raises(ValueError, match=message):
        MODELS["attention"](1, **arguments)


@pytest.mark.parametrize("name", NAMES)
def test_explain_returns_logits_scores_and_weights(name):
    torch.manual_seed(0)
    model = MODELS[name](2, instance_shape=(4,), hidden_channels=8).eval()
    batch = Data(x=torch.randn(7, 4), batch=torch.tensor([0, 0, 1, 1, 1, 2, 2]), num_bags=3)
    result = model.explain(batch)
    torch.testing.assert_close(result.logits, model(batch))
    torch.testing.assert_close(result.scores, model.instance_scores(batch))
    torch.testing.assert_close(result.weights, model.attention(batch))


@pytest.mark.parametrize("name", NAMES)
def test_reset_head_clears_the_state(name):
    torch.manual_seed(0)
    model = MODELS[name](1, instance_shape=(4,), num_bags=5, hidden_channels=8)
    model(Data(x=torch.randn(4, 4), batch=torch.tensor([0, 0, 1, 1]), num_bags=2, idx=torch.tensor([3, 1])))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    if name != "max":
        assert model.pool.track.seen.tolist() == [False, True, False, True, False]
    model.reset_head()
    after = model.state_dict()
    if name != "max":
        assert not model.pool.track.seen.any()
        assert not model.pool.track.value.any()
    assert not torch.equal(after["head.weight"], before["head.weight"])
    for key in after:
        if not key.startswith(("head.", "pool.track.")):
            assert torch.equal(after[key], before[key]), key
