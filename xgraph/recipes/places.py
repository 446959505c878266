"""Names of folders, and data sets by name or path, as recipes give them."""

import re

from xgraph.options import nearest
from xgraph.recipes.table import Table

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+-]*")


def folder_name(table: Table) -> str:
    """The `name` of a table, which names a folder too."""
    name: str = table.text("name")
    if not _NAME.fullmatch(name):
        raise table.refuse("name", name, "letters, digits, - and _, as it names a folder")
    return name


def dataset_at(table: Table, key: str, text: str) -> str:
    """A data set's name, or the absolute path of a file; a path in a recipe is one from its folder on."""
    from xgraph.data.cards.named import names

    if text in names():
        return text
    path = table.file.parent / text
    if path.is_file():
        return str(path.resolve())
    raise table.error(f"{key}: no data set {text!r}{nearest(text, names())}, and no file {path}")
