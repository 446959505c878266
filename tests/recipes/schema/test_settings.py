from typing import Any

import pytest

from xgraph.options import OptionError
from xgraph.recipes.schema.settings import Layer, check_settings, resolve


def layer(place: str, **values: Any) -> Layer:
    return Layer(place, values)


NONE = layer("[quick.settings]")


def test_later_layers_override_earlier_ones() -> None:
    result = resolve(layer("m", lr=0.5), layer("s", lr=0.25, epochs=7), layer("q", lr=1.0), "nci-pains")
    assert result.settings == {"lr": 1.0, "epochs": 7}
    assert (result.config.lr, result.config.epochs, result.config.dataset) == (1.0, 7, "nci-pains")


def test_common_settings_apply_only_where_they_exist() -> None:
    common = layer("s", max_fpr=0.2, tau=0.5, loss_gamma=0.5, model_tau=0.1, trees=5, epochs=3)
    gine = resolve(layer("m", loss="sopa"), common, NONE, "nci-pains")
    assert gine.settings == {"max_fpr": 0.2, "loss_gamma": 0.5, "epochs": 3, "loss": "sopa"}
    assert gine.shared == {"max_fpr", "loss_gamma", "epochs"}
    forest = resolve(layer("m", model="forest"), common, NONE, "nci-pains")
    assert forest.settings == {"trees": 5, "model": "forest"}
    forest = resolve(layer("m", model="forest"), layer("s", model="gine", trees=5), NONE, "nci-pains")
    assert forest.settings == {"trees": 5, "model": "forest"}, "its own model says which it has"
    pooled = resolve(layer("m", model="smoothed-max"), layer("s", tau=0.5, trees=3), NONE, "digits-bags")
    assert pooled.settings == {"tau": 0.5, "model": "smoothed-max"}


def test_epochs_are_shortened_by_their_share() -> None:
    result = resolve(layer("m", epochs=103, pretrain_epochs=3), layer("s"), NONE, "nci-pains", 0.1)
    assert (result.config.epochs, result.config.pretrain_epochs) == (11, 1)
    result = resolve(layer("m", epochs=1, pretrain_epochs=0), layer("s"), NONE, "nci-pains", 0.1)
    assert (result.config.epochs, result.config.pretrain_epochs) == (1, 0)
    assert resolve(layer("m", model="forest"), layer("s"), NONE, "nci-pains", 0.1).settings == {"model": "forest"}


@pytest.mark.parametrize(
    ("own", "common", "quick", "place"),
    [
        ({"epochs": 0}, {}, {}, "m"),
        ({}, {"epochs": 0}, {}, "s"),
        ({}, {"epochs": 3}, {"epochs": 0}, "q"),
        ({"hidden_channels": "x"}, {"model": "gine"}, {}, "m"),
        ({"model": "gine"}, {"hidden_channels": "x"}, {}, "s"),
        ({"model": "gime"}, {}, {}, "m"),
        ({"model": "sage"}, {"epochs": 3}, {}, "m"),
    ],
)
def test_errors_name_the_layer(own: dict[str, Any], common: dict[str, Any], quick: dict[str, Any], place: str) -> None:
    with pytest.raises(OptionError) as raised:
        resolve(layer("m", **own), layer("s", **common), layer("q", **quick), "nci-pains")
    assert str(raised.value).startswith(f"{place}: ")


def test_unknown_and_unused_settings_are_refused() -> None:
    check_settings(layer("s", epochs=3, trees=5, model_tau=1.0))
    check_settings(layer("s", epochs=3, trees=5), {"epochs", "trees"})
    with pytest.raises(OptionError, match=r"s: treez = 5: unknown setting \(did you mean 'trees'\?\)"):
        check_settings(layer("s", epochs=3, treez=5))
    with pytest.raises(OptionError, match="s: trees = 5: this setting applies to no member"):
        check_settings(layer("s", epochs=3, trees=5), {"epochs"})
