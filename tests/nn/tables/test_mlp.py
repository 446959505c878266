import pytest
import torch
from fitted_models import batch

from xgraph.nn import MLP


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("layers", [1, 2])
def test_logits_equal_the_layers_written_out(norm, layers):
    torch.manual_seed(0)
    model = MLP(2, 5, hidden_channels=8, num_layers=layers, dropout=0.3, norm=norm)
    x = 3 * torch.randn(40, 5) + 1
    x[0, 0] = 1e5  # clamped
    std, mean = torch.std_mean(x, dim=0)
    model.scale.fit(mean, std)
    model.train()(batch(x))  # running statistics
    model.eval()
    state = model.state_dict()
    h = ((x - mean) / std).clamp(-10, 10)
    for i in range(layers):
        h = h @ state[f"features.{4 * i}.weight"].T
        name = f"features.{4 * i + 1}"
        if norm == "none":
            h = h + state[f"features.{4 * i}.bias"]
        elif norm == "batch":
            h = (h - state[f"{name}.running_mean"]) / (state[f"{name}.running_var"] + 1e-5).sqrt()
        else:
            h = (h - h.mean(1, keepdim=True)) / (h.var(1, keepdim=True, correction=0) + 1e-5).sqrt()
        if norm != "none":
            h = h * state[f"{name}.weight"] + state[f"{name}.bias"]
        h = h.relu()
    torch.testing.assert_close(model.embed(batch(x)), h)
    torch.testing.assert_close(model(batch(x)), h @ state["head.weight"].T + state["head.bias"])
    assert model(batch(x[:0])).shape == (0, 2)


def test_a_batch_of_one_row_can_be_trained_on():
    model = MLP(1, 5, hidden_channels=8).train()
    model(batch(torch.randn(1, 5))).sum().backward()
    assert bool(model.features[0].weight.grad.isfinite().all())


def test_reset_parameters_keeps_the_standardisation():
    model = MLP(1, 2, hidden_channels=8)
    model.scale.fit(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.reset_parameters()
    changed = {name for name, value in model.state_dict().items() if not value.equal(before[name])}
    assert changed == {"features.0.weight", "head.weight", "head.bias"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_features": 0}, "num_features must be at least 1, got 0"),
        ({"hidden_channels": 0}, "hidden_channels must be at least 1, got 0"),
        ({"num_layers": 0}, "num_layers must be at least 1, got 0"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0"),
        ({"norm": "group"}, "norm must be one of none, batch, layer, got 'group'"),
    ],
)
def test_invalid_options_are_rejected(options, message):
    with pytest.raises(ValueError, match=message):
        MLP(**{"num_tasks": 1, "num_features": 5, **options})


def test_invalid_batches_are_rejected():
    model = MLP(1, 5)
    with pytest.raises(ValueError, match="the batch has no features, which MLP needs in place of graphs"):
        model(batch(None))
    with pytest.raises(ValueError, match=r"features must have shape \[B, 5\], got \[3, 4\]"):
        model(batch(torch.zeros(3, 4)))
