from xgraph.cli.catalogue import Part, load_catalogue
from xgraph.cli.help.generated import parameters, take_typed
from xgraph.options import Option

GAMMA = Option("gamma", float, 0.9, "Weight, in [0, 1]. And more.")
FAST = Option("fast", bool, True, "A switch.")
EPOCHS = Option("epochs", int, 20, "Epochs.")


def test_each_option_is_a_parameter_once() -> None:
    losses = {name: Part(name, "", (GAMMA, FAST)) for name in ("one", "two")}
    made = {param.name: param for param in parameters([EPOCHS], {"loss": losses}, prefixed=True)}
    assert set(made) == {f"option__{name}" for name in ("epochs", "gamma", "fast", "loss_gamma", "loss_fast")}
    gamma, fast = made["option__gamma"], made["option__fast"]
    assert gamma.opts == ["--gamma"]
    assert gamma.help == "Weight, in [0, 1]. [default: 0.9]"
    assert not gamma.hidden
    assert (fast.opts, fast.secondary_opts) == (["--fast"], ["--no-fast"])
    own = made["option__loss_fast"]
    assert (own.opts, own.secondary_opts, own.hidden) == (["--loss-fast"], ["--no-loss-fast"], True)
    assert len(parameters([EPOCHS], {"loss": losses}, prefixed=False)) == 3


def test_all_options_of_all_losses_can_be_typed() -> None:
    losses = load_catalogue().losses
    names = {param.name for param in parameters([], {"loss": losses}, prefixed=True)}
    for loss in losses.values():
        for option in loss.options:
            assert {f"option__{option.name}", f"option__loss_{option.name}"} <= names


def test_typed_options_are_taken_out_of_the_parameters() -> None:
    params = {"dataset": "x", "option__epochs": "3", "option__gamma": None, "option__standardize": False}
    assert take_typed(params) == {"epochs": "3", "standardize": False}
    assert params == {"dataset": "x"}


def test_a_list_that_is_given_in_parts_is_joined() -> None:
    params = {"option__logger": ["csv,wandb", "mlflow"], "option__features": []}
    assert take_typed(params) == {"logger": "csv,wandb,mlflow"}
