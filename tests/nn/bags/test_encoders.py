import pytest
import torch

from xgraph.nn.bags.encoders import FeatureEncoder, ImageEncoder


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_feature_encoder_applies_linear_layers(norm):
    encoder = FeatureEncoder(6, 8, num_layers=2, norm=norm).eval()
    x = torch.randn(5, 6)
    h = x
    for layer in encoder.layers:
        if isinstance(layer, torch.nn.Linear):
            h = h @ layer.weight.T + layer.bias
        elif isinstance(layer, torch.nn.LayerNorm):
            h = (h - h.mean(1, keepdim=True)) / (h.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
        elif isinstance(layer, torch.nn.BatchNorm1d):
            h = h / (1 + 1e-5) ** 0.5
        elif isinstance(layer, torch.nn.ReLU):
            h = h.clamp(min=0)
    torch.testing.assert_close(encoder(x), h)
    assert sum(isinstance(layer, torch.nn.Linear) for layer in encoder.layers) == 2


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (1, 3), (17, 9)])
def test_image_encoder_accepts_any_size(size):
    encoder = ImageEncoder(3, 16, num_layers=3)
    out = encoder(torch.randn(4, 3, *size))
    assert out.shape == (4, 16)
    out.sum().backward()
    assert all(p.grad is not None for p in encoder.parameters())
    assert [conv.out_channels for conv in encoder.convs] == [32, 64, 128]


def test_images_are_encoded_independently():
    encoder = ImageEncoder(1, 16).eval()
    x = torch.randn(4, 1, 8, 8)
    torch.testing.assert_close(encoder(x)[2:3], encoder(x[2:3]))
    assert not torch.equal(encoder(x), encoder(x.flip(3)))


@pytest.mark.parametrize("make", [FeatureEncoder, ImageEncoder])
def test_dropout_and_reset_parameters(make):
    encoder = make(4, 8, dropout=0.5)
    x = torch.randn(64, 4) if make is FeatureEncoder else torch.randn(64, 4, 8, 8)
    dropped = (encoder(x) == 0)[encoder.eval()(x) != 0]  # the activation makes zeros of its own
    assert dropped.float().mean() > 0.25
    before = encoder(x)
    encoder.reset_parameters()
    assert all(not torch.equal(a, b) for a, b in zip(before, encoder(x), strict=True))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FeatureEncoder(4, norm="group"), "norm must be one of none, batch, layer, got 'group'"),
        (lambda: FeatureEncoder(4)(torch.zeros(2, 5)), r"x must have shape \[n, 4\], got \[2, 5\]"),
        (lambda: ImageEncoder(1)(torch.zeros(2, 8, 8)), r"x must have shape \[n, 1, height, width\], got \[2, 8, 8\]"),
    ],
)
def test_invalid_arguments_are_rejected(call, message):
    with pytest.raises(ValueError, match=message):
        call()
