"""The settings of pretraining, and their validation."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from xgraph.options import OptionError, nearest, options_of
from xgraph.schema import Schema, explain
from xgraph.training.config.build import build_config, registry
from xgraph.training.config.data import Count
from xgraph.training.config.sections import LoggerName, Precision, Rate, Schedule
from xgraph.training.config.settings import TrainConfig

_CONTRAST = (
    *("temperature", "tau", "start_temperature", "rho", "min_temperature", "max_temperature", "temperature_lr"),
    *("gamma", "gamma_schedule", "projection_channels"),
)
OBJECTIVE_SETTINGS = {
    "multitask": ("balance",),
    "contrastive": (*_CONTRAST, "mask_atoms", "drop_bonds", "drop_atoms", "drop_subgraph"),
    "two-tower": ("text_column", "text_buckets", "text_channels", "text_dropout", *_CONTRAST),
}
"""Settings that apply to some objectives only."""

TemperatureWord = Literal["constant", "global", "individual", "predicted"]

_SHARED = (
    *("model", "epochs", "batch_size", "lr", "weight_decay", "optimizer", "lr_schedule", "seed"),
    *("standardize", "device", "precision", "threads", "checkpoint_every"),
)
"""Settings that have the same meaning as in `TrainConfig`."""


class PretrainConfig(Schema):
    """The settings of :func:`xgraph.training.pretrain`.

    Args:
        datasets: Molecule data sets by name, or CSV files with SMILES, separated by commas.
        objective: What the encoder learns: all labels of all data sets (multitask); without labels, to recognise a
            molecule among all others from a masked copy (contrastive); or to match molecules with texts that describe
            them (two-tower).
        model: Model whose encoder is pretrained.
        exclude: Molecules to leave out: data sets (``aicures``), parts of them (``hiv:test``, or ``aicures:test:3`` of
            a fold), or CSV files with SMILES. Salts, charges, stereochemistry, isotopes and atom maps are ignored
            in the comparison. The test molecules of the AICures competition are always left out if their file is
            available.
        balance: What has equal weight: each label, each task, or each data set and within it each task.
        temperature: Temperature of the contrast: the smaller, the more the most similar others count. A number, or
            what learns it: one for all (global), one per item (individual, iSogCLR), or a small network that predicts
            it from an item's vector (predicted, TempNet). ``constant`` is the default number.
        text_column: Column of the texts that describe the molecules. Rows without a text are left out.
        text_buckets: Number of different n-grams of words that the text encoder tells apart.
        text_channels: Width of the text encoder.
        text_dropout: Share of the text encoder's inputs that is set to 0 in training.
        tau: Another name of ``temperature``, from earlier versions: a number.
        start_temperature: Where a learned temperature starts; 0.1 or the nearest bound by default.
        rho: How much a learned temperature concentrates on the most similar others (KL divergence from uniform).
        min_temperature: Lower bound of a learned temperature, 0.005 or more.
        max_temperature: Upper bound of a learned temperature.
        temperature_lr: Step size of a temperature that is global or individual.
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
    objective: Literal["multitask", "contrastive", "two-tower"] = "multitask"
    model: str = "gine"
    exclude: list[str] | None = None
    balance: Literal["labels", "tasks", "datasets"] = "labels"
    text_column: str | None = None
    text_buckets: Annotated[int, Field(ge=2, le=10**8)] = 2**14
    text_channels: Annotated[int, Field(ge=1, le=10**5)] = 128
    text_dropout: float = Field(default=0.2, ge=0, lt=1)
    temperature: float | TemperatureWord = 0.1
    tau: float | None = None
    start_temperature: float | None = None
    rho: float = 0.3
    min_temperature: float = 0.05
    max_temperature: float = 0.7
    temperature_lr: float = 0.01
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
        settings = _renamed(settings)
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

        if self.objective != "multitask" and self.batch_size < 2:
            raise ValueError(f"batch_size = {self.batch_size}: expected 2 or more for objective {self.objective!r}")
        if self.objective == "two-tower" and not self.text_column:
            raise ValueError("text_column is required for objective 'two-tower': the column of texts (--text-column)")
        if self.start_temperature is not None and not self.learns_temperature:
            raise ValueError(
                f"start_temperature = {self.start_temperature:g} is for a learned temperature (global, individual or "
                f"predicted), but temperature is {self.temperature}; give it as temperature"
            )
        SogCLRLoss(1, gamma=self.gamma, **self.contrast)  # the constructors check the ranges of their arguments
        Augmentation(**self.views)
        return self

    @property
    def learns_temperature(self) -> bool:
        """Whether the temperature is learned."""
        return self.temperature in get_args(TemperatureWord)[1:]

    @property
    def contrast(self) -> dict[str, Any]:
        """The arguments of a contrastive loss that concern its temperature."""
        names = ("rho", "min_temperature", "max_temperature", "temperature_lr")
        values = {name: getattr(self, name) for name in names}
        if not self.learns_temperature:
            return {**values, "temperature": self.temperature}
        start = self.start_temperature
        if start is None:
            start = min(max(0.1, self.min_temperature), self.max_temperature)
        return {**values, "temperature": start, "learn": self.temperature}

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
        own = OBJECTIVE_SETTINGS[self.objective]
        other = [name for names in OBJECTIVE_SETTINGS.values() for name in names if name not in own]
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
    if settings.keys() & {"tau", "temperature"}:
        values = {name: value for name, value in values.items() if name not in ("tau", "temperature")}
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
    for name in dict.fromkeys(name for names in OBJECTIVE_SETTINGS.values() for name in names):
        kinds = objectives_of(name)
        if objective not in kinds:
            if name in settings:
                listed = " or ".join(map(repr, kinds))
                raise OptionError(f"{name}: this setting is for objective {listed}, but the objective is {objective!r}")
            values.pop(name, None)
    config = PretrainConfig(**values, model_options=options)
    full = config.training("joined.csv")
    return PretrainConfig(**values, model_options=full.model_options)


def objectives_of(name: str) -> list[str]:
    """Return the objectives that a setting is for; none if it is for all."""
    return [objective for objective, names in OBJECTIVE_SETTINGS.items() if name in names]


def _renamed(settings: dict[str, Any]) -> dict[str, Any]:
    """Replace the former name of the temperature."""
    tau = settings.get("tau")
    if tau is None:
        return settings
    if settings.get("temperature", tau) != tau:
        raise OptionError(
            f"tau = {tau:g} is another name of temperature = {settings['temperature']}: give only one of them"
        )
    return {**settings, "tau": None, "temperature": tau}


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
