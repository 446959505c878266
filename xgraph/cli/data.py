"""`xgraph data`: data sets and their files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from xgraph.cli.commands import PlainCommand, PlainGroup
from xgraph.cli.completion import complete_dataset
from xgraph.cli.text import paragraphs, wrapped

if TYPE_CHECKING:
    from xgraph.data.cards.schema import Card
    from xgraph.data.storage.root import Progress

app = typer.Typer(
    cls=PlainGroup, help="List, describe, download and verify data sets.", no_args_is_help=True, rich_markup_mode=None
)

_MANY = 13
"""Names that are listed in full."""

_HEADER = ("name", "kind", "items", "tasks", "positives", "metric", "in root")


@app.command("list", cls=PlainCommand)
def list_() -> None:
    """List the data sets, and which of them are downloaded (in root).

    The output is a table in a terminal, and tab-separated in a pipe.
    """
    from xgraph.data import list_cards

    rows = [_HEADER, *(_row(card) for card in list_cards())]
    if _terminal():
        from rich.console import Console
        from rich.table import Table

        table = Table(box=None, pad_edge=False, caption="More about one: xgraph data show NAME")
        for column in _HEADER:
            right = column in ("items", "tasks", "positives")
            table.add_column(column, no_wrap=True, justify="right" if right else "left")
        for row in rows[1:]:
            table.add_row(*row)
        Console().print(table)
    else:
        for row in rows:
            typer.echo("\t".join(row))


@app.command(cls=PlainCommand)
def show(
    name: Annotated[str, typer.Argument(help="Data set.", autocompletion=complete_dataset)],
    files: Annotated[
        bool, typer.Option("--files", help="Show the files too, with sizes, checksums and sources.")
    ] = False,
) -> None:
    """Show a data set: description, counts, tasks, splits, origin, licence and citation."""
    from xgraph.data import load_card
    from xgraph.data.storage.root import root

    card = load_card(name)
    folds = f" ({card.folds} folds)" if card.folds else ""
    splits = [split + (folds if split == "given" else "") for split in card.splits]
    typer.echo(f"{card.name}: {card.title}\n\n{paragraphs(card.description)}\n")
    _field("kind", {"graph": "molecules", "node": "nodes of a graph", "bag": "bags of instances"}[card.kind])
    _field("task", card.task)
    _field("metric", card.metric)
    for key, value in _counts(card):
        _field(key, value)
    if card.smiles_column:
        _field("SMILES column", card.smiles_column)
    _names("target columns" if card.smiles_column else "targets", card.target_columns)
    _field("splits", ", ".join(splits) + f"; default {card.splits[0]}")
    _field("origin", card.origin)
    _field("licence", card.licence)
    _field("cite", *card.citation.splitlines())
    _field("in root", f"{_presence(card)} ({root()})")
    if files:
        _show_files(card)
    elif card.files:
        size = sum(file.bytes for file in card.files) / 1e6
        count = len(card.files)
        _field(
            "files", f"{count} file{'s' * (count > 1)}, {size:,.1f} MB; --files lists {'them' if count > 1 else 'it'}"
        )


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
    from xgraph.data import load_card
    from xgraph.data.cards.named import names as all_names
    from xgraph.data.storage.root import mirror

    if every == bool(names):
        raise typer.BadParameter("expected names of data sets, or --all", param_hint="NAME")
    chosen = all_names() if every else list(names or [])
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
            typer.echo(f"error: {error}", err=True)
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

    Files in the root and in a mirror folder are checked. Files in neither count as absent, which is no error. OGB's
    data sets have no checksums: for them, only the presence of the expected release is checked.
    """
    from xgraph.data import verify as verify_files
    from xgraph.data.cards.named import names as all_names

    wrong = 0
    for name in names or all_names():
        checked = verify_files(name)
        counts = {state: sum(c.state == state for c in checked) for state in ("ok", "wrong", "absent")}
        wrong += counts["wrong"]
        typer.echo("\t".join([name, *(f"{count} {state}" for state, count in counts.items())]))
        for entry in checked:
            if entry.state == "wrong":
                typer.echo(f"error: {entry.place} is wrong: {entry.message}", err=True)
    if wrong:
        remedy = "`xgraph data fetch NAME` replaces those in the root"
        typer.echo(f"error: {wrong} wrong file{'s' * (wrong > 1)}; {remedy}", err=True)
        raise typer.Exit(1)


def _row(card: Card) -> tuple[str, ...]:
    if card.num_classes:
        positives = f"{card.num_classes} classes"
    else:
        positives = f"{card.positives} ({_percent(card)})" if card.positives else "-"
    tasks = str(len(card.target_columns))
    return (card.name, card.kind, str(card.items), tasks, positives, card.metric, _presence(card))


def _counts(card: Card) -> Iterator[tuple[str, str]]:
    """The numbers of items, edges, instances, features, labels and classes."""
    yield {"node": "nodes", "bag": "bags"}.get(card.kind, "items"), f"{card.items:,}"
    for key in ("edges", "instances", "features"):
        if getattr(card, key):
            yield key, f"{getattr(card, key):,}"
    if card.positives:
        yield "positives", f"{card.positives:,} of {card.labels:,} labels ({_percent(card)})"
    elif card.labels:
        yield "labels", f"{card.labels:,}"
    if card.num_classes:
        names = f" ({', '.join(card.class_names)})" if card.class_names else ""
        yield "classes", f"{card.num_classes}{names}"


def _percent(card: Card) -> str:
    return f"{100 * card.positives / card.labels:.2g}%"


def _presence(card: Card) -> str:
    from xgraph.data.storage.root import root

    if card.embedded:
        return "embedded"
    if card.ogb:
        from xgraph.data import verify

        return {"ok": "yes", "absent": "no", "wrong": "wrong"}[verify(card.name)[0].state]
    present = sum((root() / file.path).is_file() for file in card.files)
    return "yes" if present == len(card.files) else f"{present} of {len(card.files)} files" if present else "no"


def _field(key: str, *values: str) -> None:
    for i, value in enumerate(values):
        typer.echo(("" if i else key).ljust(16) + wrapped(value, 16)[16:])


def _names(key: str, names: Sequence[str]) -> None:
    """A field that holds names: one per line if they are few, else the first of them and how many there are."""
    few = names if len(names) <= _MANY else [*names[: _MANY - 1], f"and {len(names) - _MANY + 1} more"]
    _field(key, *few)


def _show_files(card: Card) -> None:
    for file in card.files:
        typer.echo(f"\n{file.path}")
        _field("  bytes", f"{file.bytes:,}")
        _field("  sha256", file.sha256)
        _field("  source", file.source_url)
        if file.derive:
            _field("  derived by", file.derive)
        if not file.source_sha256:
            _field("  source sha256", "not recorded; the derived file is checked")
        elif file.source_sha256 != file.sha256:
            _field("  source sha256", file.source_sha256)


def _terminal() -> bool:
    import sys

    return sys.stdout.isatty()


@contextmanager
def _progress() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    with Bars(console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("", total=None)

        def progress(done: int, total: int, what: str) -> None:
            bars.update(task, completed=done, total=total or None, description=what)

        yield progress
