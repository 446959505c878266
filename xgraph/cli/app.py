"""The commands, put together."""

from typing import Annotated

import typer

from xgraph.cli.data import app as data_app
from xgraph.cli.embed import embed
from xgraph.cli.evaluate import evaluate
from xgraph.cli.export import export
from xgraph.cli.help.catalogue_commands import PretrainCommand, SearchCommand, TrainCommand
from xgraph.cli.help.commands import PlainCommand, PlainGroup
from xgraph.cli.insight.explain import explain
from xgraph.cli.insight.report import report
from xgraph.cli.insight.show import show
from xgraph.cli.parts import losses, models
from xgraph.cli.predict import predict
from xgraph.cli.pretrain import pretrain
from xgraph.cli.reproduce import reproduce
from xgraph.cli.runs import runs
from xgraph.cli.search import search
from xgraph.cli.train import train
from xgraph.distributed.environment import place
from xgraph.options import OptionError

app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(cls=TrainCommand)(train)
app.command(cls=PlainCommand)(predict)
app.command(cls=PlainCommand)(evaluate)
app.command(cls=PlainCommand)(embed)
app.command(cls=PlainCommand)(explain)
app.command(cls=PlainCommand)(export)
app.command(cls=SearchCommand)(search)
app.command(cls=PretrainCommand)(pretrain)
app.command(cls=PlainCommand)(report)
app.command(cls=PlainCommand)(runs)
app.command(cls=PlainCommand)(show)
app.command(cls=PlainCommand)(reproduce)
app.command(cls=PlainCommand)(losses)
app.command(cls=PlainCommand)(models)
app.add_typer(data_app, name="data")


def _version(requested: bool) -> None:
    if requested:
        from xgraph import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _xgraph(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Train graph neural networks and multi-instance models on rare labels, and predict with them."""
    here = place()
    if here is not None and here.starter == "torchrun" and ctx.invoked_subcommand not in (None, "train"):
        raise OptionError(
            f"xgraph {ctx.invoked_subcommand} runs in one process, but torchrun has started {here.world_size}; only "
            "`xgraph train` uses several"
        )
