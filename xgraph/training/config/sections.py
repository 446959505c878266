"""The other sections of a run's settings: model, loss, batches, optimiser, and the run as a whole."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from xgraph.schema import Schema
from xgraph.training.config.data import Count

# The names are those of `xgraph.training.scoring.metrics`, which takes NumPy to import.
Metric = Literal[
    "ap", "prc_auc", "roc_auc", "pauc_mcclish_fpr0.3", "pauc_area_fpr0.3", "tpauc_tpr0.5_fpr0.5", "accuracy"
]
Schedule = Literal["constant", "cosine"]
Rate = Annotated[float, Field(gt=0, le=1e30, allow_inf_nan=False)]  # floats overflow in 32 bits

OWN = "valid"
"""The word for `RunSettings.inner` that leaves the validation part as it is."""

_INNER = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


class _Section(Schema):
    """A section; what is not given may depend on the data set, and the defaults are then those of molecules."""

    recipe: ClassVar[Mapping[str, object]] = dict.fromkeys(("name", "pretrain_epochs", "batch_size", "lr", "groups"))


class ModelChoice(_Section):
    """The model.

    Args:
        name: Model by name; by default gine for molecules, sage for the nodes of a graph, attention for bags. For
            molecules, forest, extra-trees and svm are fitted to features in a single step, without a loss and epochs.
    """

    name: str = "gine"
    options: dict[str, Any] = Field(default_factory=dict)


class LossChoice(_Section):
    """The loss.

    Args:
        name: Objective by name; by default soap, auc-margin for bags, and ce for classes that exclude each other.
    """

    name: str = "soap"
    options: dict[str, Any] = Field(default_factory=dict)


class Batches(_Section):
    """The batches of training.

    Args:
        batch_size: Molecules, nodes or bags in a batch; by default 64, 512 and 16.
        sampler: What the batches of the main stage hold: both classes (dual), some tasks and both classes of each
            (tri), whatever comes (shuffle), some groups (group); by default what suits the loss.
        sampling_rate: Share of positives in a batch, or among those drawn for a task, of the samplers dual and tri.
        sampled_tasks: Tasks in a batch of the sampler tri, which share it equally.
        groups: What a group is, for the sampler group and for losses of groups: molecules with the same
            Bemis-Murcko scaffold, or molecules, nodes or bags with the same labels; groups too small for a batch are
            pooled. By default scaffold for molecules.
        items_per_group: Items of each group in a batch of the sampler group; more if the groups are too few to
            fill it.
    """

    batch_size: Count = 64
    sampler: Literal["dual", "tri", "shuffle", "group"] | None = None
    sampling_rate: float = Field(default=0.5, gt=0, lt=1)
    sampled_tasks: Count = 5
    groups: Literal["scaffold", "label"] = "scaffold"
    items_per_group: Count = 8


class Optimization(_Section):
    """How a loss is minimised, step by step.

    Args:
        epochs: Epochs of the main stage, in which the loss is minimised.
        training: How features are learned: by cross-entropy in a stage before the loss, or in each step of the loss
            (its gradient is taken after an inner step of cross-entropy).
        pretrain_epochs: Epochs of cross-entropy before the main stage; the head is then initialised again. By
            default 20; none before ce, nor in compositional training, where the head is kept.
        inner_lr: Length of the inner step of compositional training.
        inner_gamma: Weight of the new value in the average over inner steps, in (0, 1].
        keep: Which epoch of the main stage is kept, and tested: that with the best validation metric, or the last.
        lr: Learning rate; by default 0.001 for molecules and bags, and 0.01 for nodes.
        weight_decay: Weight decay.
        name: Optimiser.
        lr_schedule: Learning rate over the epochs of a stage: as it is, or falling to zero along a cosine.
        gamma_schedule: The gamma of the loss, and that of the model, over the epochs: as it is, or falling from 1 to it
            along a cosine.
        ema_decay: Validate, keep and test an exponential moving average of the weights with this decay per step, of
            about 1 / (1 - decay) steps; 0 takes the weights themselves.
        init: Run whose encoder weights to start from; its head too, if tasks and features are the same. Of a run over
            folds, each fold takes its own.
    """

    recipe: ClassVar[Mapping[str, object]] = dict.fromkeys(("pretrain_epochs", "lr"))

    epochs: Count = 20
    training: Literal["two-stage", "compositional"] = "two-stage"
    pretrain_epochs: int = Field(default=20, ge=0, le=10**9)
    inner_lr: Rate = 0.01
    inner_gamma: float = Field(default=0.9, gt=0, le=1)
    keep: Literal["best", "last"] = "best"
    lr: Rate = 1e-3
    weight_decay: float = Field(default=0.0, ge=0, le=1e30, allow_inf_nan=False)
    name: Literal["adam", "adamw", "sgd"] = "adam"
    lr_schedule: Schedule = "cosine"
    gamma_schedule: Schedule = "constant"
    ema_decay: float = Field(default=0.0, ge=0, lt=1)
    init: str | None = None


class RunSettings(_Section):
    """What is trained on and scored, and where.

    Args:
        metric: Validation metric that selects the epoch; by default the data set's own. The accuracy is that of
            classes that exclude each other; there, the other metrics are means over each class against the rest.
        train_on: What is trained on: the training part, or the training and the validation part together. Nothing is
            validated then, so the last epoch must be kept.
        inner: Inner fold to choose settings by, such as `0/5` (of five, counted from 0): training and validation part
            are joined and cut anew, the same for each seed, and the test part is not touched; `valid` does not touch
            it either, and leaves the other parts as they are.
        seed: Seed of initialisation, batches and dropout.
        device: Where to train; `auto` takes a GPU if there is one.
        threads: CPU threads of torch; by default its own number.
    """

    metric: Metric | None = None
    train_on: Literal["train", "train+valid"] = "train"
    inner: str | None = None
    seed: int = Field(default=0, ge=0, lt=2**63)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None  # torch crashes with too many

    @field_validator("inner")
    @classmethod
    def _inner_fold(cls, inner: str | None) -> str | None:
        if inner is not None:
            inner_fold(inner)
        return inner

    @model_validator(mode="after")
    def _one_cut(self) -> "RunSettings":
        if self.inner is not None and self.train_on != "train":
            raise ValueError(
                f"train_on = {self.train_on!r}: expected 'train' with inner = {self.inner}, which validates on a part"
            )
        return self


def inner_fold(text: str) -> tuple[int, int] | None:
    """Parse `RunSettings.inner` into the inner fold and the number of folds; None for "valid"."""
    if text == OWN:
        return None
    match = _INNER.fullmatch(text)
    if match is None or not int(match[1]) < int(match[2]) or int(match[2]) < 2:
        raise ValueError(f"expected FOLD/FOLDS, such as 0/5 (the first of five), or {OWN}")
    return int(match[1]), int(match[2])
