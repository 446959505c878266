"""The commands, put together."""

from typing import Annotated

import typer

from xgraph.cli.data import app as data_app
from xgraph.cli.evaluate import evaluate
from xgraph.cli.predict import predict
from xgraph.cli.pretrain import PretrainCommand, pretrain
from xgraph.cli.reproduce import reproduce
from xgraph.cli.search import search
from xgraph.cli.train import TrainCommand, train

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(cls=TrainCommand)(train)
app.command(cls=PretrainCommand)(pretrain)
app.command()(predict)
app.command()(evaluate)
app.command()(reproduce)
app.command(cls=TrainCommand)(search)
app.add_typer(data_app, name="data")


def _version(requested: bool) -> None:
    if requested:
        from xgraph import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _xgraph(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="On an error, show where it came from.")] = False,
) -> None:
    """Train graph neural networks where labels are rare, and score molecules, nodes and bags with them."""
