"""The objective of a run: its loss, and the samplers of the batches that it is estimated on."""

import inspect
from typing import TYPE_CHECKING, Any, NamedTuple

from xgraph.losses.pairs.surrogates import NAMES
from xgraph.losses.pointwise.errors import ERRORS
from xgraph.options import OptionError
from xgraph.sampling.items.epochs import EpochSampler
from xgraph.training.config.build import TrainConfig, registry
from xgraph.training.fit.constraints.reference import check_reference, reference_losses
from xgraph.training.fit.groups import make_groups
from xgraph.training.fit.machine.state import check_state
from xgraph.training.fit.many_classes import exact_if_few
from xgraph.training.sources.batches import make_sampler

if TYPE_CHECKING:
    from xgraph.losses import Loss
    from xgraph.training.fit.constraints.terms import Terms
    from xgraph.training.sources import Source


class Objective(NamedTuple):
    """The loss of the main stage, and the samplers of both stages.

    Args:
        loss: Maps (logits, labels, positions in the data set) to a scalar.
        samplers: Samplers of batches of positions in the training part, by stage.
    """

    loss: "Loss"
    samplers: dict[str, EpochSampler]


def batches_of(config: TrainConfig, num_tasks: int) -> str:
    """Return how the batches of the main stage are drawn: "dual", "tri", "shuffle" or "group"."""
    batches: str = config.sampler or registry("loss")[config.loss].sampler
    if batches == "balanced":
        return "dual" if num_tasks == 1 else "shuffle"
    return batches


def make_objective(config: TrainConfig, source: "Source", terms: "Terms | None" = None) -> Objective:
    """Build the loss and the samplers; batches are drawn by the labels that the loss is computed with."""
    loss_class = registry("loss")[config.loss]
    batches = batches_of(config, source.num_tasks)
    if source.weights is not None and not loss_class.takes_weights:
        fitting = [name for name, cls in registry("loss").items() if cls.takes_weights]
        raise OptionError(
            f"weight_column: loss {config.loss!r} cannot weight items; losses that can: {', '.join(fitting)}"
        )
    takes_groups = "groups" in inspect.signature(loss_class).parameters
    options = dict(config.loss_options)
    groups = None
    if takes_groups or batches == "group":
        groups = make_groups(config.groups, source, config.items_per_group)
    if takes_groups:
        options["groups"] = groups
    train = source.splits["train"]
    targets, own = source.targets(train), None if groups is None else groups[train]
    labels = targets if terms is None else terms.labels(targets)
    if "relevance" in inspect.signature(loss_class).parameters:
        options["relevance"] = targets
    if "class_count" in inspect.signature(loss_class).parameters:
        options["class_count"] = (targets == 1).sum(0)
    if "groups" not in options:
        few = {"relevance": targets[:1]} if "relevance" in options else {}  # its state grows with items, not with these
        check_state(config.loss, len(source), source.num_tasks, {**options, **few})
    try:
        if "gamma" in options:
            options["gamma"] = _gamma(config, options["gamma"])
        loss: Loss = loss_class(len(source), source.num_tasks, **options)
        if config.reference is not None:
            check_reference(config)
            table = reference_losses(config, source, loss)
            loss = loss_class(len(source), source.num_tasks, **options, reference=table)
        loss = exact_if_few(loss, options.get("label_smoothing", 0.0))
    except ValueError as error:  # an option is out of range
        raise OptionError(str(error)) from None
    if (loss.link == "identity") != source.numbers:
        what = "numbers" if source.numbers else "labels 0 and 1"
        raise OptionError(
            f"surrogate = {options['surrogate']!r}: it is for {'labels' if source.numbers else 'numbers'}, but "
            f"{source.name!r} has {what}"
            + (f"; choose from {', '.join(ERRORS)}" if source.numbers else f"; choose from {', '.join(NAMES)}")
        )
    stages = {"pretrain": "shuffle", "main": batches}
    return Objective(loss, {stage: make_sampler(kind, labels, config, own) for stage, kind in stages.items()})


def make_pretrain_loss(config: TrainConfig, source: "Source") -> "Loss":
    """Build the loss of the epochs before the main stage."""
    from xgraph.losses import BCELoss, CrossEntropyLoss, ListwiseCELoss, MSELoss

    sizes = len(source), source.num_tasks
    if config.pretrain_loss == "listwise":
        if source.numbers or source.several_classes:
            what = "numbers" if source.numbers else "mutually exclusive classes"
            raise OptionError(f"pretrain_loss = 'listwise': it is for labels 0 and 1, but {source.name!r} has {what}")
        if source.weights is not None:
            raise OptionError("weight_column: pretrain_loss = 'listwise' cannot weight items; expected cross-entropy")
        return ListwiseCELoss(*sizes, relevance=source.targets(source.splits["train"]))
    usual = MSELoss if source.numbers else CrossEntropyLoss if source.several_classes else BCELoss
    return usual(*sizes)


def _gamma(config: TrainConfig, gamma: Any) -> Any:
    """Return γ as the loss takes it: a number, a schedule over the epochs, or a rule for each row."""
    from xgraph.estimators import CosineGamma, Proximal

    if gamma is None and config.gamma_schedule == "cosine":
        raise OptionError(
            f"gamma_schedule = 'cosine': give gamma as well; by default loss {config.loss!r} has a γ for each item"
        )
    if gamma is None:
        return None
    if config.gamma_schedule == "cosine":
        return CosineGamma(config.main_epochs, gamma_min=gamma)
    if config.gamma_schedule == "proximal":
        if not gamma < 1:
            raise OptionError(f"gamma = {gamma}: expected less than 1 with gamma_schedule = 'proximal'")
        return Proximal(alpha=gamma / (1 - gamma))
    return gamma
