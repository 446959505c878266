"""Options of the commands that read a table of items: its columns, how it is written, and where to compute."""

from typing import Annotated

import typer

from xgraph.cli.completion import DEVICES, choice

SmilesColumn = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Column with SMILES; by default that of the training, else detected."),
]
BagColumn = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Column that names the bag of each row; detected by default."),
]
Separator = Annotated[
    str | None,
    typer.Option(
        metavar="CHAR",
        help="What separates the cells: a character, or comma, tab, semicolon, space; detected by default.",
    ),
]
Encoding = Annotated[
    str | None, typer.Option(metavar="NAME", help="Encoding of the table, such as cp1252; UTF-8 by default.")
]
Device = Annotated[str, typer.Option(help="Where to compute.", **choice("device", *DEVICES))]
