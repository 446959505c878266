"""Command-line options made from the parameters of classes: of the run, of each loss and of each model."""

import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Literal

import typer

from xgraph.options import Option, options_of

_MARK = "__"  # stands between the owner and the option in a parameter's name: several losses have a `gamma`


def training_options() -> list[Any]:
    """All options of `xgraph train` that come from classes, a help panel for each class. Imports torch.

    Those of losses and models are there with their owner in front too (`--loss-gamma`), which help does not list.
    """
    from xgraph.training.config.build import TrainConfig, registry

    parts: tuple[Literal["loss", "model"], ...] = ("loss", "model")
    parameters = []
    for option in options_of(TrainConfig):
        if option.name in parts:
            option = replace(option, choices=tuple(registry("loss" if option.name == "loss" else "model")))
        if option.name != "dataset":
            parameters.append(_parameter("run", option, "Training"))
    for part in parts:
        prefixed: dict[str, Option] = {}
        for name, cls in registry(part).items():
            panel = f"{part.capitalize()} {name}"
            options = options_of(cls)
            parameters += [_parameter(f"{part}_{name.replace('-', '_')}", option, panel) for option in options]
            prefixed |= {option.name: replace(option, name=f"{part}_{option.name}") for option in options}
        parameters += [_parameter("prefixed", option, "", hidden=True) for option in prefixed.values()]
    return _declared(parameters)


def pretraining_options() -> list[Any]:
    """All options of `xgraph pretrain` that come from classes, a help panel for each class. Imports torch."""
    from xgraph.training.config.build import registry
    from xgraph.training.pretraining.settings import OF_OBJECTIVE, PretrainConfig, pretrainable

    owner = {name: f"Objective {objective}" for objective, names in OF_OBJECTIVE.items() for name in names}
    models = pretrainable()
    parameters = []
    for option in options_of(PretrainConfig):
        if option.name == "model":
            option = replace(option, choices=tuple(models))
        if option.name != "datasets":
            parameters.append(_parameter("run", option, owner.get(option.name, "Pretraining")))
    for name in models:
        options = options_of(registry("model")[name])
        parameters += [_parameter(f"model_{name.replace('-', '_')}", option, f"Model {name}") for option in options]
    return _declared(parameters)


def _declared(parameters: list[inspect.Parameter]) -> list[Any]:
    """The parameters as typer makes them."""

    def declare() -> None: ...

    command: Callable[..., None] = declare
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    app = typer.Typer(add_completion=False)
    app.command()(command)
    return list(typer.main.get_command(app).params)


def take_typed(params: dict[str, Any]) -> dict[str, Any]:
    """Take the generated options out of a command's parameters; those that were typed, by their own names."""
    typed = {}
    for name in [name for name in params if _MARK in name]:
        value = params.pop(name)
        if value is not None:
            typed[name.split(_MARK, 1)[1]] = value
    return typed


def _parameter(owner: str, option: Option, panel: str, hidden: bool = False) -> inspect.Parameter:
    text = re.sub(r"``|:\w+:(?=`)", "", option.help)
    if option.default is not None and option.default is not inspect.Parameter.empty:
        default = str(option.default)
        text += f" [default: {default.lower() if option.type is bool else default}]"
    switch = option.type is bool
    flag = f"{option.flag}/--no-{option.flag.removeprefix('--')}" if switch else option.flag
    metavar = None if switch else option.metavar
    if metavar and option.nullable and owner != "run":  # a run's settings are none where they are not given
        metavar += "|none"
    kind: Any = bool if switch else str
    info = typer.Option(flag, metavar=metavar, help=text.replace("[", "\\["), rich_help_panel=panel, hidden=hidden)
    return inspect.Parameter(
        f"{owner}{_MARK}{option.name}",
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, info],
    )
