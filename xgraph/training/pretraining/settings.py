"""The settings of pretraining, and their validation."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from xgraph.options import OptionError, nearest, options_of
from xgraph.schema import Schema, explain
from xgraph.training.config.build import build_config, registry
from xgraph.training.config.data import Count
from xgraph.training.config.sections import LoggerName, Precision, Rate, Schedule
from xgraph.training.config.settings import TrainConfig

OBJECTIVE_SETTINGS = {
    "multitask": ("balance",),
    "contrastive": (
        *("tau", "gamma", "gamma_schedule", "projection_channels"),
        *("mask_atoms", "drop_bonds", "drop_atoms", "drop_subgraph"),
    ),
}
"""Settings that apply to one objective only."""

_SHARED = (
    *("model", "epochs", "batch_size", "lr", "weight_decay", "optimizer", "lr_schedule", "seed"),
    *("standardize", "device", "precision", "threads", "checkpoint_every"),
)
"""Settings that have the same meaning as in `TrainConfig`."""


class PretrainConfig(Schema):
    """The settings of :func:`xgraph.training.pretrain`.

    Args:
        datasets: Molecule data sets by name, or CSV files with SMILES, separated by commas.
        objective: What the encoder learns: all labels of all data sets (multitask), or, without labels, to recognise a
            molecule among all others from a masked copy (contrastive).
        model: Model whose encoder is pretrained.
        exclude: Molecules to leave out: data sets (``aicures``), parts of them (``hiv:test``, or ``aicures:test:3`` of
            a fold), or CSV files with SMILES. Salts, charges, stereochemistry, isotopes and atom maps are ignored
            in the comparison. The test molecules of the AICures competition are always left out if their file is
            available.
        balance: What has equal weight: each label, each task, or each data set and within it each task.
        tau: Temperature of the contrast: the smaller, the more the most similar molecules count.
        gamma: Weight of the new value in each molecule's moving average, in (0, 1].
        gamma_schedule: Gamma over the epochs: constant, or decaying from 1 to its value along a cosine.
        projection_channels: Length of the vectors that are contrasted. The head that makes them is not reused.
        mask_atoms: Share of atoms whose features are masked in a view.
        drop_bonds: Share of bonds that are dropped in a view.
        drop_atoms: Share of atoms that are dropped in a view, at random.
        drop_subgraph: Share of atoms that are dropped in a view around one of them.
        valid_share: Share of molecules held out at random and scored after each epoch.
        epochs: Number of epochs. The last one is kept.
        batch_size: Molecules per batch.
        lr: Learning rate.
        weight_decay: Weight decay.
        optimizer: Optimiser.
        lr_schedule: Learning rate over the epochs: constant, or decaying to zero along a cosine.
        seed: Seed for weights, batches, dropout, views and held-out molecules.
        standardize: Keep the largest fragment of each molecule and neutralise its charges.
        device: Where to train; ``auto`` uses a GPU if there is one.
        precision: Numbers that the network computes with: float32 (``32``), or mixed precision with bfloat16 (``bf16``)
            or float16 (``fp16``). Weights, losses, tables of state and validation keep float32 in any case.
        threads: CPU threads; by default torch's own number.
        checkpoint_every: Save the run within an epoch too: after so many steps (``500``), or minutes (``10m``). A run
            that a signal stops is always saved after the current step.
        logger: Loggers that the run is written to as well, one or several: TensorBoard, Weights & Biases, MLflow, CSV.
            They write to the folder ``logs`` of the run directory, and nothing leaves this machine unless the
            environment variables of the logger say so.

    Raises:
        OptionError: If a setting is out of range or contradicts another one.
    """

    model_config = ConfigDict(protected_namespaces=())
    may_change: ClassVar[frozenset[str]] = frozenset({"epochs", "device", "threads", "checkpoint_every", "logger"})
    """What may change when a run is resumed."""

    datasets: list[str] = Field(default=[], validate_default=True)
    objective: Literal["multitask", "contrastive"] = "multitask"
    model: str = "gine"
    exclude: list[str] | None = None
    balance: Literal["labels", "tasks", "datasets"] = "labels"
    tau: float = 0.1
    gamma: float = 0.9
    gamma_schedule: Schedule = "constant"
    projection_channels: Annotated[int, Field(ge=1, le=10**6)] = 64
    mask_atoms: float = 0.25
    drop_bonds: float = 0.25
    drop_atoms: float = 0.0
    drop_subgraph: float = 0.0
    valid_share: float = Field(default=0.05, gt=0, le=0.5)
    epochs: Count = 20
    batch_size: Count = 256
    lr: Rate = 1e-3
    weight_decay: float = Field(default=0.0, ge=0, le=1e30, allow_inf_nan=False)
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    lr_schedule: Schedule = "cosine"
    seed: int = Field(default=0, ge=0, lt=2**63)
    standardize: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Precision = "32"
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    checkpoint_every: str | None = None
    logger: list[LoggerName] | None = None
    model_options: dict[str, Any] = Field(default={})

    def __init__(self, **settings: Any) -> None:
        try:
            super().__init__(**settings)
        except ValidationError as refused:
            raise OptionError(explain(refused.errors()[0], type(self), settings)) from None

    @field_validator("datasets")
    @classmethod
    def _different(cls, datasets: list[str]) -> list[str]:
        if not datasets or len(set(datasets)) < len(datasets):
            raise ValueError("expected one or more data sets or CSV files, each listed once")
        return datasets

    @model_validator(mode="after")
    def _of_objective(self) -> "PretrainConfig":
        from xgraph.data.molecules.augment import Augmentation
        from xgraph.losses import SogCLRLoss

        if self.objective == "contrastive" and self.batch_size < 2:
            raise ValueError(f"batch_size = {self.batch_size}: expected 2 or more for objective 'contrastive'")
        SogCLRLoss(1, self.tau, self.gamma)  # the constructors check the ranges of their arguments
        Augmentation(**self.views)
        return self

    @property
    def views(self) -> dict[str, float]:
        """The arguments of ``Augmentation``."""
        return {name: getattr(self, name) for name in ("mask_atoms", "drop_bonds", "drop_atoms", "drop_subgraph")}

    def training(self, dataset: str) -> TrainConfig:
        """Return the settings of the training run: cross-entropy in a single stage, keeping the last epoch."""
        values = {name: getattr(self, name) for name in _SHARED} | {"dataset": dataset, "keep": "last"}
        own = {f"model_{name}": value for name, value in self.model_options.items()}
        return build_config({**values, "loss": "bce", "pretrain_epochs": 0, "sampler": "shuffle", **own})

    def to_dict(self) -> dict[str, Any]:
        """Return all settings of the objective as plain values; ``model`` is a table of a name and options."""
        other = [name for kind, names in OBJECTIVE_SETTINGS.items() if kind != self.objective for name in names]
        values = {
            option.name: value
            for option in options_of(PretrainConfig)
            if option.name not in ("model", *other) and (value := getattr(self, option.name)) is not None
        }
        plain = {name: "none" if value is None else value for name, value in self.model_options.items()}
        return {**values, "model": {"name": self.model, **plain}}


def build_pretrain_config(settings: Mapping[str, object], base: Mapping[str, object] | None = None) -> PretrainConfig:
    """Check settings and complete them with the defaults."""
    fields = {option.name: option for option in options_of(PretrainConfig)}
    defaults = {name: option.default for name, option in fields.items()}
    values: dict[str, Any] = {}
    options: dict[str, object] = {}
    for name, value in (base or {}).items():
        if name == "model" and isinstance(value, Mapping):
            options = dict(value)
            values["model"] = options.pop("name", defaults["model"])
        elif name not in fields:
            raise OptionError(f"unknown key {name!r}{nearest(name, fields)}")
        else:
            values[name] = fields[name].parse(value)
    if "model" in settings and settings["model"] != values.get("model"):
        options = {}  # the file's options belong to another model
    values |= {name: fields[name].parse(value) for name, value in settings.items() if name in fields}
    model = values.get("model", defaults["model"])
    known = _options_of_model(model)
    for name, value in settings.items():
        if name not in fields:
            own = name.removeprefix("model_")
            if own not in known:
                raise OptionError(
                    f"unknown option {name!r}{nearest(own, [*fields, *known])} for pretraining model {model!r}"
                )
            options[own] = value
    objective = values.get("objective", defaults["objective"])
    for kind, names in OBJECTIVE_SETTINGS.items():
        for name in names if kind != objective else ():
            if name in settings:
                raise OptionError(f"{name}: this setting is for objective {kind!r}, but the objective is {objective!r}")
            values.pop(name, None)
    config = PretrainConfig(**values, model_options=options)
    full = config.training("joined.csv")
    return PretrainConfig(**values, model_options=full.model_options)


def pretrainable() -> list[str]:
    """Return the names of the models that have an encoder of molecules. Imports torch."""
    return [name for name, model in registry("model").items() if model.kind == "graph" and model.reads_graphs]


def _options_of_model(model: object) -> list[str]:
    """Return the names of a model's options; raise `OptionError` if it cannot be pretrained."""
    names = pretrainable()
    if model not in names:
        why = "has no molecular encoder to pretrain" if model in registry("model") else "is unknown"
        raise OptionError(f"model {model!r} {why}{nearest(str(model), names)}; choose from {', '.join(names)}")
    return [option.name for option in options_of(registry("model")[str(model)])]
