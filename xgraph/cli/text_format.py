"""The options that say how a table of text is written, of the commands that read one."""

from typing import Annotated

import typer

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
