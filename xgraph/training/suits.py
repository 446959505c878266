"""What suits a data set: settings that are not given, and models and losses that do not fit."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from xgraph.options import OptionError
from xgraph.training.settings import TrainConfig

_ONLY_MOLECULES = ("smiles_column", "target_columns", "standardize")
_NOUNS = {"graph": "molecules", "node": "nodes"}
_FIRST_HOPS = (15, 10)
_LATER_HOPS = 5
_SEVERAL_TYPES = ("ogbn-mag",)  # of nodes, which cards do not say


class Suit(NamedTuple):
    """What a data set holds.

    Args:
        kind: "graph" or "node": what gets logits.
        several_classes: Whether the labels are classes that exclude each other.
        obstacle: Why no model here can take it, known before it is fetched; empty if one can.
    """

    kind: str = "graph"
    several_classes: bool = False
    obstacle: str = ""

    @classmethod
    def of(cls, dataset: object) -> "Suit":
        """Look a data set up; what is not registered is a table of molecules.

        Args:
            dataset: Name or path.
        """
        from xgraph.data import load_card
        from xgraph.data.cards import names

        if dataset not in names():
            return cls()
        card = load_card(str(dataset))
        obstacle = ""
        if card.kind == "graph" and not card.smiles_column:
            obstacle = "holds graphs that are no molecules, and there is no model for them yet"
        elif card.name in _SEVERAL_TYPES:
            obstacle = (
                "has several types of nodes, which the models here cannot take; NeighborLoader samples it for models "
                "of your own"
            )
        return cls(card.kind, card.task == "multiclass classification", obstacle)

    def defaults(self) -> dict[str, Any]:
        """Settings of a run that are not those of `TrainConfig`."""
        values: dict[str, Any] = {"model": TrainConfig.model, "loss": TrainConfig.loss}
        if self.kind == "node":
            values |= {"model": "sage", "batch_size": 512, "lr": 0.01, "groups": "label"}
        if self.several_classes:
            values["loss"] = "ce"
        return values

    def check(self, values: Mapping[str, Any], models: Mapping[str, type], losses: Mapping[str, type]) -> None:
        """Refuse what does not fit.

        Args:
            values: Complete settings.
            models: The models by name.
            losses: The losses by name.

        Raises:
            OptionError: If something does not fit.
        """
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
        if self.kind == "node":
            for name in _ONLY_MOLECULES:
                if values.get(name):
                    raise OptionError(f"{name} = {values[name]!r}: it is for molecules, and the items here are nodes")
            if values["groups"] != "label":
                raise OptionError(f"groups = {values['groups']!r}: for nodes there is label")
            return
        for name, unset in (("num_neighbors", None), ("storage", TrainConfig.storage)):
            if values.get(name, unset) != unset:
                raise OptionError(f"{name} = {values[name]!r}: it is for nodes, and the items are molecules")

    def neighbors(self, given: list[int] | None, num_layers: int) -> list[int] | None:
        """Neighbours to sample at each hop.

        Args:
            given: As the settings have it.
            num_layers: Layers of the model.

        Returns:
            A number for each hop, from the seeds on; None where nothing is sampled.

        Raises:
            OptionError: If they are of another number, or below -1.

        Example:
            >>> Suit("node").neighbors(None, 3), Suit("node").neighbors([10], 2)
            ([15, 10, 5], [10, 10])
        """
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
    """Neighbours to sample at each hop where nobody says how many.

    Args:
        num_layers: Layers of the model.

    Example:
        >>> usual_neighbors(4)
        [15, 10, 5, 5]
    """
    return [*_FIRST_HOPS, *[_LATER_HOPS] * num_layers][:num_layers]


def _kind(model: type) -> str:
    """What a model gives logits to; graphs, unless it says otherwise."""
    return str(getattr(model, "kind", "graph"))


def _needs_classes(loss: type) -> bool:
    return getattr(loss, "link", "sigmoid") == "softmax"


def _are(names: list[str]) -> str:
    return f"{'is' if len(names) == 1 else 'are'} {', '.join(names)}"
