"""Reading of bag tables, with one row per instance: its bag, the bag's labels and the instance's features."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xgraph.data.bags.dataset import BagDataset
from xgraph.data.bags.frame import bags_of_frame
from xgraph.data.bags.own_split import read_frames, split_bags, take_split_cells
from xgraph.data.bags.roles import BAG_NAMES, find_column
from xgraph.data.labels.rules import LabelRules
from xgraph.data.splits.own import OwnSplit
from xgraph.data.storage.root import Progress
from xgraph.data.tables.formats import stem
from xgraph.data.tables.frame import FrameTable, TablePath

if TYPE_CHECKING:
    from xgraph.data.molecules.standardize import AtomOrder

_USUAL = LabelRules()


def read_bags(
    path: TablePath,
    *,
    bag_column: str | None = None,
    target_columns: Sequence[str] | None = None,
    feature_columns: Sequence[str] | None = None,
    smiles_column: str | None = None,
    standardize: bool = False,
    require_targets: bool = True,
    name: str | None = None,
    metric: str | None = None,
    progress: Progress | None = None,
    rules: LabelRules = _USUAL,
    splitting: OwnSplit | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    atom_order: AtomOrder = "canonical",
) -> BagDataset:
    r"""Read a table of bags, with one row per instance in any order.

    The formats are those of `read_table`.

    Args:
        path: Path of the file, or a data frame.
        bag_column: Column that identifies the bag of a row; by default ``bag`` or ``bag_id``.
        target_columns: Columns with labels, equal in all rows of a bag (empty if unknown); by default ``label``, ``y``
            or ``target``. Numbers other than 0 and 1 are predicted as such (regression). With
            ``require_targets=False``, an empty list reads no labels.
        feature_columns: Columns with features, which must be numbers; by default all other columns.
        smiles_column: Column with SMILES. The instances are then molecular graphs, without other features.
        standardize: Whether to reduce each molecule to its largest fragment, neutralised.
        require_targets: Whether a file without a label column is an error.
        name: Name of the data set; by default the name of the file.
        metric: Metric for model selection; by default ap, accuracy for classes, rmse for numbers, r2 for several.
        progress: Called with ``(done, total, description)``.
        rules: Which cells mean active, inactive and missing, if not the usual ones.
        splitting: How to split the bags; by default the data set has no parts.
        separator: What separates the cells of a text file; by default it is recognised.
        encoding: Encoding of a text file; by default UTF-8, or UTF-16 if the file has a byte-order mark.
        atom_order: Order in which the atoms of molecules are read, ``"canonical"`` or ``"drawn"``.

    Returns:
        The bags in order of first appearance; `row` is the first data row of each bag.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the file is not a valid table, a column is missing or not numeric, a row has no bag, labels
            differ within a bag, or a feature is missing.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "three.csv"
        >>> _ = file.write_text("bag,label,size,mass\na,1,2.5,1\nb,0,0.5,1\na,1,3.5,2\n")
        >>> data = read_bags(file)
        >>> data, data.bag_names, data.y.tolist(), data.feature_names, data[0].instance.tolist()
        (BagDataset('three', bags=2, instances=3, features=2, tasks=1), ['a', 'b'], [[1.0], [0.0]],
         ['size', 'mass'], [0, 2])
    """
    path = path if isinstance(path, FrameTable) else Path(path)
    splitting = OwnSplit() if splitting is None else splitting
    needed = [*(target_columns or []), *(feature_columns or [])]
    texts = [column for column in (smiles_column, splitting.split_column) if column is not None]
    frame, files = read_frames(
        path, bag_column, texts, list(splitting.files.values()), needed, separator=separator, encoding=encoding
    )
    frame, split_cells = take_split_cells(frame, splitting.split_column, path)
    bags = bags_of_frame(
        frame,
        bag_column=bag_column,
        target_columns=target_columns,
        feature_columns=feature_columns,
        smiles_column=smiles_column,
        standardize=standardize,
        require_targets=require_targets,
        progress=progress,
        rules=rules,
        atom_order=atom_order,
    )
    data = BagDataset(**bags, name=stem(path) if name is None else name, metric=metric)
    data.files = files
    if splitting.split is not None or splitting.is_given:
        cells = frame[bag_column or find_column(list(frame.columns), BAG_NAMES)]
        data.splits = split_bags(data, list(cells), splitting, split_cells)
    return data
