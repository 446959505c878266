"""`xgraph data`: data sets and their files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from xgraph.cli.completion import complete_dataset
from xgraph.cli.help.cards import by_kind, card_text, card_values, full_row, table_row
from xgraph.cli.help.commands import PlainCommand, PlainGroup
from xgraph.cli.help.text import printable
from xgraph.messages import legible

if TYPE_CHECKING:
    from xgraph.data.storage.root import Progress

app = typer.Typer(
    cls=PlainGroup, help="List, describe, download and verify data sets.", no_args_is_help=True, rich_markup_mode=None
)

_HEADER = ("name", "predicts", "items", "metric", "licence", "from")
_FULL = ("name", "kind", "task", "items", "tasks", "positives", "metric", "licence", "from")


@app.command("list", cls=PlainCommand)
def list_(as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")] = False) -> None:
    """List the data sets by kind: what is predicted, size, licence, and where they come from.

    The last column says what can be had without a network: embedded in the package, downloaded before (root), in the
    folder XGRAPH_MIRROR (mirror), or only through the network. The output is a table in a terminal, and tab-separated,
    with further columns, in a pipe.
    """
    from xgraph.data import list_cards

    if as_json:
        typer.echo(json.dumps([card_values(card, brief=True) for card in list_cards()], indent=2))
        return
    groups = by_kind(list_cards())
    if _terminal():
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None, pad_edge=False, caption="More about one: xgraph data show NAME")
        for column in _HEADER:
            table.add_column(column, no_wrap=True, justify="right" if column == "items" else "left")
        for number, (kind, cards) in enumerate(groups.items()):
            if number:
                table.add_row("")
            table.add_row(f"[bold]{kind}[/bold]")
            for card in cards:
                table.add_row(*table_row(card))
        Console().print(table)
    else:
        for row in (_FULL, *(full_row(card) for cards in groups.values() for card in cards)):
            typer.echo("\t".join(row))


@app.command(cls=PlainCommand)
def show(
    name: Annotated[str, typer.Argument(help="Data set.", autocompletion=complete_dataset)],
    files: Annotated[
        bool, typer.Option("--files", help="Show the files too, with sizes, checksums and sources.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of this, and the files, as JSON.")] = False,
) -> None:
    """Show a data set: description, counts, tasks, splits, origin, licence and citation."""
    from xgraph.data import load_card

    if as_json:
        typer.echo(json.dumps(card_values(load_card(name)), indent=2))
        return
    typer.echo(printable(card_text(load_card(name), with_files=files)))


@app.command(cls=PlainCommand)
def fetch(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Data sets.", autocompletion=complete_dataset)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Fetch every data set, except OGB's large ones.")] = False,
) -> None:
    """Download data sets, from the mirror (XGRAPH_MIRROR) or their source, and replace damaged files.

    They are stored in the folder XGRAPH_ROOT, by default ~/.cache/xgraph.
    """
    from xgraph.data import fetch as fetch_files
    from xgraph.data import list_cards, load_card
    from xgraph.data.storage.root import mirror

    if every == bool(names):
        raise typer.BadParameter("expected names of data sets, or --all", param_hint="NAME")
    chosen = [card.name for card in list_cards()] if every else list(names or [])
    for name in chosen:
        if every and load_card(name).ogb:
            typer.echo(f"{name} is large and comes from OGB's server: fetch it by name", err=True)
            chosen = [other for other in chosen if other != name]
        load_card(name)  # an unknown name or a missing mirror is an error before anything is fetched
    mirror()
    failed = 0
    for name in chosen:
        try:
            with _progress() as progress:
                paths = fetch_files(name, progress=progress)
        except OSError as error:
            failed += 1
            typer.echo(f"error: {legible(str(error))}", err=True)
            continue
        for path in paths:
            typer.echo(str(path))
        if not paths:
            typer.echo(f"{name} is embedded: there is nothing to fetch", err=True)
    if failed:
        raise typer.Exit(1)


@app.command(cls=PlainCommand)
def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Data sets. [default: all]", autocompletion=complete_dataset),
    ] = None,
) -> None:
    """Check the checksums of downloaded files; exit code 1 if any is wrong.

    Files in the root and in a mirror folder are checked. Files in neither count as absent, which is no error. The
    files of OGB's data sets are compared with the checksums recorded when they were unpacked.
    """
    from xgraph.data import list_cards
    from xgraph.data import verify as verify_files

    wrong = 0
    for name in names or [card.name for card in list_cards()]:
        checked = verify_files(name)
        counts = {state: sum(c.state == state for c in checked) for state in ("ok", "wrong", "absent")}
        wrong += counts["wrong"]
        typer.echo("\t".join([name, *(f"{count} {state}" for state, count in counts.items())]))
        for entry in checked:
            if entry.state == "wrong":
                typer.echo(legible(f"error: {entry.place} is wrong: {entry.message}"), err=True)
    if wrong:
        remedy = "`xgraph data fetch NAME` replaces those in the root"
        typer.echo(f"error: {wrong} wrong file{'s' * (wrong > 1)}; {remedy}", err=True)
        raise typer.Exit(1)


def _terminal() -> bool:
    import sys

    return sys.stdout.isatty()


@contextmanager
def _progress() -> Iterator[Progress]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    with Bars(console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("", total=None)

        def progress(done: int, total: int, what: str) -> None:
            bars.update(task, completed=done, total=total or None, description=escape(what))

        yield progress
