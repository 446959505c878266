"""The arms: what is minimised, on which batches, after which first stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

HALF, SIXTEENTH = 0.5, 0.0625
"""Shares of positives in a batch: of the published recipes, and of ``--schedule finetune``."""
PUBLISHED: dict[str, Any] = {"surrogate": "squared_hinge", "margin": 1.0, "activation": "sigmoid"}
LOGISTIC: dict[str, Any] = {"surrogate": "logistic", "activation": None}
LOSSES = {
    "soap": "SOAP",
    "sopa-s": "SOPA-s",
    "sota-s": "SOTA-s",
    "auc-margin": "AUC margin",
    "auc-pairwise": "pairwise AUC",
}


@dataclass(frozen=True)
class Arm:
    """One way of training."""

    name: str
    loss: str
    options: Mapping[str, Any] = field(default_factory=dict)
    form: Literal["one-stage", "new-head", "finetune"] = "one-stage"
    """All steps with the loss; or half of them with cross-entropy, and then a new head or the old one."""
    positives: float | None = None
    """Share of positives in a batch; None: shuffled."""

    @property
    def rates(self) -> tuple[float, ...]:
        """Learning rates to choose from: of the only stage, or of the second one as a factor of the first."""
        return (1e-4, 3e-4, 1e-3) if self.form == "one-stage" else (3.0, 1.0, 0.3)


def _two_stage(form: Literal["new-head", "finetune"]) -> list[Arm]:
    """The arms of one form; cross-entropy is among them, to tell the effect of the loss from that of the form."""
    share = HALF if form == "new-head" else SIXTEENTH
    arms = [Arm(f"bce-{form}", "bce", {}, form, share)]
    for loss in LOSSES:
        # the centres of the AUC margin loss have no logistic form
        logistic = form == "finetune" and loss != "auc-margin"
        arms.append(Arm(f"{loss}-{form}", loss, LOGISTIC if logistic else PUBLISHED, form, share))
    return arms


REFERENCE = "bce"
ONE_STAGE = [
    Arm(REFERENCE, "bce"),
    Arm("bce-half", "bce", positives=HALF),
    Arm("bce-sixteenth", "bce", positives=SIXTEENTH),
    Arm("bce-weighted", "bce", {"pos_weight": "balanced"}),
    Arm("focal", "focal"),
]
TWO_STAGE = [*_two_stage("new-head"), *_two_stage("finetune")]
ARMS = {arm.name: arm for arm in (*ONE_STAGE, *TWO_STAGE)}
FORESTS = ("forest-minimol", "forest-morgan")
"""References outside the comparison: random forests, which have no gradient steps."""


def title(name: str) -> str:
    """The arm in words, as in tables."""
    one_stage = {
        "bce": "cross-entropy",
        "bce-half": "cross-entropy, half positives",
        "bce-sixteenth": "cross-entropy, 1/16 positives",
        "bce-weighted": "weighted cross-entropy",
        "focal": "focal loss",
        "forest-minimol": "random forest, MiniMol",
        "forest-morgan": "random forest, Morgan counts",
    }
    if name in one_stage:
        return one_stage[name]
    loss = LOSSES.get(ARMS[name].loss, "cross-entropy")
    return f"{loss}, {'new head' if ARMS[name].form == 'new-head' else 'fine-tuned'}"
