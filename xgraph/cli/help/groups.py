"""How the settings of a run are grouped in help, and which of them the short help shows."""

from collections.abc import Mapping

from xgraph.cli.catalogue import Catalogue
from xgraph.options import Option

Groups = dict[str, list[Option]]

DATA, PARTS, TRAINING, RUN = "Data", "Model and loss", "Training", "Run"
_OF_SECTION = {"data": DATA, "model": PARTS, "loss": PARTS, "constraints": PARTS}
_OF_RUN = ("seed", "seeds", "split_seed", "device", "precision", "threads", "devices", "nodes", "logger")
_ELSEWHERE = {
    "init": PARTS,
    "reference": PARTS,
    **dict.fromkeys(("retain", "retain_rho", "fair_tolerance", "fair_rho"), PARTS),
    **dict.fromkeys(_OF_RUN, RUN),
}

COMMON = (
    *("split", "split_column", "fold", "smiles_column", "target_columns", "bag_column", "num_neighbors", "instances"),
    *("model", "loss", "init"),
    *("epochs", "pretrain_epochs", "batch_size", "lr", "metric"),
    *("seed", "device"),
)
"""Settings that ``xgraph train --help`` shows; ``--help-all`` shows all."""

PRETRAINING = "Pretraining"


def training_groups(catalogue: Catalogue) -> Groups:
    """The settings of ``xgraph train``, by group."""
    groups: Groups = {DATA: [], PARTS: [], TRAINING: [], RUN: []}
    for section, options in catalogue.train.items():
        for option in options:
            groups[_ELSEWHERE.get(option.name, _OF_SECTION.get(section, TRAINING))].append(option)
    return groups


def pretraining_groups(catalogue: Catalogue) -> Groups:
    """The settings of ``xgraph pretrain``, by group."""
    groups: Groups = {PRETRAINING: [], RUN: []}
    for option in catalogue.pretrain[""]:
        groups[RUN if option.name in _OF_RUN else PRETRAINING].append(option)
    for objective, options in catalogue.pretrain.items():
        if objective:
            groups[f"Objective {objective}"] = list(options)
    return groups


def only(groups: Mapping[str, list[Option]], names: tuple[str, ...]) -> Groups:
    """The settings of some names, in the order of the names."""
    chosen = {
        title: sorted((one for one in options if one.name in names), key=lambda one: names.index(one.name))
        for title, options in groups.items()
    }
    return {title: options for title, options in chosen.items() if options}
