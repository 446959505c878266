"""Options of losses: invalid values are rejected, and the limits of valid ranges work."""

import re

import pytest
import torch

from tests.losses.cases import BY_TASK, NAN, build, data, options_of

HUGE = [float("inf"), 1e30, NAN, 0.0, -1.0, 1e-40]
WRONG = (
    [("activation", "tanh"), ("surrogate", "cubic"), ("gamma", 0.0), ("gamma", 1.5), ("task_gamma", 0.0)]
    + [(name, value) for name in ("margin", "epsilon") for value in HUGE]
    + [(f"{which}temperature", value) for which in ("", "pos_", "neg_", "min_") for value in HUGE]
    + [(name, value) for name in ("dual_lr", "temperature_lr", "pos_weight") for value in [*HUGE[:3], 0.0, -1.0]]
    + [(name, value) for name in ("rho", "focusing") for value in (-1.0, NAN, float("inf"))]
    + [(name, value) for name in ("max_fpr", "alpha") for value in (0.0, 1.5, NAN)]
    + [("max_lag", value) for value in (-1.0, 0.0, NAN)]
    + [("min_tpr", value) for value in (-0.1, 1.0, NAN)]
)
NUMBERS = ["margin", "gamma", "task_gamma", "max_lag", "dual_lr", "max_fpr", "min_tpr", "alpha", "epsilon", "rho"]
NUMBERS += ["pos_weight", "focusing", "temperature_lr"]
NUMBERS += [f"{which}temperature" for which in ("", "pos_", "neg_", "min_")]


def owners(option):
    """The losses that have an option, and how it appears elsewhere."""
    names = [name for name in BY_TASK if option in options_of(name)]
    assert names
    return names, {"surrogate": "squared_hinge"} if option == "margin" else {}


def test_errors_name_options_out_of_range():
    for option, value in WRONG:
        names, others = owners(option)
        for name in names:
            with pytest.raises(ValueError, match=rf"^{option} .*, got {re.escape(repr(value))}"):
                build(name, **others, **{option: value})


@pytest.mark.parametrize("value", [None, "0.3", [1.0]], ids=["none", "text", "list"])
def test_errors_name_options_of_the_wrong_type(value):
    for option in NUMBERS:
        if value is None and option in ("task_gamma", "max_lag"):
            continue  # a valid value
        names, others = owners(option)
        for name in names:
            with pytest.raises(TypeError, match=f"^{option} .*must be a number, got "):
                build(name, **others, **{option: value})


def test_errors_name_gamma_schedules_out_of_range():
    for name in owners("gamma")[0]:
        with pytest.raises(ValueError, match=r"gamma .*\(0, 1\], got 0.0"):
            build(name, gamma=lambda epoch: 0.0)
        loss_fn = build(name, gamma=lambda epoch: 1.0 - epoch)
        with pytest.raises(ValueError, match=r"gamma .*\(0, 1\], got 0.0"):
            loss_fn.set_epoch(1)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("auc-margin", {"dual_lr": 2.5}, r"dual_lr must lie in \(0, 2\], got 2\.5"),  # α would oscillate
        ("kl-dro", {"learnable": True, "temperature": 0.05, "min_temperature": 0.1}, "min_temperature .*0.05, got 0.1"),
        ("focal", {"alpha": 1.0}, r"alpha must lie in \(0, 1\), got 1"),
        ("focal", {"focusing": -1.0}, r"focusing must lie in \[0, 1e\+06\], got -1"),
        ("bce", {"pos_weight": 0.0}, r"pos_weight must lie in \(0, 1e\+06\], got 0"),
    ],
)
def test_ranges_specific_to_one_loss(name, options, message):
    with pytest.raises(ValueError, match=message):
        build(name, **options)


@pytest.mark.parametrize("name", ["sopa-s", "sota-s", "kl-dro"])
def test_max_lag_bounds_the_state(name):
    """After an extreme batch, a logarithm is at most 3 above its newest estimate."""
    loss_fn = build(name, 2, gamma=0.1, max_lag=3.0).double()
    fresh = build(name, 2).double()
    target, ordinary = torch.tensor([1.0, 0.0]), torch.zeros(2).double()
    loss_fn(torch.tensor([-12.0 if name == "kl-dro" else -3.0, 0.0]).double(), target, torch.arange(2))
    for one in (loss_fn, fresh):
        one(ordinary, target, torch.arange(2))
    assert loss_fn.track.value[0].item() == pytest.approx(fresh.track.value[0].item() + 3, abs=1e-9)


EXTREMES = [
    {"margin": 1e6},
    {"margin": 1e-6},
    {"temperature": 1e-6, "min_temperature": 1e-6},
    {"temperature": 1e6},
    {"pos_temperature": 1e-6, "neg_temperature": 1e-6},
    {"pos_temperature": 1e-6, "neg_temperature": 1e6},
    {"epsilon": 1e-6},
    {"epsilon": 1e6},
    {"pos_weight": 1e6},
    {"focusing": 1e6},
    {"max_lag": 100.0},
    {"max_lag": 800.0},
]


@pytest.mark.parametrize("options", EXTREMES, ids=lambda options: ",".join(f"{k}={v:g}" for k, v in options.items()))
def test_losses_are_finite_at_the_ends_of_the_ranges(options):
    """Also with the largest logits."""
    for name in BY_TASK:
        if set(options) <= set(options_of(name)):
            more = {"surrogate": "squared_hinge"} if "margin" in options else {}
            loss_fn = build(name, **options, **more)
            for seed in range(4):
                logits, target, index = data(seed=seed)
                wild = (logits.detach() * (1e15 / 4 if seed == 2 else 1.0)).clamp(-1e15, 1e15).requires_grad_()
                loss = loss_fn(wild, target, index)
                loss.backward()
                assert loss.isfinite()
                assert wild.grad.isfinite().all()
            assert all(value.isfinite().all() for value in loss_fn.state_dict().values())
