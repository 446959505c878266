"""`xgraph losses` and `xgraph models`: what there is, and the options of one."""

from collections.abc import Mapping
from typing import Annotated

import typer

from xgraph.cli.catalogue import Part, load_catalogue
from xgraph.cli.completion import complete_loss, complete_model
from xgraph.cli.descriptions import Description, descriptions
from xgraph.cli.help.options import meaning, term
from xgraph.cli.help.text import definitions, paragraphs, printable, section, table, wrapped
from xgraph.options import OptionError, nearest

KINDS = {
    "graph": ("molecules", "nci-pains"),
    "node": ("the nodes of a graph", "tolokers"),
    "bag": ("bags of instances", "digits-bags"),
}
"""What a kind of items is called, and a data set of it for the example."""

_LABELS = {
    "sigmoid": "0 and 1, for one or many tasks; some may be missing",
    "softmax": "one of several classes for each item",
    "identity": "numbers, for one or many targets; some may be missing",
}
_SAMPLERS = {
    "dual": "a fixed share of positives in each (`--sampler dual`)",
    "shuffle": "items in random order (`--sampler shuffle`)",
    "group": "several groups in each (`--sampler group`)",
}


def losses(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A loss.", autocompletion=complete_loss, show_default=False)
    ] = None,
) -> None:
    """List the losses, or describe one and its options."""
    known = load_catalogue().losses
    if name is not None:
        typer.echo(printable(part_text("loss", _find("loss", name, known))))
        return
    rows = [[one, _about("loss", one).summary, _about("loss", one).short] for one in known]
    typer.echo(table([["name", "optimises", "paper"], *rows]))
    typer.echo("\nOptions, description and an example of one: xgraph losses NAME")


def models(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A model.", autocompletion=complete_model, show_default=False)
    ] = None,
) -> None:
    """List the models, or describe one and its options."""
    known = load_catalogue().models
    if name is not None:
        typer.echo(printable(part_text("model", _find("model", name, known))))
        return
    for kind, (noun, _) in KINDS.items():
        parts = [one for one in known.values() if kind in one.kinds]
        rows = [[one.name, _about("model", one.name).summary, _about("model", one.name).short] for one in parts]
        typer.echo(printable(f"For {noun}:\n{table(rows, indent=2)}\n"))
    typer.echo(wrapped("For molecules, --model auto keeps gine, a forest or the mean of their ranks, by validation."))
    typer.echo("Options, description and an example of one: xgraph models NAME")


def part_text(part: str, one: Part) -> str:
    """What a loss or model is, its options and an example."""
    about = _about(part, one.name)
    rows = [*facts(part, one), *([("", about.link)] if about.link else []), ("Python", one.python)]
    options = [(term(option, True), meaning(option, True)) for option in one.options]
    blocks = [wrapped(f"{one.name}: {about.summary}"), paragraphs(about.text), definitions(rows, indent=0)]
    if options:
        blocks.append(section("Options", definitions(options)))
    blocks.append(section("Example", f"  {example(part, one)}"))
    return "\n\n".join(block for block in blocks if block)


def facts(part: str, one: Part) -> list[tuple[str, str]]:
    """What a loss or model is for, and its paper last."""
    if part == "loss":
        rows = [("labels", _LABELS[one.link]), ("batches", _SAMPLERS[one.sampler])]
    else:
        rows = [("for", " and ".join(KINDS[kind][0] for kind in one.kinds))]
    paper = _about(part, one.name).paper
    return [*rows, ("paper", paper)] if paper else rows


def example(part: str, one: Part) -> str:
    """A command that trains with a loss or model."""
    of_link = {"softmax": "cora", "identity": "ogbg-molesol"}
    dataset = of_link.get(one.link) or KINDS[one.kind or "graph"][1]
    return f"xgraph train {dataset} --{part} {one.name}"


def _about(part: str, name: str) -> Description:
    return descriptions()[part].get(name) or Description(summary="", text="")


def _find(part: str, name: str, known: Mapping[str, Part]) -> Part:
    if name not in known:
        raise OptionError(f"unknown {part} {name!r}{nearest(name, known)}; choose from {', '.join(known)}")
    return known[name]
