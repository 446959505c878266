import pytest

from xgraph.cli.generated import take_typed, training_options
from xgraph.options import options_of


class Other:
    """Another loss.

    Args:
        gamma: Weight, in [0, 1].
        beta: Share.
        fast: A switch.
    """

    def __init__(
        self, num_items: int, num_tasks: int = 1, *, gamma: float = 0.9, beta: float, fast: bool = True
    ) -> None: ...


def test_a_new_loss_brings_its_options(monkeypatch: pytest.MonkeyPatch) -> None:
    import xgraph.losses

    monkeypatch.setitem(xgraph.losses.LOSSES, "other-one", Other)
    params = training_options()
    names = [param.name for param in params]
    assert {"loss_other_one__gamma", "loss_soap__gamma", "run__epochs"} <= set(names)
    other = next(param for param in params if param.name == "loss_other_one__gamma")
    assert other.opts == ["--gamma"]
    assert other.help == "Weight, in \\[0, 1]. \\[default: 0.9]"
    assert other.rich_help_panel == "Loss other-one"
    assert next(p for p in params if p.name == "loss_other_one__fast").secondary_opts == ["--no-fast"]
    own = next(param for param in params if param.name == "prefixed__loss_beta")
    assert own.opts == ["--loss-beta"]
    assert own.hidden
    assert not other.hidden
    assert len([param for param in params if "--loss-gamma" in param.opts]) == 1
    assert next(p for p in params if p.name == "prefixed__loss_fast").secondary_opts == ["--no-loss-fast"]
    loss = next(param for param in params if param.name == "run__loss")
    assert "other-one" in loss.metavar
    assert len(options_of(Other)) == 3


def test_given_takes_what_was_typed() -> None:
    params = {
        "dataset": "x",
        "run__epochs": "3",
        "loss_a__gamma": None,
        "loss_b__gamma": "0.5",
        "run__standardize": False,
    }
    assert take_typed(params) == {"epochs": "3", "gamma": "0.5", "standardize": False}
    assert params == {"dataset": "x"}
