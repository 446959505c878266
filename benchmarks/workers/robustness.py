"""Worker: tests a loss on extreme and incomplete input. Also runs in LibAUC's environment."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from io import BytesIO

import torch
from _libraries import Call, make
from _serve import serve
from torch import Tensor, nn

ITEMS, BATCH, POSITIVES = 256, 64, 16
AFTER = 100
Seen = tuple[bool, str]


class Training:
    """Calls a loss as training does: items return in later batches and keep their labels."""

    def __init__(self, library: str, loss: str, seed: int = 0) -> None:
        self.module: nn.Module
        self.call: Call
        self.module, self.call = make(library, loss, ITEMS, 1)
        # LibAUC's margin loss leaves its scalars to the optimiser
        parameters = list(self.module.parameters())
        self.optimizer = torch.optim.SGD(parameters, lr=0.1) if parameters else None
        self.generator = torch.Generator().manual_seed(seed)

    def batch(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return random logits; a quarter of the batch is positive, and items 0 to 63 are the positives."""
        positive = torch.randperm(ITEMS // 4, generator=self.generator)[:POSITIVES]
        negative = torch.randperm(ITEMS * 3 // 4, generator=self.generator)[: BATCH - POSITIVES] + ITEMS // 4
        index = torch.cat([positive, negative])
        return torch.randn(BATCH, 1, generator=self.generator), (index < ITEMS // 4).float().view(-1, 1), index

    def step(self, logits: Tensor, target: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        """Return value and gradient."""
        logits = logits.detach().clone().requires_grad_()
        if self.optimizer is not None:
            self.optimizer.zero_grad()
        value = self.call(logits, target, index)
        value.backward()
        if self.optimizer is not None:
            self.optimizer.step()
        return value.detach(), logits.grad


def finite(library: str, loss: str, size: float, dtype: torch.dtype) -> Seen:
    """Ordinary steps, then twice the worst ranking: all positives at -size, all negatives at +size."""
    training = Training(library, loss)
    for _ in range(3):
        training.step(*training.batch())
    for _ in range(2):
        _, target, index = training.batch()
        value, grad = training.step((size * (1 - 2 * target)).to(dtype), target, index)
        if not (value.isfinite().all() and grad.isfinite().all()):
            return False, f"value {value.item()}, gradient finite: {bool(grad.isfinite().all())}"
    return True, f"value {value.item():.6g}"


def alive(library: str, loss: str) -> Seen:
    """After one extreme batch, an ordinary batch has a gradient of at least 1 % of its usual size."""
    training, other = Training(library, loss), Training(library, loss)
    for _ in range(3):
        training.step(*training.batch())
        other.step(*other.batch())
    everything = torch.arange(ITEMS)
    labels = (everything < ITEMS // 4).float().view(-1, 1)
    training.step(1e4 * (1 - 2 * labels), labels, everything)
    for number in range(AFTER):
        grad = training.step(*training.batch())[1].norm().item()
        usual = other.step(*other.batch())[1].norm().item()
        if math.isfinite(grad) and grad >= 0.01 * usual:
            return True, f"after {number + 1}"
    return False, f"gradient {grad:.3g}, without the extreme batch {usual:.3g}"


def resumes(library: str, loss: str) -> Seen:
    """Ten steps, state_dict through a file to a new loss, then twenty steps of both are bitwise equal."""
    training = Training(library, loss)
    for _ in range(10):
        training.step(*training.batch())
    file = BytesIO()
    torch.save(training.module.state_dict(), file)
    file.seek(0)
    resumed = Training(library, loss)
    resumed.module.load_state_dict(torch.load(file, weights_only=True))
    for number in range(20):
        batch = training.batch()
        for one, two in zip(training.step(*batch), resumed.step(*batch), strict=True):
            if not torch.equal(one, two):
                return False, f"differs at step {number + 1}; state_dict holds {list(training.module.state_dict())}"
    return True, "equal"


def missing(library: str, loss: str) -> Seen:
    """Rows with a NaN label change neither value nor gradient, and get no gradient."""
    training, other = Training(library, loss), Training(library, loss)
    logits, target, index = training.batch()
    rows = torch.arange(0, BATCH, 5)
    keep = torch.ones(BATCH, dtype=torch.bool)
    keep[rows] = False
    with_nan = target.clone()
    with_nan[rows] = math.nan
    value, grad = training.step(logits, with_nan, index)
    expected, expected_grad = other.step(logits[keep], target[keep], index[keep])
    same = torch.allclose(value, expected, atol=1e-6) and torch.allclose(grad[keep], expected_grad, atol=1e-6)
    return same and not grad[rows].any(), f"value {value.item():.6g}, without these rows {expected.item():.6g}"


def one_class(library: str, loss: str) -> Seen:
    """Batches with only negatives or only positives give a finite value and gradient, no error."""
    for label in (0.0, 1.0):
        training = Training(library, loss)
        logits, _, index = training.batch()
        value, grad = training.step(logits, torch.full_like(logits, label), index)
        if not (value.isfinite().all() and grad.isfinite().all()):
            return False, f"labels {label:g}: value {value.item()}"
    return True, f"value {value.item():.6g}"


CHECKS: dict[str, Callable[[str, str], Seen]] = {
    "finite at ±10": lambda library, loss: finite(library, loss, 10.0, torch.float32),
    "finite at ±1e4": lambda library, loss: finite(library, loss, 1e4, torch.float32),
    "finite at ±10, float16": lambda library, loss: finite(library, loss, 10.0, torch.float16),
    "gradients after ±1e4": alive,
    "resumes to the bit": resumes,
    "NaN is missing": missing,
    "one class": one_class,
}


def answer(check: str, library: str, loss: str) -> dict[str, object]:
    """Run a check; an error counts as failed."""
    try:
        passed, seen = CHECKS[check](library, loss)
    except Exception as error:  # a user would see it, whatever it is
        passed, seen = False, f"{type(error).__name__}: {str(error)[:200]}"
    return {"passed": bool(passed), "seen": seen}


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    serve(lambda **question: answer(**question) if question else {"checks": list(CHECKS)})
