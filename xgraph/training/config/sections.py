"""The other sections of a run's settings: model, loss, batches, optimiser, and the run as a whole."""

import re
import time
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from xgraph.schema import Schema
from xgraph.training.config.data import Count

# Keep in step with `xgraph.training.scoring.metrics`, which is not imported here because it imports NumPy.
Metric = Literal[
    "ap",
    "prc_auc",
    "roc_auc",
    "pauc_mcclish_fpr0.3",
    "pauc_area_fpr0.3",
    "tpauc_tpr0.5_fpr0.5",
    "ef_1",
    "ef_5",
    "bedroc",
    "precision@10",
    "hits@10",
    "ndcg",
    "ndcg@10",
    "ndcg@20",
    "recall@10",
    "recall@20",
    "hit@10",
    "mrr",
    "map@10",
    "accuracy",
    "rmse",
    "mae",
    "r2",
    "pearson",
    "spearman",
]
Schedule = Literal["constant", "cosine"]
Precision = Literal["32", "bf16", "fp16"]
LoggerName = Literal["csv", "tensorboard", "wandb", "mlflow"]
Rate = Annotated[float, Field(gt=0, le=1e30, allow_inf_nan=False)]  # floats overflow in 32 bits

OWN = "valid"
"""The word for `RunSettings.inner` that leaves the validation part as it is."""

_INTERVAL = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(m?)")
_INNER = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


class _Section(Schema):
    """Base of the sections. Where a default depends on the kind of data set, the schema has that for molecules."""

    recipe: ClassVar[Mapping[str, object]] = dict.fromkeys(("name", "pretrain_epochs", "batch_size", "lr", "groups"))


class ModelChoice(_Section):
    """The model.

    Args:
        name: Model; by default ``gine`` for molecules, ``sage`` for nodes, ``attention`` for bags. For molecules and
            bags, ``forest``, ``extra-trees``, ``svm``, ``logistic`` and ``kernel-ridge`` are fitted in a single step,
            without a loss and epochs: to ``features``, or to statistics of a bag's instances. ``mlp`` is a network on
            features of molecules alone.
    """

    name: str = "gine"
    options: dict[str, Any] = Field(default_factory=dict)


class LossChoice(_Section):
    """The loss.

    Args:
        name: Loss; by default ``bce``, on batches that are half positive for one task of molecules or nodes, and ``ce``
            for items that belong to one of several classes, ``mse`` for numbers. Numbers are standardised over the
            training set for the loss, and predicted in their own units.
    """

    name: str = "bce"
    options: dict[str, Any] = Field(default_factory=dict)


class Batches(_Section):
    """The batches of training.

    Args:
        batch_size: Items per batch; by default 64 molecules, 512 nodes or 16 bags.
        sampler: How to draw the batches of the main stage: with both classes (dual), with some tasks and both classes
            of each (tri), in random order (shuffle), or from several groups (group). With one task, balanced is dual;
            with several, it is shuffle. The default is balanced if no loss is named, for molecules and nodes; a loss
            that is named has its own (`xgraph losses NAME`).
        sampling_rate: Share of positives in a batch of the sampler ``dual``, or among the items drawn for a task by
            ``tri``.
        sampled_tasks: Tasks per batch of the sampler ``tri``; they share the batch equally.
        groups: What a group is, for the sampler ``group`` and the loss ``group-dro``: molecules with the same
            Bemis-Murcko scaffold, or items with the same labels. Groups too small for a batch are pooled. By default
            scaffold for molecules, and label for nodes and bags.
        items_per_group: Items of each group in a batch of the sampler ``group``; more if there are too few groups to
            fill the batch.
    """

    batch_size: Count = 64
    sampler: Literal["dual", "tri", "shuffle", "group", "balanced"] | None = None
    sampling_rate: float = Field(default=0.5, gt=0, lt=1)
    sampled_tasks: Count = 5
    groups: Literal["scaffold", "label"] = "scaffold"
    items_per_group: Count = 8


class Optimization(_Section):
    """How a loss is minimised, step by step.

    Args:
        epochs: Epochs in all. The default is 40, and 20 for the loss ``ce`` and for compositional training.
        schedule: How the loss follows cross-entropy: in a second stage with a new head (two-stage); in a second stage
            that keeps the head, with a smaller rate and few positives in a batch (finetune); or in every step, whose
            gradient is taken after an inner step of cross-entropy (compositional). Without a loss, the second stage of
            ``finetune`` is cross-entropy too.
        pretrain_epochs: Of these, epochs of cross-entropy before the loss; by default half. The default is 0 for losses
            that are a form of cross-entropy themselves, unless the schedule is ``finetune``, and for compositional
            training.
        pretrain_loss: What is optimised in these epochs: cross-entropy, or the softmax over whole lists (``listwise``),
            from which the losses of ranked lists (``ndcg``, ``recall``) go on.
        main_lr: Learning rate after these epochs; by default lr, and three tenths of it with the schedule ``finetune``,
            which also sets ``sampling_rate`` to 0.0625 unless it is given.
        inner_lr: Step size of the inner step in compositional training.
        inner_gamma: Weight of the new value in the moving average over inner steps, in (0, 1].
        keep: Which epoch of the main stage to keep and test: the one with the best validation metric, or the last.
        lr: Learning rate; by default 0.001, and 0.01 for nodes.
        weight_decay: Weight decay.
        name: Optimiser.
        lr_schedule: Learning rate over the epochs of a stage: constant, or decaying to zero along a cosine.
        gamma_schedule: Gamma of the loss and of the model over the epochs: constant, or decaying from 1 to its value
            along a cosine. With ``proximal``, each row of a loss that tracks logarithms of means (``sopa-s``,
            ``sota-s``, ``kl-dro``, ``listwise``) has a gamma of its own, larger where its state is higher, and of that
            value where the state is 0.
        ema_decay: Decay per step of an exponential moving average of the weights, which is then validated, kept and
            tested. It averages over about 1 / (1 - decay) steps; 0 turns it off.
        init: Run whose encoder weights to start from. The head is reused too if tasks and features are the same. With
            several folds, each fold starts from its own.
        reference: Run whose losses are subtracted, for the losses ``kl-dro``, ``group-dro`` and ``cvar-dro``: items
            that it cannot fit either count little. Give one over folds: each of its models then scores the items that
            it has not seen. Models such as ``forest`` can be one too.
    """

    recipe: ClassVar[Mapping[str, object]] = dict.fromkeys(("epochs", "pretrain_epochs", "lr"))

    epochs: Count = 40
    schedule: Literal["two-stage", "finetune", "compositional"] = "two-stage"
    pretrain_epochs: int = Field(default=0, ge=0, le=10**9)
    pretrain_loss: Literal["cross-entropy", "listwise"] = "cross-entropy"
    main_lr: Rate | None = None
    inner_lr: Rate = 0.01
    inner_gamma: float = Field(default=0.9, gt=0, le=1)
    keep: Literal["best", "last"] = "best"
    lr: Rate = 1e-3
    weight_decay: float = Field(default=0.0, ge=0, le=1e30, allow_inf_nan=False)
    name: Literal["adam", "adamw", "sgd"] = "adam"
    lr_schedule: Schedule = "cosine"
    gamma_schedule: Literal["constant", "cosine", "proximal"] = "constant"
    ema_decay: float = Field(default=0.0, ge=0, lt=1)
    init: str | None = None
    reference: str | None = None

    @model_validator(mode="after")
    def _loss_has_epochs(self) -> "Optimization":
        if self.pretrain_epochs >= self.epochs:
            raise ValueError(
                f"pretrain_epochs = {self.pretrain_epochs}: expected fewer than epochs = {self.epochs}, which is the "
                "total; the rest is for the loss"
            )
        return self


class RunSettings(_Section):
    """What is trained on and scored, and where.

    Args:
        metric: Validation metric that selects the epoch; by default the data set's own. Of equal epochs, AP and
            then ROC-AUC decide. The metric ``accuracy`` is for items that belong to one of several classes; for those,
            the others are means over one class against the rest. Those of ranked lists (``ndcg``, ``recall@10``, ...)
            are for several label columns. For numbers: ``rmse`` and ``mae``, of which lower
            values are better, ``r2``, ``pearson`` and ``spearman``.
        train_on: What to train on: the training set, or the training and validation sets together. The latter leaves
            nothing to validate on and needs ``keep = last``.
        inner: Inner fold for choosing settings, such as ``0/5`` (the first of five): training and validation sets are
            joined and split anew, in the same way for every seed. The test set is not touched. ``valid`` keeps the
            given validation set, and does not touch the test set either.
        inner_groups: With ``scaffold``, molecules with the same Bemis-Murcko scaffold are in the same inner fold.
        seed: Seed for weights, batches and dropout.
        seeds: Number of runs to train with the seeds ``seed``, ``seed`` + 1, and so on. They have the same parts, and
            are an ensemble: their scores are averaged, and their standard deviation is shown.
        split_seed: Seed for drawing the parts, where the way to split depends on it; by default ``seed``.
        device: Where to train; ``auto`` uses a GPU if there is one.
        precision: Numbers that the network computes with in training: float32 (``32``), or mixed precision with
            bfloat16 (``bf16``) or float16 (``fp16``). Weights, losses, tables of state, validation and scores keep
            float32 in any case. With ``fp16``, the loss is scaled, and steps with infinite gradients are skipped.
        threads: CPU threads; by default one for small networks on the CPU, else torch's own number (OMP_NUM_THREADS).
        devices: Processes on this machine, one per GPU with ``device = cuda``; a batch is divided among them, so that
            the results are those of a single process. Under torchrun or srun, which start the processes, leave it out.
        nodes: Machines. Start the same command on each with torchrun or srun.
        baseline: Fit a baseline beside the network, to compare it with: for molecules a forest on Morgan counts,
            for bags extra-trees on statistics of their instances. It takes seconds, and its results are shown in the
            same table. `xgraph train` fits it by default, unless settings come from a file (``config``);
            :func:`xgraph.train` and recipes do so on request.
        choose: Keep the network, its baseline or the mean of their ranks, whichever has the best validation metric.
            The model ``auto`` stands for the default model with this setting.
        checkpoint_every: Save the run within an epoch too: after so many steps (``500``), or minutes (``10m``). A run
            that a signal stops is always saved after the current step.
        logger: Loggers that the run is written to as well, one or several: TensorBoard, Weights & Biases, MLflow, CSV.
            They write to the folder ``logs`` of the run directory, and nothing leaves this machine unless the
            environment variables of the logger say so.
    """

    metric: Metric | None = None
    train_on: Literal["train", "train+valid"] = "train"
    inner: str | None = None
    inner_groups: Literal["scaffold"] | None = None
    seed: int = Field(default=0, ge=0, lt=2**63)
    seeds: Annotated[int, Field(ge=1, le=1000)] = 1
    split_seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    precision: Precision = "32"
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None  # torch crashes with too many
    devices: Annotated[int, Field(ge=1, le=1024)] = 1
    nodes: Annotated[int, Field(ge=1, le=65536)] = 1
    baseline: bool | None = None
    choose: bool = False
    checkpoint_every: str | None = None
    logger: list[LoggerName] | None = None

    @field_validator("logger")
    @classmethod
    def _each_once(cls, names: list[str] | None) -> list[str] | None:
        return list(dict.fromkeys(names)) if names else None

    @field_validator("checkpoint_every")
    @classmethod
    def _interval(cls, every: str | None) -> str | None:
        if every is not None:
            interval(every)
        return every

    @field_validator("inner")
    @classmethod
    def _inner_fold(cls, inner: str | None) -> str | None:
        if inner is not None:
            inner_fold(inner)
        return inner

    @model_validator(mode="after")
    def _last_seed(self) -> "RunSettings":
        if self.seed + self.seeds > 2**63:
            raise ValueError(f"seeds = {self.seeds}: the last seed would be 2**63 or more with seed = {self.seed}")
        return self

    @model_validator(mode="after")
    def _one_cut(self) -> "RunSettings":
        if self.inner is not None and self.train_on != "train":
            raise ValueError(
                f"train_on = {self.train_on!r}: expected 'train' with inner = {self.inner}, which needs validation"
            )
        if self.inner_groups is not None and self.inner in (None, OWN):
            raise ValueError(f"inner_groups = {self.inner_groups!r}: expected inner = FOLD/FOLDS with it, such as 0/5")
        if self.choose and self.train_on != "train":
            raise ValueError(
                f"train_on = {self.train_on!r}: expected 'train' with the model auto, which is chosen by validation"
            )
        return self


class Interval(NamedTuple):
    """How often a run is saved within an epoch: after so many steps, or seconds."""

    steps: int | None
    seconds: float | None

    def is_due(self, steps: int, saved: float) -> bool:
        """Whether to save now.

        Args:
            steps: Number of steps of this epoch that have been done.
            saved: When the run was saved last, by `time.monotonic`.
        """
        if self.steps is not None:
            return steps % self.steps == 0
        return time.monotonic() - saved >= (self.seconds or 0)


def interval(text: str) -> Interval:
    """Parse `RunSettings.checkpoint_every`."""
    match = _INTERVAL.fullmatch(text)
    number = 0.0 if match is None else float(match[1])
    if match is None or not number or (not match[2] and not match[1].isdecimal()):
        raise ValueError("expected a number of steps, such as 500, or of minutes, such as 10m")
    return Interval(None, 60 * number) if match[2] else Interval(int(match[1]), None)


def inner_fold(text: str) -> tuple[int, int] | None:
    """Parse `RunSettings.inner` into the inner fold and the number of folds; None for "valid"."""
    if text == OWN:
        return None
    match = _INNER.fullmatch(text)
    if match is None or not int(match[1]) < int(match[2]) or int(match[2]) < 2:
        raise ValueError(f"expected FOLD/FOLDS, such as 0/5 (the first of five), or {OWN}")
    return int(match[1]), int(match[2])
