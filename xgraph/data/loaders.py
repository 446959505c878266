"""The functions that load data sets of each kind, and the options that they take."""

from __future__ import annotations

from importlib import import_module
from typing import NamedTuple

from xgraph.data.cards.schema import Card


class Loader(NamedTuple):
    """The function that loads one kind of data set, and its options other than root and progress."""

    module: str
    function: str
    options: frozenset[str]

    def load(self, source: object, **options: object) -> object:
        """Load a data set."""
        return getattr(import_module(self.module), self.function)(source, **options)

    @property
    def takes_own_split(self) -> bool:
        """Whether the user can define the parts; the function then has the option `splitting`, an `OwnSplit`."""
        return "splitting" in self.options


def _loader(module: str, function: str, *options: str) -> Loader:
    return Loader(f"xgraph.data.{module}", function, frozenset(options))


RULES = ("missing", "positive", "active_above", "active_below", "task", "weight_column", "fair_column")
_DEFAULTS: tuple[object, ...] = ([], (), "drawn", "keep")  # of options that do not apply to all kinds
_TEXT = ("separator", "encoding")
FOLDS = ("folds", "stratified", "partition")
_REGISTERED = ("molecules", "nodes", "bags", "OGB nodes", "OGB graphs")
_MOLECULES = ("smiles_column", "target_columns", "standardize", "features", "atom_order")
_OWN_MOLECULES = ("duplicates", *_MOLECULES, *RULES, *_TEXT)
_BAG_TABLE = ("bag_column", "feature_columns", "smiles_column", "target_columns", "standardize", "atom_order")
_BAG_FOLDER = ("labels", "bag_column", "target_columns", "case_column")
_OWN_NODES = ("split", "splitting", "target_columns", "feature_columns", "fair_column", "task", "directed", "edges")
LOADERS = {
    "molecules": _loader("cards.molecules", "load_molecules", "split", "fold", "seed", *FOLDS, *_MOLECULES),
    "table of molecules": _loader("cards.molecules", "load_own_molecules", "splitting", *_OWN_MOLECULES),
    "nodes": _loader("nodes.load", "load_nodes", "split", "fold", "seed", "fair_column"),
    "own nodes": _loader("graphs.load", "load_own_nodes", *_OWN_NODES, *_TEXT),
    "bags": _loader("bags.load", "load_bags", "split", "fold", "seed", "target_columns"),
    "table of bags": _loader("bags.load", "load_own_bags", "splitting", *_BAG_TABLE, *RULES, *_TEXT),
    "folder of bags": _loader("bags.folder.load", "load_bag_folder", "splitting", *_BAG_FOLDER, *RULES, *_TEXT),
    "OGB nodes": _loader("ogb.load", "load_ogb_nodes"),
    "OGB graphs": _loader("ogb.load", "load_ogb_graphs"),
}
OWN_PARTS = ("split_column", "split_file", "valid", "test", "valid_fraction", *FOLDS)
OWN_SPLITS = {
    "table of molecules": ["scaffold", "scaffold-balanced", "cluster", "random"],
    "table of bags": ["stratified", "random"],
    "folder of bags": ["stratified", "random"],
    "own nodes": ["stratified", "random"],
}


def is_given(value: object) -> bool:
    """Whether an option of `load` has another value than its default."""
    return not (value is None or value is False or value in _DEFAULTS)


def form_of(card: Card) -> str:
    """Return the key of a card's loader."""
    if card.kind == "graph":
        return "molecules" if card.smiles_column else "OGB graphs"
    if card.kind == "node":
        return "OGB nodes" if card.ogb else "nodes"
    return "bags"


def why_not(option: str, label: str, form: str) -> str:
    """Explain why an option does not apply to a data set."""
    if option in OWN_PARTS:
        return f"the parts of {label!r} cannot be defined in this way, only those of a table of one's own"
    if option == "bag_column" or (option in (*RULES, *_TEXT) and form in _REGISTERED):
        return f"{label!r} is a registered data set, not a CSV file"
    if option in ("labels", "case_column"):
        return "it is for a folder of bags"
    if form == "folder of bags":
        return f"{label!r} is a folder of bags, whose features are in its files"
    if option in ("directed", "edges"):
        return f"it is for a graph of one's own, and {label!r} is none"
    if option == "feature_columns":
        return "it requires bag_column, or a graph of one's own"
    if form == "table of bags":
        return "with bag_column the table contains bags, not molecules"
    return f"{label!r} is not a table of molecules"
