"""What a data set asks of a run: defaults, and models and losses that fit."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from xgraph.options import OptionError
from xgraph.training.config.sections import LossChoice, ModelChoice

if TYPE_CHECKING:
    from xgraph.losses import Loss
    from xgraph.nn import Model

NOUNS = {"graph": "molecules", "node": "nodes", "bag": "bags"}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "graph": {},
    "node": {"model": "sage", "batch_size": 512, "lr": 0.01, "groups": "label"},
    "bag": {"model": "attention", "loss": "auc-margin", "batch_size": 16, "groups": "label"},
}
_SEVERAL_TYPES = ("ogbn-mag",)  # of nodes, which cards do not say


class DatasetTraits(NamedTuple):
    """What a data set holds.

    Args:
        kind: "graph", "node" or "bag": what gets logits.
        several_classes: Whether the labels are classes that exclude each other.
        obstacle: Why no model here can take it, known before it is fetched; empty if one can.
        named: Whether it is a registered data set, no file.
    """

    kind: str = "graph"
    several_classes: bool = False
    obstacle: str = ""
    named: bool = False

    @classmethod
    def of(cls, dataset: object, bag_column: object = None) -> "DatasetTraits":
        """Look a data set up; what is not registered is a table of molecules, or of bags."""
        from xgraph.data import load_card
        from xgraph.data.cards.named import names

        if dataset not in names():
            return cls("graph" if bag_column is None else "bag")
        card = load_card(str(dataset))
        obstacle = ""
        if card.kind == "graph" and not card.smiles_column:
            obstacle = "holds graphs that are no molecules, and there is no model for them yet"
        elif card.name in _SEVERAL_TYPES:
            obstacle = (
                "has several types of nodes, which the models here cannot take; NeighborLoader samples it for models "
                "of your own"
            )
        return cls(card.kind, card.task == "multiclass classification", obstacle, True)

    def defaults(self) -> dict[str, Any]:
        """Model and loss by default, and the settings whose defaults are not those of molecules."""
        values = {"model": ModelChoice().name, "loss": LossChoice().name, **_DEFAULTS[self.kind]}
        return {**values, "loss": "ce"} if self.several_classes else values

    def check(
        self, values: Mapping[str, Any], models: "Mapping[str, type[Model]]", losses: "Mapping[str, type[Loss]]"
    ) -> None:
        """Refuse what does not fit."""
        if self.obstacle:
            raise OptionError(f"dataset: {values['dataset']!r} {self.obstacle}")
        noun, model, loss = NOUNS[self.kind], values["model"], values["loss"]
        if models[model].kind != self.kind:
            fitting = [name for name, cls in models.items() if cls.kind == self.kind]
            raise OptionError(f"model {model!r} is for {NOUNS[models[model].kind]}; for {noun} there {_are(fitting)}")
        if losses[loss].link == "softmax" and not self.several_classes:
            fitting = [name for name, cls in losses.items() if cls.link != "softmax"]
            raise OptionError(
                f"loss {loss!r} is for classes that exclude each other; for labels 0 and 1 there {_are(fitting)}"
            )
        if values.get("metric") == "accuracy" and not self.several_classes:
            raise OptionError("metric 'accuracy' is for classes that exclude each other, not for labels 0 and 1")
        if values.get("features") and self.kind == "graph" and not models[model].takes_features:
            fitting = [name for name, cls in models.items() if cls.kind == "graph" and cls.takes_features]
            raise OptionError(
                f"features = {','.join(values['features'])}: model {model!r} takes nothing beside the graph; "
                f"models that do: {', '.join(fitting) or 'none'}"
            )
        if self.kind != "graph" and values["groups"] != "label":
            raise OptionError(f"groups = {values['groups']!r}: for {noun} there is label")
        for name in ("bag_column", "feature_columns", "smiles_column") if self.kind == "bag" and self.named else ():
            if values.get(name):
                text = f"it is for CSV files, and {values['dataset']!r} is a registered data set"
                raise OptionError(f"{name} = {values[name]!r}: {text}")

    def idle_options(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Options that are of no use to the model, and why."""
        if self.kind != "bag" or values.get("instances") is not None:
            return {}
        return {"gamma": "the model keeps a state per bag only where `instances` says how many are drawn"}


def _are(names: list[str]) -> str:
    return f"{'is' if len(names) == 1 else 'are'} {', '.join(names)}"
