"""Command-line options made from the catalogue: settings of a run, and the options of losses and models."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any

import typer

from xgraph.cli.catalogue import Part
from xgraph.cli.completion import completer
from xgraph.cli.help.options import brief, values
from xgraph.options import Option

_MARK = "__"  # stands between a prefix and the option in a parameter's name: it may be called as an argument is


def parameters(settings: Iterable[Option], parts: Mapping[str, Mapping[str, Part]], prefixed: bool) -> list[Any]:
    """All parameters of a command that come from the catalogue, each option once.

    Args:
        settings: Settings of the run.
        parts: Losses and models, by name, under "loss" and "model".
        prefixed: Whether options of losses and models can be given with their owner in front, as in --loss-gamma.
    """
    visible = {option.name: option for option in settings}
    hidden: dict[str, Option] = {}
    for part, known in parts.items():
        for option in (option for owner in known.values() for option in owner.options):
            visible.setdefault(option.name, option)
            if prefixed:
                hidden.setdefault(f"{part}_{option.name}", replace(option, name=f"{part}_{option.name}"))
    made = [_parameter(option) for option in visible.values()]
    return _declared([*made, *(_parameter(option, hidden=True) for option in hidden.values())])


def take_typed(params: dict[str, Any]) -> dict[str, Any]:
    """Take the generated options out of a command's parameters; those that were typed, by their own names."""
    typed = {}
    for name in [name for name in params if _MARK in name]:
        value = params.pop(name)
        if value not in (None, [], ()):  # a list that is given in parts is the same as one with commas
            typed[name.split(_MARK, 1)[1]] = ",".join(value) if isinstance(value, list | tuple) else value
    return typed


def _declared(parameters: Iterable[inspect.Parameter]) -> list[Any]:
    """The parameters as typer makes them."""

    def declare() -> None: ...

    command: Callable[..., None] = declare
    command.__signature__ = inspect.Signature(list(parameters))  # type: ignore[attr-defined]
    app = typer.Typer(add_completion=False)
    app.command()(command)
    return list(typer.main.get_command(app).params)


def _parameter(option: Option, hidden: bool = False) -> inspect.Parameter:
    switch = option.type is bool
    info = typer.Option(
        f"{option.flag}/--no-{option.flag.removeprefix('--')}" if switch else option.flag,
        metavar=None if switch else values(option),
        help=brief(option),
        hidden=hidden,
        autocompletion=None if switch else completer(option),
    )
    kind: Any = bool if switch else list[str] if option.many else str
    annotation = Annotated[kind | None, info]
    name = f"option{_MARK}{option.name}"
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
