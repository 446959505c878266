import tomllib

import pytest
import tomli_w

from xgraph.options import OptionError, options_of
from xgraph.training.config.build import TrainConfig, build_config, differences, read_config, registry
from xgraph.training.scoring.metrics import METRICS
from xgraph.training.scoring.numbers import NUMBER_METRICS
from xgraph.training.scoring.ranking import LIST_METRICS


def test_flat_options_find_their_owner() -> None:
    config = build_config({"loss": "focal", "alpha": "0.5", "hidden_channels": "16", "epochs": "7"})
    assert config.loss_options["alpha"] == 0.5
    assert config.model_options["hidden_channels"] == 16
    assert config.epochs == 7
    assert config.lr == TrainConfig().lr


def test_a_configuration_file_reads_back() -> None:
    settings = {"loss": "soap", "activation": "none", "gamma": 0.3, "fold": "all", "target_columns": "a,b", "lr": 0.01}
    config = build_config(settings)
    again = build_config({}, tomllib.loads(tomli_w.dumps(config.to_dict())))
    assert again == config
    assert again.loss_options["activation"] is None
    assert again.fold == "all"
    assert again.target_columns == ["a", "b"]


def test_shared_options_belong_to_the_model_unless_prefixed() -> None:
    both: dict[str, object] = {"dataset": "tolokers", "model": "sage-fm", "loss": "soap"}

    def gammas(settings: dict[str, object], base: dict[str, object] | None = None) -> tuple[float, float]:
        config = build_config({**both, **settings}, base)
        return config.model_options["gamma"], config.loss_options["gamma"]

    assert gammas({}) == (0.1, 0.1)
    assert gammas({"gamma": "0.3"}) == (0.3, 0.1)
    assert gammas({"model_gamma": "0.3"}) == (0.3, 0.1)
    assert gammas({"loss_gamma": "0.3"}) == (0.1, 0.3)
    assert gammas({"gamma": "0.3", "loss_gamma": "0.5"}) == (0.3, 0.5)
    base = build_config({**both, "gamma": 0.3, "loss_gamma": 0.5}).to_dict()
    assert gammas({"loss_gamma": 0.7}, base) == (0.3, 0.7)
    assert differences(build_config({}, base), build_config({"gamma": 0.9, "loss_gamma": 0.7}, base)) == {
        "loss_gamma": (0.5, 0.7),
        "model_gamma": (0.3, 0.9),
    }
    assert build_config({"dataset": "tolokers", "loss": "soap", "gamma": 0.3}).loss_options["gamma"] == 0.3
    ce = build_config({"dataset": "cora", "model": "sage-fm", "gamma": 0.3})
    assert ce.model_options["gamma"] == 0.3
    with pytest.raises(OptionError, match="model_gamma: model 'sage-fm' already has this option from gamma"):
        gammas({"gamma": 0.3, "model_gamma": 0.3})
    with pytest.raises(OptionError, match="unknown option 'gamma' for loss 'ce'"):
        build_config({"dataset": "cora", "model": "sage-fm", "loss_gamma": 0.3})


def test_every_option_can_be_prefixed_with_its_owner() -> None:
    config = build_config({"loss": "soap", "loss_margin": "2", "model_hidden_channels": "16", "model_dropout": "0.25"})
    assert config.loss_options["margin"] == 2.0
    assert (config.model_options["hidden_channels"], config.model_options["dropout"]) == (16, 0.25)


def test_flags_win_over_the_file() -> None:
    base = build_config({"loss": "soap", "gamma": 0.3, "margin": 2.0, "lr": 0.5}).to_dict()
    config = build_config({"gamma": "0.9", "lr": "0.25"}, base)
    assert (config.lr, config.loss_options["gamma"], config.loss_options["margin"]) == (0.25, 0.9, 2.0)
    assert build_config({"loss": "soap"}, base).loss_options["gamma"] == 0.3
    bce = build_config({"loss": "bce"}, base)
    assert bce.loss == "bce"
    assert "gamma" not in bce.loss_options
    assert differences(build_config({}, base), config) == {"lr": (0.5, 0.25), "gamma": (0.3, 0.9)}


@pytest.mark.parametrize(
    ("settings", "base", "message"),
    [
        ({"loss": "soaap"}, {}, "unknown loss 'soaap' .*'soap'.*choose from bce"),
        ({"model": "gin"}, {}, "unknown model 'gin' .*'gine'"),
        ({"loss": "soap", "gama": 1}, {}, "unknown option 'gama' .*'gamma'"),
        (
            {"loss": "bce", "gamma": 1},
            {},
            "loss 'bce' and model 'gine' have no such option; it is an option of loss 'soap'",
        ),
        ({"loss": "soap", "margin": "x"}, {}, "loss 'soap': margin = 'x': expected a number"),
        ({}, {"epoch": 3}, "unknown key 'epoch' .*'epochs'"),
        (
            {},
            {"loss": {"name": "soap", "marginn": 1}},
            "unknown option 'marginn' for loss 'soap' .*'margin'.*its options are",
        ),
        ({}, {"loss": {"name": 3}}, "unknown loss 3"),
        ({"epochs": 0}, {}, "epochs = 0: expected 1 or more"),
        ({"epochs": "many"}, {}, "epochs = 'many': expected an integer"),
        ({"fold": "first"}, {}, "fold = 'first': expected an integer or all"),
        ({"lr": -1}, {}, "lr = -1"),
        ({"lr": "nan"}, {}, "lr = nan"),
        ({"weight_decay": -1}, {}, "weight_decay"),
        ({"sampling_rate": 1}, {}, "sampling_rate"),
        ({"ema_decay": 1}, {}, "ema_decay = 1.0: expected a number below 1"),
        ({"ema_decay": -0.1}, {}, "ema_decay = -0.1"),
        ({"ema_decay": "nan"}, {}, "ema_decay = nan"),
        ({"seed": str(2**64)}, {}, "seed = .*expected a number below 9223372036854775808"),
        ({"threads": 0}, {}, "threads"),
        ({"threads": 100_000}, {}, "threads = 100000: expected 1024 or less"),
        ({"lr": 1e300}, {}, "lr = 1e.300: expected 1e.30 or less"),
        ({"weight_decay": 1e300}, {}, "weight_decay = 1e.300: expected 1e.30 or less"),
        ({"inner_lr": 0}, {}, "inner_lr = 0.0: expected a number above 0"),
        ({"inner_gamma": 0}, {}, "inner_gamma = 0.0: expected a number above 0"),
        ({"inner_gamma": "nan"}, {}, "inner_gamma = nan"),
        ({"sampled_tasks": 0}, {}, "sampled_tasks = 0: expected 1 or more"),
        ({"items_per_group": 0}, {}, "items_per_group = 0: expected 1 or more"),
        ({"sampler": "duel"}, {}, "sampler = 'duel': expected dual, tri, shuffle, group, balanced or none"),
        ({"groups": "size"}, {}, "groups = 'size': expected scaffold or label"),
        ({"schedule": "joint"}, {}, "schedule = 'joint': expected two-stage, finetune or compositional"),
        ({"metric": "auc"}, {}, "metric = 'auc': expected ap, prc_auc"),
        ({"device": "gpu"}, {}, "device = 'gpu': expected auto"),
        ({"loss": "bce", "gamma_schedule": "cosine"}, {}, "neither loss 'bce' nor model 'gine' has a gamma"),
        ({"loss": "soap", "loss_gama": 1}, {}, "unknown option 'gama' for loss 'soap' .*'gamma'"),
        ({"model_gamma": 1}, {}, "unknown option 'gamma' for model 'gine'; its options are: .*num_layers"),
        (
            {"loss": "soap", "gamma": 1, "loss_gamma": 1},
            {},
            "loss_gamma: loss 'soap' already has this option from gamma",
        ),
        ({"model_": 1}, {}, "unknown option 'model_'"),
        ({"gamma": 1}, {}, "gamma: loss 'bce' and model 'gine' have no such option; it is an option of loss 'soap'"),
        ({"schedule": "compositional"}, {}, "schedule = 'compositional': expected a loss for the outer step"),
    ],
)
def test_invalid_settings_are_refused(settings: dict[str, object], base: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        build_config(settings, base)


def test_compositional_training_needs_no_pretraining() -> None:
    soap = {"loss": "soap"}
    assert build_config(soap).pretrain_epochs == 20
    config = build_config({**soap, "schedule": "compositional"})
    assert config.pretrain_epochs == 0
    assert build_config({**soap, "schedule": "compositional", "pretrain_epochs": 3}).pretrain_epochs == 3
    assert build_config({**soap, "schedule": "compositional"}, {"pretrain_epochs": 3}).pretrain_epochs == 3
    assert build_config(soap, {"schedule": "compositional"}).pretrain_epochs == 0
    assert build_config({}, config.to_dict()) == config


@pytest.mark.parametrize("dataset", ["nci-pains", "tolokers"])
def test_without_a_loss_it_is_cross_entropy_on_batches_with_half_positives(dataset: str) -> None:
    config = build_config({"dataset": dataset})
    assert (config.loss, config.sampler, config.sampling_rate) == ("bce", "balanced", 0.5)
    assert build_config({}, config.to_dict()) == config
    assert build_config({"sampler": "shuffle", "dataset": dataset}).sampler == "shuffle"
    for settings in ({"loss": "bce"}, {"loss": "soap"}, {"dataset": "musk1"}, {"dataset": "cora"}):
        assert build_config({"dataset": dataset, **settings}).sampler is None
    assert build_config({}, {"dataset": dataset, "loss": {"name": "bce"}}).sampler is None  # also one of an older run
    assert build_config({"model": "forest"}).sampler is None


def test_epochs_is_the_total() -> None:
    def epochs(**settings: object) -> tuple[int, int]:
        config = build_config(settings)
        return config.pretrain_epochs, config.main_epochs

    assert epochs() == (0, 40)
    assert epochs(loss="soap") == epochs(schedule="finetune") == (20, 20)
    assert epochs(loss="soap", epochs=3) == (1, 2)
    assert epochs(loss="soap", epochs=1) == (0, 1)
    assert epochs(epochs=10, pretrain_epochs=7) == (7, 3)
    assert epochs(loss="bce", epochs=3) == (0, 3)
    assert epochs(dataset="cora") == epochs(loss="soap", schedule="compositional") == (0, 20)
    with pytest.raises(OptionError, match="pretrain_epochs = 3: expected fewer than epochs = 3, which is the total"):
        epochs(epochs=3, pretrain_epochs=3)


def test_the_schedule_finetune_keeps_the_head_with_a_smaller_rate_and_few_positives() -> None:
    config = build_config({"schedule": "finetune", "lr": 0.01})
    assert (config.main_lr, config.sampling_rate) == (pytest.approx(0.003), 0.0625)
    own = build_config({"schedule": "finetune", "main_lr": 0.5, "sampling_rate": 0.25})
    assert (own.main_lr, own.sampling_rate) == (0.5, 0.25)
    assert build_config({}, config.to_dict()) == config
    back = build_config({"schedule": "two-stage"}, config.to_dict())
    assert (back.main_lr, back.sampling_rate, back.lr) == (None, 0.5, 0.01)
    assert build_config({"schedule": "finetune"}, {"sampling_rate": 0.3}).sampling_rate == 0.3


def test_what_follows_from_the_epochs_is_derived_anew_for_other_ones() -> None:
    base = build_config({"loss": "soap"}).to_dict()
    assert build_config({"epochs": 10}, base).pretrain_epochs == 5
    assert build_config({"epochs": 10}, {**base, "pretrain_epochs": 3}).pretrain_epochs == 3
    assert build_config({"loss": "bce"}, base).pretrain_epochs == 0


def test_runs_of_old_versions_counted_the_epochs_of_the_loss_only() -> None:
    written = {"epochs": 30, "pretrain_epochs": 20, "keep": "best", "lr_schedule": "cosine"}
    for old in (written, {"optimizer": written}, {**written, "training": "two-stage"}):
        config = build_config({}, old)
        assert (config.epochs, config.pretrain_epochs, config.main_epochs) == (50, 20, 30)
    assert build_config({}, {"loss": "soap", "training": "compositional", "epochs": 7}).schedule == "compositional"
    assert build_config({}, {"epochs": 30, "pretrain_epochs": 20}).epochs == 30  # written by hand


def test_the_metrics_that_can_select_are_those_of_a_run() -> None:
    (option,) = (option for option in options_of(TrainConfig) if option.name == "metric")
    assert option.choices == (*(name for name in METRICS if name != "tied"), *LIST_METRICS, "accuracy", *NUMBER_METRICS)
    assert option.nullable


def test_read_config(tmp_path: object) -> None:
    with pytest.raises(FileNotFoundError, match="no file"):
        read_config(f"{tmp_path}/none.toml")
    for content in (b"a = = 1", b"\xff\xfe\x00"):
        with open(f"{tmp_path}/bad.toml", "wb") as file:
            file.write(content)
        with pytest.raises(OptionError, match="is not valid TOML"):
            read_config(f"{tmp_path}/bad.toml")
    with open(f"{tmp_path}/bad.toml", "w") as file:
        file.write("[optimizer]\nlrr = 1\n")
    with pytest.raises(OptionError, match=r"unknown key 'optimizer.lrr' \(did you mean 'lr'\?\).*\(in .*bad.toml\)"):
        read_config(f"{tmp_path}/bad.toml")


def test_no_option_hides_a_setting_and_all_are_explained() -> None:
    fields = {option.name for option in options_of(TrainConfig)}
    for option in options_of(TrainConfig):
        assert option.help, option.name
    for part in ("loss", "model"):
        for name, cls in registry(part).items():
            for option in options_of(cls):
                assert option.name not in fields | {"config", "out", "resume", "debug"}, f"{name}: {option.name}"
                assert option.help, f"{name}: {option.name}"
