"""What suits a data set: settings that are not given, and models and losses that do not fit."""

from collections.abc import Mapping
from inspect import Parameter, signature
from typing import Any, NamedTuple

from xgraph.options import OptionError
from xgraph.training.config.settings import TrainConfig

_NOUNS = {"graph": "molecules", "node": "nodes", "bag": "bags"}
_ONLY_FOR = {  # what a setting is for, where it is not for all kinds
    "smiles_column": ("graph", "bag"),
    "target_columns": ("graph", "bag"),
    "standardize": ("graph", "bag"),
    "features": ("graph",),
    "num_neighbors": ("node",),
    "storage": ("node",),
    "instances": ("bag",),
    "bag_column": ("bag",),
    "feature_columns": ("bag",),
}
_FIRST_HOPS = (15, 10)
_LATER_HOPS = 5
_SEVERAL_TYPES = ("ogbn-mag",)  # of nodes, which cards do not say


class Suit(NamedTuple):
    """What a data set holds.

    Args:
        kind: "graph", "node" or "bag": what gets logits.
        several_classes: Whether the labels are classes that exclude each other.
        named: Whether it is a registered data set, no file.
        obstacle: Why no model here can take it, known before it is fetched; empty if one can.
    """

    kind: str = "graph"
    several_classes: bool = False
    obstacle: str = ""
    named: bool = False

    @classmethod
    def of(cls, dataset: object, bag_column: object = None) -> "Suit":
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
        """Settings of a run that are not those of `TrainConfig`."""
        values: dict[str, Any] = {"model": TrainConfig.model, "loss": TrainConfig.loss}
        if self.kind == "node":
            values |= {"model": "sage", "batch_size": 512, "lr": 0.01, "groups": "label"}
        elif self.kind == "bag":
            values |= {"model": "attention", "loss": "auc-margin", "batch_size": 16, "groups": "label"}
        if self.several_classes:
            values["loss"] = "ce"
        return values

    def check(self, values: Mapping[str, Any], models: Mapping[str, type], losses: Mapping[str, type]) -> None:
        """Refuse what does not fit."""
        if self.obstacle:
            raise OptionError(f"dataset: {values['dataset']!r} {self.obstacle}")
        noun, model, loss = _NOUNS[self.kind], values["model"], values["loss"]
        if _kind(models[model]) != self.kind:
            fitting = [name for name, cls in models.items() if _kind(cls) == self.kind]
            raise OptionError(
                f"model {model!r} is for {_NOUNS[_kind(models[model])]}; for {noun} there {_are(fitting)}"
            )
        if _needs_classes(losses[loss]) and not self.several_classes:
            fitting = [name for name, cls in losses.items() if not _needs_classes(cls)]
            raise OptionError(
                f"loss {loss!r} is for classes that exclude each other; for labels 0 and 1 there {_are(fitting)}"
            )
        if values.get("metric") == "accuracy" and not self.several_classes:
            raise OptionError("metric 'accuracy' is for classes that exclude each other, not for labels 0 and 1")
        for name, kinds in _ONLY_FOR.items():
            unset = getattr(TrainConfig, name)
            if self.kind not in kinds and values.get(name, unset) != unset:
                for_whom = " and ".join(_NOUNS[kind] for kind in kinds)
                raise OptionError(f"{name} = {values[name]!r}: it is for {for_whom}, and the items are {noun}")
        if values.get("features") and not _takes_features(models[model]):
            fitting = [name for name, cls in models.items() if _kind(cls) == "graph" and _takes_features(cls)]
            raise OptionError(
                f"features = {','.join(values['features'])}: model {model!r} takes nothing beside the graph; "
                f"models that do: {', '.join(fitting) or 'none'}"
            )
        if self.kind != "graph" and values["groups"] != "label":
            raise OptionError(f"groups = {values['groups']!r}: for {noun} there is label")
        if self.kind == "bag":
            self._check_table(values)

    def _check_table(self, values: Mapping[str, Any]) -> None:
        """Refuse what is said of the columns of bags where there are none, or none of molecules."""
        for name in ("bag_column", "feature_columns", "smiles_column"):
            if self.named and values.get(name):
                text = f"it is for CSV files, and {values['dataset']!r} is a registered data set"
                raise OptionError(f"{name} = {values[name]!r}: {text}")
        molecules = values.get("smiles_column") is not None
        if molecules and values.get("feature_columns"):
            raise OptionError(
                f"feature_columns = {','.join(values['feature_columns'])}: with smiles_column the instances are "
                "molecules, which have no others"
            )
        if values.get("standardize") and not molecules:
            raise OptionError(
                "standardize = True: it is for molecules, and without smiles_column the instances are none"
            )

    def idle(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Options that are of no use to the model, and why."""
        if self.kind != "bag" or values.get("instances") is not None:
            return {}
        return {"gamma": "the model keeps a state per bag only where `instances` says how many are drawn"}

    def neighbors(self, given: list[int] | None, num_layers: int) -> list[int] | None:
        """Neighbours to sample at each hop."""
        if self.kind != "node":
            return given
        if given is None:
            return usual_neighbors(num_layers)
        if len(given) not in (1, num_layers):
            expected = f"one number, or one for each of num_layers = {num_layers}"
            raise OptionError(f"num_neighbors = {','.join(map(str, given))}: expected {expected}")
        if min(given) < -1:
            raise OptionError(f"num_neighbors = {','.join(map(str, given))}: expected 0 or more, or -1 for all")
        return given * num_layers if len(given) == 1 else given


def usual_neighbors(num_layers: int) -> list[int]:
    """Neighbours to sample at each hop where nobody says how many."""
    return [*_FIRST_HOPS, *[_LATER_HOPS] * num_layers][:num_layers]


def _kind(model: type) -> str:
    """What a model gives logits to; graphs, unless it says otherwise."""
    return str(getattr(model, "kind", "graph"))


def _takes_features(model: type) -> bool:
    """Whether a model can be told of numbers beside the graph: it, or the base it hands options on to, counts them."""
    for cls in model.__mro__:
        maker = vars(cls).get("__init__")
        if maker is not None:
            parameters = signature(maker).parameters
            if "num_features" in parameters:
                return True
            if all(one.kind is not Parameter.VAR_KEYWORD for one in parameters.values()):
                return False
    return False


def _needs_classes(loss: type) -> bool:
    return getattr(loss, "link", "sigmoid") == "softmax"


def _are(names: list[str]) -> str:
    return f"{'is' if len(names) == 1 else 'are'} {', '.join(names)}"
