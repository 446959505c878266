"""`load`: loads a registered data set or a user's table, with splits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from xgraph.data.cards.named import load_card
from xgraph.data.cards.schema import Card
from xgraph.data.labels.rules import LabelRules
from xgraph.data.loaders import LOADERS, OWN_PARTS, OWN_SPLITS, RULES, form_of, is_given, why_not
from xgraph.data.recognise import Kind, recognise
from xgraph.data.requested import as_table, check_fold, own_split, own_table
from xgraph.data.splits.own import GIVEN, WHOLE
from xgraph.data.storage.root import Progress
from xgraph.data.storage.root import root as root_folder
from xgraph.data.tables.formats import stem
from xgraph.messages import shown

if TYPE_CHECKING:
    import pandas as pd

    from xgraph.data.bags.dataset import BagDataset
    from xgraph.data.molecules.dataset import MoleculeDataset
    from xgraph.data.nodes.dataset import NodeDataset
    from xgraph.data.ogb.graphs import GraphDataset

Split = Literal["given", "scaffold", "scaffold-balanced", "cluster", "stratified", "random", "whole"]


def load(
    name: str | Path | pd.DataFrame,
    *,
    fold: int | None = None,
    split: Split | None = None,
    root: str | Path | None = None,
    seed: int = 0,
    smiles_column: str | None = None,
    target_columns: Sequence[str] | None = None,
    bag_column: str | None = None,
    feature_columns: Sequence[str] | None = None,
    standardize: bool = False,
    features: Sequence[str] | None = None,
    kind: Kind | None = None,
    task: Literal["binary", "multiclass", "regression"] | None = None,
    missing: Sequence[str] = (),
    positive: str | None = None,
    active_above: float | None = None,
    active_below: float | None = None,
    labels: str | Path | None = None,
    case_column: str | None = None,
    split_column: str | None = None,
    split_file: str | Path | None = None,
    valid: str | Path | None = None,
    test: str | Path | None = None,
    valid_fraction: float | None = None,
    folds: int | None = None,
    stratified: bool = False,
    partition: int | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    directed: bool | None = None,
    edges: str | Path | None = None,
    atom_order: Literal["canonical", "drawn"] | None = None,
    weight_column: str | None = None,
    fair_column: str | None = None,
    duplicates: Literal["keep", "mean", "first", "drop", "error"] = "keep",
    progress: Progress | None = None,
) -> MoleculeDataset | NodeDataset | GraphDataset | BagDataset:
    """Load a data set by name, from a CSV file or from a data frame, fetching its files if necessary.

    Args:
        name: Name of a registered data set (see `list_cards`), path of a CSV file, or a pandas DataFrame, which is read
            like a file with the same columns.
        fold: Number of the published fold; by default the first. For a file of one's own, the fold to test on; the
            next one is the validation part, the others are the training part.
        split: ``"given"`` (published with the data). For molecules also ``"scaffold"`` (Bemis-Murcko scaffolds,
            80/10/10) or ``"random"`` (80/10/10, by `seed`). For nodes and bags also ``"stratified"`` (60/20/20 of each
            class, the same for every seed) or ``"random"`` (60/20/20 of each class, by `seed`). The default is the
            first one on the data set's card, scaffold for a CSV file of molecules and stratified for one of bags. For
            a CSV file of molecules, ``"scaffold"`` does not depend on the order of the rows, ``"random"`` is
            stratified by class, and there are ``"scaffold-balanced"`` (whole scaffolds in random order, stratified by
            class) and ``"cluster"`` (the same with clusters of similar fingerprints), both by `seed`. With
            ``"whole"``, a file is a test part as a whole.
        root: Folder for fetched and computed files; by default ``XGRAPH_ROOT`` or ``~/.cache/xgraph``.
        seed: Seed of the random split.
        smiles_column: Column with SMILES in a CSV file; by default it is detected. With `bag_column`, instances are
            these molecules.
        target_columns: Columns with labels; for a registered data set, a selection of its tasks.
        bag_column: Column that identifies the bag of each row. The CSV file then contains bags, with one row per
            instance; all columns other than the bag and the labels are features (see `read_bags`).
        feature_columns: Columns with features, if not all of these.
        standardize: Whether to reduce each molecule to its largest fragment, neutralised.
        features: Additional features of molecules: rdkit, morgan, maccs, torsion or minimol (see `describe`).
        kind: What a file of one's own holds: molecules ("graph"), the nodes of a graph ("node") or bags ("bag"); by
            default it is recognised.
        task: Whether labels are 0 and 1 for each task ("binary"), classes that exclude each other ("multiclass") or
            numbers to predict ("regression"); by default it is recognised, classes only for graphs.
        missing: Cells of the label columns of a file that mean a missing label, beside the usual ones (see
            `LabelRules`, also for the next three).
        positive: Cell that means active; other cells of its column mean inactive.
        active_above: Numbers above this threshold mean active.
        active_below: Numbers below this threshold mean active.
        weight_column: Column with the weight of each row in the loss, 0 or more.
        fair_column: Column with the group of each row, for which error rates are compared.
        labels: The table of labels of a folder of bags (see `read_bag_folder`); by default ``labels.csv`` in it.
        case_column: Its column that says which bags belong together, such as the slides of a patient, and stay in the
            same part of a split; by default one called ``case``, ``case_id`` or ``patient``.
        split_column: Column of a file of one's own with the words train, valid (validation, val, dev) and test, or
            with fold numbers. Rows with a blank cell are in no part.
        split_file: File with numbers of data rows, counted from 0 without the header: npz with the arrays train, valid
            and test, or CSV with such columns.
        valid: File with the same columns that is the validation part; `name` is then the training part.
        test: File with the same columns that is the test part; `name` is then the training part.
        valid_fraction: Share of the training part to validate on, drawn at random from each class (the same for every
            seed), if parts of one's own have no validation part.
        folds: Number of folds to draw, for `fold`: by `split`, with whole scaffolds or clusters together unless it is
            random. Bags are stratified by class. Of registered data sets, those of molecules have this option.
        stratified: Whether folds of whole scaffolds or clusters have about the same share of each class.
        partition: Which of the random partitions into `folds` to draw, from 0 (the default).
        separator: What separates the cells of a text file: a character, or comma, tab, semicolon or space; by default
            it is recognised.
        encoding: Encoding of a text file; by default UTF-8, or UTF-16 if the file has a byte-order mark.
        directed: For a graph of one's own: whether to take the directions of edges as they are listed, or both
            directions of each; by default as its format says, and both for tables.
        edges: Table of edges, if `name` is a table of nodes.
        atom_order: Order in which the atoms of molecules are read: ``"drawn"`` (by default for registered data sets,
            as in OGB) or ``"canonical"`` (by default for a file of one's own), in which the graph of a molecule does
            not depend on how its SMILES is written.
        duplicates: What to do with rows of a file of one's own that are the same molecule (see `identities`), which are
            counted in a warning. ``"keep"`` all; ``"mean"``: one row for each molecule with the label of most of its
            rows, missing if as many say 0 as 1, or the mean of its numbers; ``"first"``: the first row of each;
            ``"drop"``: none of a molecule whose rows have opposite labels or different numbers; ``"error"``. In parts
            of one's own, within each part.
        progress: Called with ``(done, total, description)`` during long steps.

    Returns:
        A `MoleculeDataset`, `NodeDataset` or `BagDataset`, or a `GraphDataset` for graphs other than molecules, with
        the splits train, valid and test.

    Raises:
        ValueError: If the name is unknown (the message suggests the closest name), a split, fold or column does not
            exist, or an option does not apply to this kind of data set.
        FileNotFoundError: If the CSV file does not exist.
        FetchError: If a file cannot be fetched or has the wrong checksum.

    Example:
        >>> dataset = load("nci-pains")
        >>> dataset.kind, dataset.num_tasks, len(dataset)
        ('graph', 1, 4991)
    """
    table = as_table(name)
    if table is None and not isinstance(name, str | Path):
        raise TypeError(
            f"name must be the name of a data set, the path of a CSV file or a DataFrame, got {shown(name)} "
            f"({type(name).__name__})"
        )
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed must be a non-negative integer, got {seed!r}")
    kinds = None
    if features:
        from xgraph.data.molecules.features.describe import check_kinds

        kinds = check_kinds(features)
    given = next((value for value in (separator, encoding) if value is not None), None)
    if table is not None and given is not None:
        raise ValueError(f"separator and encoding are for text files, but {table} was given; got {given!r}")
    path = table or own_table(name)
    source = load_card(str(name)) if path is None else path
    options: dict[str, object] = {
        "bag_column": bag_column,
        "feature_columns": feature_columns,
        "smiles_column": smiles_column,
        "target_columns": target_columns,
        "standardize": standardize,
        "features": kinds,
        "task": task,
        "missing": missing,
        "positive": positive,
        "active_above": active_above,
        "active_below": active_below,
        "weight_column": weight_column,
        "fair_column": fair_column,
        "labels": labels,
        "case_column": case_column,
        "separator": separator,
        "encoding": encoding,
        "directed": directed,
        "edges": edges,
        "atom_order": atom_order,
        "duplicates": duplicates,
    }
    parts = (split_column, split_file, valid, test, valid_fraction, folds, stratified, partition)
    own = dict(zip(OWN_PARTS, parts, strict=True))
    if isinstance(source, Card):
        form, label, splits = form_of(source), source.name, source.splits
        published = source.folds if (split or splits[0]) == "given" else 0
    else:
        known = {**options, "kind": kind, "task": task or "binary"}  # only the form is asked for
        form = recognise(source if isinstance(source, Path) else None, known).loader
        if isinstance(source, Path) and source.is_dir() and form.startswith("table"):
            raise ValueError(
                f"{str(name)!r} is a folder; expected the name of a data set or a CSV file, or a folder with nodes.csv "
                "and edges.csv, or with a table of labels and a file for each bag"
            )
        label, splits, published = stem(source) or str(source), OWN_SPLITS[form], 0
    loader = LOADERS[form]
    taken = loader.options | (own.keys() if loader.takes_own_split else set())
    for option, value in {**options, **own}.items():
        if is_given(value) and option not in taken:
            raise ValueError(f"{option}={value!r} cannot be used: {why_not(option, label, form)}")
    if loader.takes_own_split:
        options["split"] = split
        if form == "own nodes" and split == GIVEN and not any(value is not None for value in parts[:6]):
            options["splitting"] = own_split(None, form, label, fold=fold, seed=seed, **own)  # its file has parts
        else:
            options["splitting"] = own_split(split, form, label, fold=fold, seed=seed, **own)
    else:
        if folds is not None:
            splits, published = [way for way in splits if way != GIVEN], folds
        chosen = splits[0] if split is None or (split == WHOLE and not isinstance(source, Card)) else split
        if chosen not in splits:
            raise ValueError(f"split must be one of {', '.join(splits)} for {label!r}, got {split!r}")
        check_fold(fold, published, label, chosen)
        options |= {"split": chosen, "fold": fold, "seed": seed}
        options |= {"folds": folds, "stratified": stratified, "partition": partition}
    with_rules = loader.options.issuperset(RULES)
    used = {option: options[option] for option in loader.options if not (with_rules and option in RULES)}
    if with_rules:
        used["rules"] = LabelRules(missing, positive, active_above, active_below, task, weight_column, fair_column)
    return cast("MoleculeDataset", loader.load(source, **used, root=root_folder(root), progress=progress))
