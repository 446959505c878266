"""The settings of a run and their ranges."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from xgraph.options import OptionError, options_of
from xgraph.storage import Storage

# The names are those of `xgraph.training.scoring.metrics`, which takes NumPy to import.
Metric = Literal[
    "ap", "prc_auc", "roc_auc", "pauc_mcclish_fpr0.3", "pauc_area_fpr0.3", "tpauc_tpr0.5_fpr0.5", "accuracy"
]
# The names are those of `xgraph.data.molecules.descriptor_kinds`, which takes RDKit to import.
Features = Literal["rdkit", "morgan", "maccs", "torsion"]

# What says how a model is trained step by step: of no use to one that is fitted at once, and then as below.
OF_STEPS = (
    *("loss", "epochs", "training", "pretrain_epochs", "inner_lr", "inner_gamma", "batch_size"),
    *("sampler", "sampling_rate", "sampled_tasks", "groups", "items_per_group"),
    *("lr", "weight_decay", "optimizer", "lr_schedule", "gamma_schedule", "ema_decay", "init", "keep"),
)
AT_ONCE = {"loss": "bce", "epochs": 1, "pretrain_epochs": 0}

OWN = "valid"
"""The word for `TrainConfig.inner` that leaves the validation part as it is."""


_INNER = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")

_LOWEST = {
    "epochs": 1,
    "pretrain_epochs": 0,
    "batch_size": 1,
    "sampled_tasks": 1,
    "items_per_group": 1,
    "instances": 1,
    "threads": 1,
    "seed": 0,
}
# What torch can still take: it crashes with too many threads, and its floats overflow in 32 bits.
_HIGHEST = {"threads": 1024, "seed": 2**63 - 1}
_MANY = 10**9
_LARGEST = 1e30


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """The settings of a run. Build one with `build_config`, which checks them.

    Args:
        dataset: Name of a data set (`xgraph data list`), or a CSV file with SMILES and 0/1 labels; with bag_column, a
            CSV file of bags, a row an instance.
        model: Model by name; if not given, gine for molecules, sage for the nodes of a graph, attention for bags. For
            molecules, forest, extra-trees and svm are fitted to features at once, without a loss and epochs.
        loss: Objective by name; if not given, soap, auc-margin for bags, and ce for classes that exclude each other.
        epochs: Epochs of the main stage, in which the loss is minimised.
        training: How features are learned: by cross-entropy in a stage before the loss, or in each step of the loss
            (its gradient is taken after an inner step of cross-entropy).
        pretrain_epochs: Epochs of cross-entropy before the main stage; the head is then initialised again. If not
            given, 20; none before ce, nor in compositional training, where the head is kept.
        inner_lr: Length of the inner step of compositional training.
        inner_gamma: Weight of the new value in the average over inner steps, in (0, 1].
        metric: Validation metric that selects the epoch; the data set's own if not given. The accuracy is that of
            classes that exclude each other; there, the other metrics are means over each class against the rest.
        keep: Which epoch of the main stage is kept, and tested: that with the best validation metric, or the last.
        train_on: What is trained on: the training part, or the training and the validation part together. Nothing is
            validated then, so the last epoch must be kept.
        inner: Inner fold to choose settings by, such as `0/5` (of five, counted from 0): training and validation part
            are joined and cut anew, the same for each seed, and the test part is left alone; `valid` leaves it alone
            too, and the other parts as they are.
        batch_size: Molecules, nodes or bags in a batch; if not given, 64, 512 and 16.
        num_neighbors: Neighbours that are sampled of a node in training, from the last layer to the first, or one
            number for all; -1 takes all neighbours. If not given, 15, 10, and 5 in further layers. The last number goes
            unused where the first layer has exact_input. Validation and test always take all.
        instances: Instances that are drawn of a bag each time it is trained on, without replacement; all if not given.
            Where they are drawn, the model keeps a state per bag. Validation and test always take all.
        sampler: What the batches of the main stage hold: both classes (dual), some tasks and both classes of each
            (tri), whatever comes (shuffle), some groups (group); what suits the loss if not given.
        sampling_rate: Share of positives in a batch, or among those drawn for a task, of the samplers dual and tri.
        sampled_tasks: Tasks in a batch of the sampler tri, which share it equally.
        groups: What a group is, for the sampler group and for losses of groups: molecules with the same
            Bemis-Murcko scaffold, or molecules, nodes or bags with the same labels; groups too small for a batch are
            pooled. If not given, scaffold for molecules.
        items_per_group: Items of each group in a batch of the sampler group; more if the groups are too few to
            fill it.
        lr: Learning rate; if not given, 0.001 for molecules and bags, and 0.01 for nodes.
        weight_decay: Weight decay.
        optimizer: Optimiser.
        lr_schedule: Learning rate over the epochs of a stage: as it is, or falling to zero along a cosine.
        gamma_schedule: The gamma of the loss, and that of the model, over the epochs: as it is, or falling from 1 to it
            along a cosine.
        ema_decay: Validate, keep and test an exponential moving average of the weights with this decay per step, of
            about 1 / (1 - decay) steps; 0 takes the weights themselves.
        seed: Seed of initialisation, batches and dropout.
        split: How a data set is divided, where it offers more than one way.
        fold: Fold of a data set that has several, counted from 0; `all`, or some such as `0-9` or `0,3`, train a run
            for each.
        init: Run whose encoder weights to start from; its head too, if tasks and features are the same. Of a run over
            folds, each fold takes its own.
        smiles_column: Column of a CSV file that holds SMILES; found by itself if not given. In one of bags it must be
            given if the instances are molecules.
        target_columns: Columns of a CSV file that hold labels; found by themselves if not given. Of a data set by name,
            a choice among its tasks.
        bag_column: Column of a CSV file that names the bag of each row.
        feature_columns: Columns of a CSV file of bags that hold features; all others if not given.
        standardize: Keep the largest fragment of each molecule and neutralise its charges.
        features: Numbers that the model gets of each molecule beside its graph: RDKit's descriptors, Morgan
            fingerprints, MACCS keys, topological torsions. If not given, none; of a model that is fitted
            at once rdkit,morgan,maccs, and of svm with kernel tanimoto morgan.
        device: Where to train; `auto` takes a GPU if there is one.
        storage: Where the graph of nodes lies while neighbours are sampled: on the device; page-locked in host memory,
            from where the GPU reads; in host memory, where the CPU samples; or in files, for graphs larger than that.
        threads: CPU threads of torch; its own default if not given.
    """

    recipe: ClassVar[Mapping[str, object]] = dict.fromkeys(
        ("model", "loss", "pretrain_epochs", "batch_size", "lr", "groups")
    )
    """What is not given depends on the data set; the defaults below are those of molecules."""

    dataset: str = "nci-pains"
    model: str = "gine"
    loss: str = "soap"
    epochs: int = 20
    training: Literal["two-stage", "compositional"] = "two-stage"
    pretrain_epochs: int = 20
    inner_lr: float = 0.01
    inner_gamma: float = 0.9
    metric: Metric | None = None
    keep: Literal["best", "last"] = "best"
    train_on: Literal["train", "train+valid"] = "train"
    inner: str | None = None
    batch_size: int = 64
    num_neighbors: list[int] | None = None
    instances: int | None = None
    sampler: Literal["dual", "tri", "shuffle", "group"] | None = None
    sampling_rate: float = 0.5
    sampled_tasks: int = 5
    groups: Literal["scaffold", "label"] = "scaffold"
    items_per_group: int = 8
    lr: float = 1e-3
    weight_decay: float = 0.0
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    lr_schedule: Literal["constant", "cosine"] = "cosine"
    gamma_schedule: Literal["constant", "cosine"] = "constant"
    ema_decay: float = 0.0
    seed: int = 0
    split: Literal["scaffold", "stratified", "random", "given"] | None = None
    fold: int | list[int] | Literal["all"] | None = None
    init: str | None = None
    smiles_column: str | None = None
    target_columns: list[str] | None = None
    bag_column: str | None = None
    feature_columns: list[str] | None = None
    standardize: bool = False
    features: list[Features] | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    storage: Storage = "device"
    threads: int | None = None
    loss_options: Mapping[str, Any] = field(default_factory=dict)
    model_options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, low in _LOWEST.items():
            value, high = getattr(self, name), _HIGHEST.get(name, _MANY)
            if value is not None and value < low:
                raise OptionError(f"{name} = {value}: expected {low} or more")
            if value is not None and value > high:
                raise OptionError(f"{name} = {value}: expected {high} or less")
        if max(self.num_neighbors or [0]) > _MANY:
            raise OptionError(f"num_neighbors = {max(self.num_neighbors or [0])}: expected {_MANY} or less")
        folds = self.fold if isinstance(self.fold, list) else []
        if len(set(folds)) < len(folds) or not all(isinstance(fold, int) for fold in folds):
            raise OptionError(f"fold = {','.join(map(str, folds))}: expected different numbers, or all")
        kinds = self.features or []
        if len(set(kinds)) < len(kinds):
            raise OptionError(f"features = {','.join(kinds)}: expected different kinds")
        for name in ("lr", "inner_lr"):
            if not (0 < getattr(self, name) <= _LARGEST):
                raise OptionError(f"{name} = {getattr(self, name)}: expected a positive number, at most {_LARGEST:g}")
        if not (0 < self.inner_gamma <= 1):
            raise OptionError(f"inner_gamma = {self.inner_gamma}: expected a number above 0 and up to 1")
        if not (0 <= self.weight_decay <= _LARGEST):
            raise OptionError(f"weight_decay = {self.weight_decay}: expected 0 or more, at most {_LARGEST:g}")
        if not (0 <= self.ema_decay < 1):
            raise OptionError(f"ema_decay = {self.ema_decay}: expected a number from 0 to below 1")
        if not (0 < self.sampling_rate < 1):
            raise OptionError(f"sampling_rate = {self.sampling_rate}: expected a number between 0 and 1")
        if self.gamma_schedule != "constant" and "gamma" not in {*self.loss_options, *self.model_options}:
            raise OptionError(f"gamma_schedule: neither loss {self.loss!r} nor model {self.model!r} has a gamma")
        storage = self.model_options.get("table_storage", "device")
        if self.training == "compositional" and storage != "device":  # the inner step works on copies of what is there
            raise OptionError(f"table_storage = {storage!r}: expected 'device' in compositional training")
        check_parts(self)

    @property
    def fitted(self) -> bool:
        """Whether the model is fitted at once, not trained step by step."""
        from xgraph.nn import MODELS

        return bool(getattr(MODELS.get(self.model), "fitted", False))

    def to_dict(self) -> dict[str, Any]:
        """Everything, as plain values: `[loss]` and `[model]` hold a name and options; unset values left out.

        So is how to take steps, if none are taken.
        """
        idle = OF_STEPS if self.fitted else ()
        values: dict[str, Any] = {}
        for option in options_of(TrainConfig):
            value = getattr(self, option.name)
            if option.name not in ("loss", "model", *idle) and value is not None:
                values[option.name] = value
        for part, options in (("loss", self.loss_options), ("model", self.model_options)):
            if part in idle:
                continue
            plain = {name: "none" if value is None else value for name, value in options.items()}
            values[part] = {"name": getattr(self, part), **plain}
        return values


def inner_fold(text: str) -> tuple[int, int] | None:
    """Read `TrainConfig.inner`."""
    if text == OWN:
        return None
    found = _INNER.fullmatch(text)
    if found is None or not int(found[1]) < int(found[2]) or int(found[2]) < 2:
        raise OptionError(
            f"inner = {text!r}: expected an inner fold and how many there are, such as 0/5 to 4/5, or {OWN}"
        )
    return int(found[1]), int(found[2])


def check_parts(config: "TrainConfig") -> None:
    """Refuse settings that contradict each other."""
    if config.inner is not None:
        inner_fold(config.inner)
        if config.train_on != "train":
            raise OptionError(f"train_on = {config.train_on!r}: with inner = {config.inner} a part is left to validate")
    if config.train_on != "train" and config.keep != "last" and not config.fitted:
        raise OptionError(
            f"train_on = {config.train_on!r}: nothing is left to select an epoch by, which takes keep = 'last', "
            f"got keep = {config.keep!r}"
        )
