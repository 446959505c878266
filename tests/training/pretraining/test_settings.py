import pytest

from xgraph.options import OptionError
from xgraph.training.pretraining.settings import build_pretrain_config, pretrainable

GIVEN = {"datasets": ["a.csv"]}


def test_defaults_and_training_settings() -> None:
    config = build_pretrain_config({**GIVEN, "hidden_channels": "16", "lr": 0.01, "seed": 3})
    assert config.model_options["hidden_channels"] == 16
    assert config.model_options["num_layers"] == 5
    training = config.training("a")
    assert (training.loss, training.pretrain_epochs, training.keep, training.sampler) == ("bce", 0, "last", "shuffle")
    assert (training.lr, training.seed, training.epochs, training.batch_size) == (0.01, 3, 20, 256)
    assert training.model_options == config.model_options


@pytest.mark.parametrize("objective", ["multitask", "contrastive"])
def test_written_settings_read_back(objective: str) -> None:
    own = {"balance": "tasks"} if objective == "multitask" else {"tau": 0.5, "drop_atoms": 0.1}
    config = build_pretrain_config(
        {**GIVEN, **own, "objective": objective, "model": "mpnn", "hidden_channels": 8, "exclude": "hiv:test,b.csv"}
    )
    values = config.to_dict()
    assert values.get("temperature") == (0.5 if objective == "contrastive" else None)
    assert "tau" not in values
    assert ("balance" in values) == (objective == "multitask")
    assert build_pretrain_config({}, values) == config


def test_options_of_another_objective_or_model_are_dropped() -> None:
    file = build_pretrain_config({**GIVEN, "objective": "contrastive", "tau": 0.5, "virtual_node": True}).to_dict()
    assert build_pretrain_config({"objective": "multitask"}, file).temperature == 0.1
    config = build_pretrain_config({"model": "d-mpnn", "hidden_channels": 8}, file)
    assert config.temperature == 0.5
    assert "virtual_node" not in config.model_options


def test_model_options_can_be_prefixed() -> None:
    assert build_pretrain_config({**GIVEN, "model_dropout": 0.5}).model_options["dropout"] == 0.5


def test_models_that_can_be_pretrained() -> None:
    assert {"gine", "ecc", "mpnn", "d-mpnn"} <= set(pretrainable())
    assert not {"forest", "svm", "sage", "attention"} & set(pretrainable())


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"datasets": []}, r"datasets = \[\]: expected one or more data sets"),
        ({"datasets": ["a", "a"]}, r"datasets = \['a', 'a'\]: expected one or more data sets"),
        (
            {"tau": 0.5},
            "tau: this setting is for objective 'contrastive' or 'two-tower', but the objective is 'multitask'",
        ),
        ({"objective": "contrastive", "balance": "tasks"}, "balance: this setting is for objective 'multitask'"),
        ({"objective": "contrast"}, r"objective = 'contrast': expected multitask, contrastive or two-tower"),
        ({"objective": "contrastive", "tau": 0.0}, "temperature must lie in"),
        (
            {"objective": "contrastive", "temperature": "warm"},
            "expected a number, constant, global, individual or pred",
        ),
        (
            {"objective": "contrastive", "temperature": 0.2, "tau": 0.5},
            "tau = 0.5 is another name of temperature = 0.2",
        ),
        (
            {"objective": "contrastive", "start_temperature": 0.2},
            "start_temperature = 0.2 is for a learned temperature",
        ),
        (
            {"objective": "contrastive", "temperature": "global", "start_temperature": 0.01},
            r"temperature is where the global one starts and must lie in \[0.05, 0.7\], got 0.01",
        ),
        ({"objective": "contrastive", "temperature": "global", "rho": -1.0}, "rho must lie in"),
        ({"objective": "contrastive", "gamma": 2.0}, "gamma is the weight of the new value and must lie in"),
        ({"objective": "contrastive", "drop_bonds": 1.0}, r"drop_bonds must be in \[0, 1\)"),
        ({"objective": "contrastive", "batch_size": 1}, "batch_size = 1: expected 2 or more"),
        ({"objective": "contrastive", "projection_channels": 0}, "projection_channels = 0"),
        ({"valid_share": 0.0}, "valid_share = 0.0: expected a number above 0"),
        ({"valid_share": 0.6}, "valid_share = 0.6: expected 0.5 or less"),
        ({"epochs": 0}, "epochs = 0: expected 1 or more"),
        ({"lr": -1.0}, "lr = -1.0"),
        ({"model": "forest"}, "model 'forest' has no molecular encoder to pretrain; choose from gine"),
        ({"model": "sage"}, "model 'sage' has no molecular encoder"),
        ({"model": "gin"}, r"model 'gin' is unknown \(did you mean 'gine'\?\)"),
        ({"hidden_chanels": 8}, r"unknown option 'hidden_chanels' \(did you mean 'hidden_channels'\?\)"),
        ({"hidden_channels": "wide"}, "hidden_channels = 'wide': expected an integer"),
        ({"loss": "soap"}, "unknown option 'loss'"),
        ({"fold": 1}, "unknown option 'fold'"),
    ],
)
def test_invalid_settings_are_refused(settings: dict[str, object], text: str) -> None:
    with pytest.raises(OptionError, match=text):
        build_pretrain_config({**GIVEN, **settings})


def test_a_file_with_unknown_keys_is_refused() -> None:
    with pytest.raises(OptionError, match="unknown key 'dataset'"):
        build_pretrain_config({}, {"dataset": "hiv"})


def test_temperatures_from_words_numbers_and_earlier_files() -> None:
    def contrast(settings: dict[str, object], file: dict[str, object] | None = None) -> dict[str, object]:
        config = build_pretrain_config({**GIVEN, "objective": "contrastive", **settings}, file)
        assert build_pretrain_config({}, config.to_dict()) == config
        return {name: config.contrast[name] for name in ("temperature", "learn") if name in config.contrast}

    assert contrast({}) == contrast({"tau": "0.1"}) == {"temperature": 0.1}
    assert contrast({"temperature": "0.07"}) == contrast({}, {"tau": 0.07}) == {"temperature": 0.07}
    assert contrast({"temperature": "constant"}) == {"temperature": "constant"}
    assert contrast({"temperature": "individual"}, {"tau": 0.07}) == {"temperature": 0.1, "learn": "individual"}
    low = {"temperature": "global", "min_temperature": 0.005, "max_temperature": 0.05}
    assert contrast(low) == {"temperature": 0.05, "learn": "global"}
    assert contrast({**low, "start_temperature": "0.01"}) == {"temperature": 0.01, "learn": "global"}
