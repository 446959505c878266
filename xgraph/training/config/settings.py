"""The settings of a run as a whole."""

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field, ValidationError, model_validator

from xgraph.options import Option, OptionError
from xgraph.schema import Schema, explain
from xgraph.training.config.constraints import Constraints
from xgraph.training.config.data import DRAWN_BY_SEED, BagData, MoleculeData, NodeData
from xgraph.training.config.flat import PLACES, STEPWISE_SETTINGS, flat_options, make_sections
from xgraph.training.config.sections import Batches, LossChoice, ModelChoice, Optimization, RunSettings
from xgraph.training.config.traits import RECOGNISED, DatasetTraits


class TrainConfig(Schema):
    """The settings of a run, in the sections of ``config.toml``.

    The constructor takes all settings by flat names, such as ``lr``, and each can be read as an attribute of that name.
    ``model``, ``loss`` and ``optimizer`` are the names of these components; ``model_options`` and ``loss_options`` hold
    their options. A setting that only applies to another kind of data set has its default value.

    Args:
        data: The section ``[data]``: data set, split, fold, and settings of molecules, nodes or bags.
        chosen_model: The section ``[model]``: name and options of the model.
        chosen_loss: The section ``[loss]``: name and options of the loss.
        optimization: The section ``[optimizer]``: epochs, optimiser, learning rate and schedules.
        batches: The section ``[batches]``: size and sampler of the batches.
        constraints: The section ``[constraints]``: earlier runs to retain, and how equal the rates of groups are.
        run: The section ``[run]``: metric, parts to train on and score, seed and device.

    Raises:
        OptionError: If a setting does not exist, is out of range or contradicts another one.

    Example:
        >>> config = TrainConfig(dataset="cora", model="sage", lr=0.1)
        >>> config.lr, config.optimization.lr, config.data.kind
        (0.1, 0.1, 'node')
    """

    model_config = ConfigDict(populate_by_name=True, protected_namespaces=())

    data: MoleculeData | NodeData | BagData
    chosen_model: ModelChoice = Field(alias="model")
    chosen_loss: LossChoice = Field(alias="loss")
    optimization: Optimization = Field(alias="optimizer")
    batches: Batches
    constraints: Constraints
    run: RunSettings

    def __init__(self, **settings: Any) -> None:
        sections = make_sections(settings)
        try:
            super().__init__(**sections)
        except ValidationError as refused:
            raise OptionError(explain(refused.errors()[0], type(self), sections)) from None

    def __getattr__(self, name: str) -> Any:
        place = PLACES.get(name)
        if place is None:
            return super().__getattr__(name)  # type: ignore[misc]
        (section,) = (getattr(self, key) for key, field in _FIELDS.items() if (field.alias or key) == place.section)
        return getattr(section, place.field, place.default)

    @model_validator(mode="after")
    def _parts_fit(self) -> "TrainConfig":
        options = [self.chosen_loss.options, self.chosen_model.options]
        if self.optimization.gamma_schedule != "constant" and not any("gamma" in one for one in options):
            raise ValueError(
                f"gamma_schedule = {self.optimization.gamma_schedule!r}: neither loss {self.loss!r} nor model "
                f"{self.model!r} has a gamma"
            )
        if self.optimization.gamma_schedule == "proximal" and "gamma" not in self.chosen_loss.options:
            raise ValueError(f"gamma_schedule = 'proximal': loss {self.loss!r} has no gamma")
        if self.optimization.pretrain_loss == "listwise":
            if self.optimization.schedule == "compositional":
                raise ValueError(
                    "pretrain_loss = 'listwise': the inner step of schedule 'compositional' is cross-entropy"
                )
            if not self.optimization.pretrain_epochs:
                raise ValueError(
                    "pretrain_loss = 'listwise': expected epochs before the loss, such as pretrain_epochs = "
                    f"{max(self.epochs // 2, 1)}"
                )
        for name in ("fair_tolerance", "fair_rho"):
            if (value := getattr(self.constraints, name)) is not None and self.fair_column is None:
                raise ValueError(f"{name} = {value:g}: expected fair_column with it, the column of groups")
        constrained = "retain" if self.retain else "fair_column" if self.fair_column and self.fair_rho != 0 else None
        if self.run.choose and constrained is not None:
            raise ValueError(
                f"{constrained}: the model auto is chosen by the validation metric alone, which no constraint is part "
                "of; name a model" + (", or compare groups with fair_rho = 0" if constrained == "fair_column" else "")
            )
        storage = self.chosen_model.options.get("table_storage", "device")
        if self.optimization.schedule == "compositional" and storage != "device":  # the inner step works on copies
            raise ValueError(f"table_storage = {storage!r}: expected 'device' in compositional training")
        if self.run.train_on != "train" and self.optimization.keep != "last" and not self.fitted:
            raise ValueError(
                f"keep = {self.optimization.keep!r}: expected 'last' with train_on = {self.run.train_on!r}, because no "
                "validation part is left to select an epoch by"
            )
        return self

    @property
    def main_epochs(self) -> int:
        """Epochs in which the loss is minimised, after those of cross-entropy."""
        return int(self.epochs - self.pretrain_epochs)

    @property
    def drawn_by_seed(self) -> bool:
        """Whether the seed determines the split, so that different seeds score different items. Folds never do."""
        return self.split in DRAWN_BY_SEED and self.folds is None and self.split_seed is None

    @property
    def fitted(self) -> bool:
        """Whether the model is fitted in a single step instead of being trained step by step."""
        from xgraph.nn import MODELS

        return self.model in MODELS and MODELS[self.model].fitted

    @staticmethod
    def list_options() -> list[Option]:
        """Return all settings as options, by flat names."""
        return flat_options()

    def flat(self) -> dict[str, Any]:
        """Return all settings by flat names."""
        return {name: getattr(self, name) for name in PLACES}

    def replace(self, **settings: Any) -> "TrainConfig":
        """Return a copy with some settings changed.

        Args:
            settings: The new values, by flat names.
        """
        values = self.flat()
        if settings.get("dataset", self.dataset) != self.dataset:  # what is recognised belongs to the data set
            values = {name: value for name, value in values.items() if name not in RECOGNISED}
        return TrainConfig(**{**values, **settings})

    def to_dict(self) -> dict[str, Any]:
        """Return all settings as plain values by flat names; ``loss`` and ``model`` are tables of a name and options.

        Unset values are left out, and so are the settings of stepwise training if the model is fitted in a single
        step.
        """
        idle = STEPWISE_SETTINGS if self.fitted else ()
        values: dict[str, Any] = {}
        for name, value in self.flat().items():
            if name == "kind" and DatasetTraits.of(self.flat()).registered:
                continue  # the data set's card has it
            of_another_kind = PLACES[name].section == "data" and type(self.data) not in PLACES[name].owners
            if value not in (None, []) and not (name in idle or of_another_kind or isinstance(value, Mapping)):
                values[name] = value
        for part, options in (("loss", self.loss_options), ("model", self.model_options)):
            if part not in idle:
                plain = {name: "none" if value is None else value for name, value in options.items()}
                values[part] = {"name": values[part], **plain}
        return values


_FIELDS = TrainConfig.model_fields
