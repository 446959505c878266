"""What follows from the kind of a data set: default settings, and which models and losses apply."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from xgraph.metric_names import LIST_METRICS, NUMBER_METRICS
from xgraph.options import OptionError
from xgraph.training.config.sections import LossChoice, Metric, ModelChoice

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
        numbers: Whether the labels are numbers to predict.
        obstacle: Why no model supports the data set; empty if one does.
        registered: Whether it is a registered data set rather than a file.
        task: What the labels of a file are, if it was given or recognised.
    """

    kind: str = "graph"
    several_classes: bool = False
    obstacle: str = ""
    registered: bool = False
    task: str | None = None
    numbers: bool = False

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, fresh: bool = False) -> "DatasetTraits":
        """Look up the data set of some settings by name; recognise what a file holds, unless the settings tell.

        Args:
            settings: Settings by flat names.
            fresh: Whether they are those of a new run, whose `task` is recognised if it is not given.
        """
        from xgraph.data import load_card
        from xgraph.data.cards.named import names
        from xgraph.data.recognise import recognise

        dataset, kind, task = settings["dataset"], settings.get("kind"), settings.get("task")
        if dataset not in names():
            if kind is None or (task is None and (fresh or kind == "node")):
                found = recognise(Path(str(dataset)), settings)
                if kind not in (None, found.kind):
                    raise OptionError(
                        f"kind = {kind!r}: {dataset} holds no graph whose nodes have labels; expected a folder with "
                        "nodes.csv and edges.csv, a table of nodes with `edges`, or an npz, GraphML or .pt file"
                    )
                kind, task = found.kind, task or found.task
            return cls(str(kind), task == "multiclass", task=task, numbers=task == "regression")
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
        numbers = card.task.endswith("regression")
        return cls(card.kind, card.task == "multiclass classification", obstacle, True, numbers=numbers)

    def recognised(self) -> dict[str, Any]:
        """Return the settings that say what a file holds, with which a run can be read without its data."""
        return {"kind": self.kind} if self.task is None else {"kind": self.kind, "task": self.task}

    def holds_own_molecules(self, values: Mapping[str, Any]) -> bool:
        """Whether the settings are for a file of one's own whose items, or their instances, are molecules."""
        return not self.registered and (self.kind == "graph" or values.get("smiles_column") is not None)

    def defaults(self) -> dict[str, Any]:
        """Return the default model and loss, the sampler for this loss, and the defaults that differ by kind."""
        values = {"model": ModelChoice().name, "loss": LossChoice().name, **_DEFAULTS[self.kind]}
        if self.numbers:
            return {**values, "loss": "mse", "sampler": None}
        return {**values, "loss": "ce", "sampler": None} if self.several_classes else values

    def check(
        self, values: Mapping[str, Any], models: "Mapping[str, type[Model]]", losses: "Mapping[str, type[Loss]]"
    ) -> None:
        """Raise `OptionError` if the settings do not suit the data set."""
        if self.obstacle:
            raise OptionError(f"dataset: {values['dataset']!r} {self.obstacle}")
        noun, model = NOUNS[self.kind], values["model"]
        kinds = models[model].kinds()
        if self.kind not in kinds:
            fitting = [name for name, cls in models.items() if self.kind in cls.kinds()]
            fitting.sort(key=lambda name: models[name].fitted)
            raise OptionError(
                f"model {model!r} is for {' and '.join(NOUNS[kind] for kind in kinds)}; for {noun}, choose from "
                f"{', '.join(fitting)}"
            )
        self._check_labels(values, losses)
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

    def _check_labels(self, values: Mapping[str, Any], losses: "Mapping[str, type[Loss]]") -> None:
        """Raise `OptionError` for a loss, a metric or batches that are for other labels than those of the data."""
        loss, metric, fitting = values["loss"], values.get("metric"), [*self._fitting(losses)]
        if loss not in fitting:
            link = losses[loss].link
            what = {"softmax": "mutually exclusive classes", "identity": "numbers"}.get(link, "labels 0 and 1")
            text = f"loss {loss!r} is for {what}, but the labels are {self._labels}; choose from {', '.join(fitting)}"
            if self.numbers and link == "sigmoid" and not self.registered:
                text += ", or make labels of them with active_above or active_below (--active-above, --active-below)"
            raise OptionError(text)
        known = NUMBER_METRICS if self.numbers else tuple(one for one in get_args(Metric) if one not in NUMBER_METRICS)
        if not self.several_classes:
            known = tuple(one for one in known if one != "accuracy")
        else:
            known = tuple(one for one in known if one not in LIST_METRICS)
        if metric is not None and metric not in known:
            raise OptionError(f"metric = {metric!r}: the labels are {self._labels}; choose from {', '.join(known)}")
        if self.numbers and values.get("sampler") in ("dual", "tri", "balanced"):
            raise OptionError(
                f"sampler = {values['sampler']!r}: it draws positives and negatives, but the labels are numbers; "
                "expected shuffle or group"
            )
        if self.numbers and "group" in (values.get("sampler"), losses[loss].sampler) and values["groups"] == "label":
            raise OptionError(
                "groups = 'label': numbers make no groups; expected 'scaffold', which molecules have, or another loss "
                "and sampler"
            )

    def _fitting(self, losses: "Mapping[str, type[Loss]]") -> "Iterator[str]":
        """Yield the names of the losses for the labels of the data."""
        for name, cls in losses.items():
            if self.numbers:
                fits = cls.link == "identity" or bool(cls.of_numbers)
            else:
                fits = cls.link == "sigmoid" or (cls.link == "softmax" and self.several_classes)
            if fits:
                yield name

    @property
    def _labels(self) -> str:
        return "numbers" if self.numbers else "mutually exclusive classes" if self.several_classes else "0 and 1"

    def idle_options(self, values: Mapping[str, Any]) -> dict[str, str]:
        """Return the options that would have no effect on the model, with the reason."""
        if self.kind != "bag" or values.get("instances") is not None:
            return {}
        return {"gamma": "has an effect only if `instances` is set, because only then the model keeps a state per bag"}
