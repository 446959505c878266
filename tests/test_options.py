from dataclasses import dataclass
from typing import ClassVar, Literal

import pytest

from xgraph.options import Option, OptionError, nearest, options_of, parse_options


class Schedule:
    pass


class Base:
    """A base.

    Args:
        margin: Of the base.
        gamma: Weight of the new value;
            of the base: it is inherited.
    """


class Loss(Base):
    """A loss.

    Args:
        num_items: Not an option, it is positional.
        margin: How far apart
            two scores are.
        flag (bool): A switch.

    Raises:
        ValueError: never.
    """

    def __init__(
        self,
        num_items: int,
        *,
        margin: float = 1.0,
        gamma: float | Schedule = 0.1,
        surrogate: Literal["hinge", "squared"] = "hinge",
        weight: float | Literal["balanced"] | None = None,
        sizes: list[int] | None = None,
        flag: bool = False,
        groups: Schedule | None = None,
    ) -> None: ...


def option(name: str) -> Option:
    return next(o for o in options_of(Loss) if o.name == name)


def test_reads_simple_keyword_only_parameters() -> None:
    assert [o.name for o in options_of(Loss)] == ["margin", "gamma", "surrogate", "weight", "sizes", "flag"]
    assert option("margin") == Option("margin", float, 1.0, "How far apart two scores are.")
    assert option("gamma").help == "Weight of the new value; of the base: it is inherited."
    assert option("surrogate").choices == ("hinge", "squared")
    assert option("weight") == Option("weight", float, None, "", ("balanced",), nullable=True)
    assert option("sizes").many
    assert option("flag").help == "A switch."


def test_reads_a_keyword_only_dataclass() -> None:
    @dataclass(kw_only=True)
    class Config:
        """C.

        Args:
            lr: Rate.
        """

        lr: float = 0.1

    assert options_of(Config) == [Option("lr", float, 0.1, "Rate.")]


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("margin", "2", 2.0),
        ("margin", 2, 2.0),
        ("weight", "balanced", "balanced"),
        ("weight", "none", None),
        ("weight", None, None),
        ("weight", "3.5", 3.5),
        ("sizes", "15,10, 5", [15, 10, 5]),
        ("sizes", [15, 10], [15, 10]),
        ("flag", "true", True),
        ("flag", False, False),
        ("surrogate", "squared", "squared"),
    ],
)
def test_parse(name: str, given: object, expected: object) -> None:
    value = option(name).parse(given)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("margin", "x"),
        ("margin", None),
        ("margin", True),
        ("margin", [1.0]),
        ("surrogate", "cubic"),
        ("surrogate", 1),
        ("weight", "heavy"),
        ("sizes", "1.5"),
        ("sizes", 3),
        ("sizes", [1.5]),
        ("sizes", float("inf")),
        ("sizes", [float("nan")]),
        ("flag", "maybe"),
    ],
)
def test_invalid_values_are_rejected(name: str, given: object) -> None:
    with pytest.raises(OptionError, match=f"{name} = .*expected "):
        option(name).parse(given)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("margin", "a number"),
        ("surrogate", "hinge or squared"),
        ("weight", "a number, balanced or none"),
        ("sizes", "an integer, or several separated by commas, or none"),
        ("flag", "true or false"),
    ],
)
def test_expected_values_are_described_in_words(name: str, expected: str) -> None:
    assert option(name).expected == expected


def test_parse_options_fills_defaults_and_reports_mistakes() -> None:
    values = parse_options(Loss, {"margin": "3"}, "loss 'x'")
    assert values["margin"] == 3.0
    assert values["gamma"] == 0.1
    assert "groups" not in values
    with pytest.raises(
        OptionError, match=r"unknown option 'marginn' for loss 'x' .*'margin'.*its options are: margin, gamma"
    ):
        parse_options(Loss, {"marginn": "3"}, "loss 'x'")
    with pytest.raises(OptionError, match="loss 'x': margin = 'a'"):
        parse_options(Loss, {"margin": "a"}, "loss 'x'")


def test_required_option() -> None:
    class Needs:
        """N."""

        def __init__(self, *, alpha: float) -> None: ...

    with pytest.raises(OptionError, match="alpha is required"):
        parse_options(Needs, {}, "loss 'n'")
    with pytest.raises(OptionError, match="its options are: alpha"):
        parse_options(Needs, {"beta": 1}, "loss 'n'")


def test_nearest_is_empty_without_a_close_match() -> None:
    assert nearest("zzz", ["gamma"]) == ""


def test_recipe_overrides_the_defaults_of_a_run():
    class Sharp(Loss):
        recipe: ClassVar[dict[str, object]] = {"margin": 3.0}

    def margins(cls):
        return [option.default for option in options_of(cls) if option.name == "margin"]

    assert margins(Sharp) == [3.0]
    assert margins(Loss) == [1.0]
    assert parse_options(Sharp, {}, "loss")["margin"] == 3.0
    assert parse_options(Sharp, {"margin": 1.0}, "loss")["margin"] == 1.0


class Narrow(Base):
    """A base.

    Args:
        width: How wide.
        depth: How deep.
    """

    def __init__(self, num: int, *, width: int = 3, depth: int = 2) -> None: ...


class Between(Narrow):
    """Has no `__init__`."""


class Wider(Between):
    """A class that hands options on.

    Args:
        height: How high.
    """

    def __init__(self, num: int, *, height: float = 1.0, depth: int = 5, **options: object) -> None: ...


class Closed(Wider):
    """One that does not."""

    def __init__(self, num: int, *, colour: str = "red") -> None: ...


class Mixin:
    """Another side of it.

    Args:
        gamma: Weight.
    """

    def __init__(self, *args: object, gamma: float = 0.1, **options: object) -> None: ...


class Both(Mixin, Wider):
    """Two bases."""


def test_class_with_kwargs_inherits_the_options_of_its_bases() -> None:
    options = options_of(Wider)
    assert [(o.name, o.default) for o in options] == [("width", 3), ("depth", 5), ("height", 1.0)]
    assert [o.help for o in options] == ["How wide.", "How deep.", "How high."]
    assert [o.name for o in options_of(Between)] == ["width", "depth"]
    assert [o.name for o in options_of(Closed)] == ["colour"]
    assert [o.name for o in options_of(Both)] == ["width", "depth", "height", "gamma"]
    assert parse_options(Both, {"depth": "4"}, "x") == {"width": 3, "depth": 4, "height": 1.0, "gamma": 0.1}
