"""Files with the result of `xgraph.explain`: a table, a page, or a folder with pictures."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from xgraph.options import OptionError
from xgraph.training.files.writing import write_text
from xgraph.training.prediction.output.writing import check_format, write_predictions

if TYPE_CHECKING:
    import pandas as pd

TABLE = "attributions.csv"
"""The table in a folder."""


def form_of(out: Path) -> str:
    """Return how explanations are written to a path, "table", "page" or "folder", by its ending.

    Raises:
        OptionError: If the ending promises something else, or the path is of another kind.
    """
    if out.suffix.lower() in (".html", ".htm"):
        form = "page"
    elif out.is_dir() or not out.suffix:
        form = "folder"
    else:
        check_format(out, "out")
        form = "table"
    if form == "folder" and out.is_file():
        raise OptionError(f"out = {str(out)!r}: it is a file; expected a folder, or a name that ends in .csv or .html")
    return form


def write_explanations(frame: "pd.DataFrame", out: str | Path, title: str = "Explanations") -> None:
    """Write the result of :func:`~xgraph.explain`.

    Args:
        frame: The table.
        out: What to write, by its ending: a table (``.csv``, ``.tsv``, ``.parquet``, also ``.csv.gz`` and
            ``.csv.zst``), a page with the molecules drawn (``.html``), or a folder (no ending) with
            ``attributions.csv`` and one SVG per molecule and task.
        title: Heading of the page.

    Raises:
        OptionError: If the path has another ending, or a page is to show bags or nodes.

    Example:
        >>> import tempfile
        >>> import pandas as pd
        >>> rows = {"item": 0, "smiles": "CO", "task": "t", "part": "atom", "atom": [0, 1], "total": [0.5, -1.0]}
        >>> folder = Path(tempfile.mkdtemp()) / "drawn"
        >>> write_explanations(pd.DataFrame(rows), folder)
        >>> sorted(file.name for file in folder.iterdir())
        ['0_t.svg', 'attributions.csv']
    """
    out = Path(out)
    form = form_of(out)
    if form == "table":
        write_predictions(frame, out)
        return
    drawn = "smiles" in frame.columns and "atom" in frame.columns
    if form == "page":
        if not drawn:
            raise OptionError(
                f"out = {str(out)!r}: only molecules are drawn; expected a table such as .csv or .parquet"
            )
        from xgraph.explanations.drawing import page

        write_text(out, page(frame, title))
        return
    out.mkdir(parents=False, exist_ok=True)
    write_predictions(frame, out / TABLE)
    if drawn:
        from xgraph.explanations.drawing import draw

        for (item, task), picture in draw(frame).items():
            write_text(out / f"{item}_{re.sub(r'[^A-Za-z0-9_-]+', '-', task)[:60]}.svg", _alone(picture))


def _alone(picture: str) -> str:
    """Return a picture for a file, which has no text around it whose colour lines could have."""
    return picture.replace("<svg ", "<svg style='color: #000' ", 1) + "\n"
