"""Results of `predict` beside the columns of the table that was scored."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgraph.training.prediction.new_bags import NewBags
from xgraph.training.prediction.output.names import More, long_names

if TYPE_CHECKING:
    import pandas as pd


def beside(table: "pd.DataFrame", result: "pd.DataFrame", tasks: list[str], more: More | None = None) -> "pd.DataFrame":
    """Append the columns of a result under their long names to the table that was scored."""
    import pandas as pd

    columns = list(result.columns[1:])  # the first names the items, as a column of the table does
    predicted, error = columns[:1] == ["predicted"] and len(columns) > len(tasks), columns[-1:] == ["error"]
    scores = len(columns) - predicted - error - (0 if more is None else len(more.names()))
    kinds = {"spread": scores > len(tasks), "predicted": predicted, "error": error}
    names = long_names(tasks, map(str, table.columns), **kinds, more=more)
    first, last = [names.predicted] if predicted else [], [names.error] if error else []
    new = [*first, *names.scores, *names.spread, *names.more, *last]
    added = result.iloc[:, 1:].set_axis(new, axis=1)
    return pd.concat([table.set_axis(result.index), added], axis=1)


def as_table(items: Any, separator: str | None = None, encoding: str | None = None) -> "pd.DataFrame | None":
    """Return the table that was given: a data frame as it is, a file as text; None for anything else."""
    import pandas as pd

    from xgraph.data.tables.read import read_columns

    if isinstance(items, pd.DataFrame):
        return items
    if not isinstance(items, str | Path):
        return None
    columns = read_columns(items, separator=separator, encoding=encoding, keep_errors=True, allow_empty=True)
    return pd.DataFrame(dict(columns))


def table_of_bags(new: NewBags, separator: str | None = None, encoding: str | None = None) -> "pd.DataFrame | None":
    """Return the columns of a table of instances that have one value for each bag, in the order of the bags.

    Args:
        new: The bags and where they were read from.
        separator: What separates the cells of the table, if it was named.
        encoding: Its encoding, if it was named.
    """
    import pandas as pd

    from xgraph.data.tables.read import read_batches

    if new.source is None:
        return None
    place = {name: i for i, name in enumerate(new.names)}
    skipped = {new.bag_column, *new.features}
    values: dict[str, list[str | None]] | None = None
    for piece in read_batches(new.source, separator=separator, encoding=encoding):
        if values is None:
            values = {name: [None] * len(new.names) for name in piece if name not in skipped}
        bags = [place.get(cell.strip()) for cell in piece[new.bag_column]]
        values = {name: known for name, known in values.items() if _same(known, bags, piece[name])}
    return pd.DataFrame({new.bag_column: new.names, **(values or {})})


def _same(known: list[str | None], bags: list[int | None], cells: list[str]) -> bool:
    """Note the cell of each bag; whether no bag has two different ones."""
    for bag, cell in zip(bags, cells, strict=True):
        if bag is not None and known[bag] is None:
            known[bag] = cell
        elif bag is not None and known[bag] != cell:
            return False
    return True
