"""What follows from the kind of a data set: default settings, and which models and losses apply."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from xgraph.options import OptionError
from xgraph.training.config.sections import LossChoice, ModelChoice

if TYPE_CHECKING:
    from xgraph.losses import Loss
    from xgraph.nn import Model

NOUNS = {"graph": "molecules", "node": "nodes", "bag": "bags"}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "graph": {"sampler": "balanced"},
    "node": {"model": "sage", "sampler": "balanced", "batch_size": 512, "lr": 0.01, "groups": "label"},
    "bag": {"model": "attention", "batch_size": 16, "groups": "label"},
}
RECOGNISED = ("kind", "task")
"""Settings that say what a data set holds, so that a configuration's values do not apply to another one."""

_SEVERAL_TYPES = ("ogbn-mag",)  # heterogeneous graphs; the cards do not record this


class DatasetTraits(NamedTuple):
    """What is known about a data set before it is loaded.

    Args:
        kind: What a model predicts for: "graph", "node" or "bag".
        several_classes: Whether the labels are mutually exclusive classes.
        obstacle: Why no model supports the data set; empty if one does.
        registered: Whether it is a registered data set rather than a file.
        task: What the labels of a file are, if it was given or recognised.
    """

    kind: str = "graph"
    several_classes: bool = False
    obstacle: str = ""
    registered: bool = False
    task: str | None = None

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "DatasetTraits":
        """Look up the data set of some settings by name; recognise what a file holds, unless the settings tell."""
        from xgraph.data import load_card
        from xgraph.data.cards.named import names
        from xgraph.data.recognise import recognise

        dataset, kind, task = settings["dataset"], settings.get("kind"), settings.get("task")
        if dataset not in names():
            if kind is None or (kind == "node" and task is None):
                found = recognise(Path(str(dataset)), settings)
                if kind not in (None, found.kind):
                    raise OptionError(
                        f"kind = {kind!r}: {dataset} holds no graph whose nodes have labels; expected a folder with "
                        "nodes.csv and edges.csv, a table of nodes with `edges`, or an npz, GraphML or .pt file"
                    )
                kind, task = found.kind, task or found.task
            return cls(str(kind), task == "multiclass", task=task)
        card = load_card(str(dataset))
        for name, value, own in (("kind", kind, card.kind), ("task", task, None)):
            if value not in (None, own):
                raise OptionError(
                    f"{name} = {value!r}: this setting is for files, but {dataset!r} is a registered data set"
                )
        obstacle = ""
        if card.kind == "graph" and not card.smiles_column:
            obstacle = "holds graphs that are not molecules, and no model supports these yet"
        elif card.name in _SEVERAL_TYPES:
            obstacle = (
                "has several node types, which the built-in models do not support; use NeighborLoader with a model of "
                "your own"
            )
        return cls(card.kind, card.task == "multiclass classification", obstacle, True)

    def recognised(self) -> dict[str, Any]:
        """Return the settings that say what a file holds, with which a run can be read without its data."""
        return {"kind": self.kind} if self.task is None else {"kind": self.kind, "task": self.task}

    def holds_own_molecules(self, values: Mapping[str, Any]) -> bool:
        """Whether the settings are for a file of one's own whose items, or their instances, are molecules."""
        return not self.registered and (self.kind == "graph" or values.get("smiles_column") is not None)

    def defaults(self) -> dict[str, Any]:
        """Return the default model and loss, the sampler for this loss, and the defaults that differ by kind."""
        values = {"model": ModelChoice().name, "loss": LossChoice().name, **_DEFAULTS[self.kind]}
        return {**values, "loss": "ce", "sampler": None} if self.several_classes else values

    def check(
        self, values: Mapping[str, Any], models: "Mapping[str, type[Model]]", losses: "Mapping[str, type[Loss]]"
    ) -> None:
        """Raise `OptionError` if the settings do not suit the data set."""
        if self.obstacle:
            raise OptionError(f"dataset: {values['dataset']!r} {self.obstacle}")
        noun, model, loss = NOUNS[self.kind], values["model"], values["loss"]
        kinds = models[model].kinds()
        if self.kind not in kinds:
            fitting = [name for name, cls in models.items() if self.kind in cls.kinds()]
            fitting.sort(key=lambda name: models[name].fitted)
            raise OptionError(
                f"model {model!r} is for {' and '.join(NOUNS[kind] for kind in kinds)}; for {noun}, choose from "
                f"{', '.join(fitting)}"
            )
        if losses[loss].link == "softmax" and not self.several_classes:
            fitting = [name for name, cls in losses.items() if cls.link != "softmax"]
            raise OptionError(
                f"loss {loss!r} is for mutually exclusive classes; for labels 0 and 1, choose from {', '.join(fitting)}"
            )
        if values.get("metric") == "accuracy" and not self.several_classes:
            raise OptionError("metric 'accuracy' is for mutually exclusive classes, not for labels 0 and 1")
        if values.get("features") and self.kind == "graph" and not models[model].takes_features:
            fitting = [name for name, cls in models.items() if cls.kind == "graph" and cls.takes_features]
            raise OptionError(
                f"features = {','.join(values['features'])}: model {model!r} does not take extra features; "
                f"models that do: {', '.join(fitting) or 'none'}"
            )
        if self.kind != "graph" and values["groups"] != "label":
            raise OptionError(f"groups = {values['groups']!r}: expected 'label' for {noun}")
        for name in (
            "bag_column",
            "feature_columns",
            "smiles_column",
            "labels",
            "case_column",
            "separator",
            "encoding",
        ):
            if self.kind == "bag" and self.registered and values.get(name):
                text = f"this setting is for CSV files, but {values['dataset']!r} is a registered data set"
                raise OptionError(f"{name} = {values[name]!r}: {text}")

    def idle_options(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return the options that would have no effect on the model, with the reason."""
        if self.kind != "bag" or values.get("instances") is not None:
            return {}
        return {"gamma": "has an effect only if `instances` is set, because only then the model keeps a state per bag"}
