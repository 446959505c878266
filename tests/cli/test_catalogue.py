import inspect
import math

import pytest

from xgraph.cli.catalogue import FILE, collect, load_catalogue, to_json
from xgraph.cli.descriptions import descriptions
from xgraph.losses import LOSSES
from xgraph.nn import MODELS
from xgraph.options import options_of


class Other:
    """Another loss.

    Args:
        gamma: Weight of the :class:`Batch`, in [0, 1], or ``none`` (from Python also a schedule).
        beta: Share.
        fast: A switch.
    """

    def __init__(
        self, num_items: int, num_tasks: int = 1, *, gamma: float = 0.9, beta: float, fast: bool = True
    ) -> None: ...


def test_the_file_says_what_the_classes_say() -> None:
    assert FILE.read_text(encoding="utf-8") == to_json(collect()), "run `python -m xgraph.cli.catalogue`"


def test_the_file_reads_back_as_collected() -> None:
    assert load_catalogue() == collect()
    infinite = next(option for option in load_catalogue().losses["sopa-s"].options if option.name == "max_lag")
    assert math.isinf(float(str(infinite.default)))
    assert list(load_catalogue().losses) == list(LOSSES)
    assert list(load_catalogue().models) == list(MODELS)


def test_losses_registered_in_this_process_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LOSSES, "other-one", Other)  # type: ignore[arg-type]
    other = load_catalogue().losses["other-one"]
    assert [option.name for option in other.options] == [option.name for option in options_of(Other)]
    gamma, beta, _ = other.options
    assert gamma.help == "Weight of the Batch, in [0, 1], or `none`."
    assert beta.default is inspect.Parameter.empty
    monkeypatch.undo()
    assert "other-one" not in load_catalogue().losses


def test_a_shared_option_is_a_switch_everywhere_or_nowhere() -> None:
    catalogue = load_catalogue()
    switches: dict[str, set[bool]] = {}
    for part in (*catalogue.losses.values(), *catalogue.models.values()):
        for option in part.options:
            switches.setdefault(option.name, set()).add(option.type is bool)
    assert {name for name, kinds in switches.items() if len(kinds) > 1} == set()


def test_settings_and_options_of_parts_have_different_names() -> None:
    catalogue = load_catalogue()
    settings = {option.name for options in catalogue.train.values() for option in options}
    parts = (*catalogue.losses.values(), *catalogue.models.values())
    assert settings & {option.name for part in parts for option in part.options} == set()


@pytest.mark.parametrize(("part", "names"), [("loss", LOSSES), ("model", MODELS)])
def test_each_loss_and_model_is_described(part: str, names: dict[str, type]) -> None:
    known = descriptions()[part]
    assert set(known) == set(names)
    for name, one in known.items():
        assert len(one.summary) <= (46 if part == "loss" else 36), name
        assert one.text, name
        assert bool(one.short) == bool(one.paper), name
