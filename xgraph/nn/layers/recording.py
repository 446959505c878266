"""Whether a model is being recorded for use elsewhere."""

import torch

_exporting = getattr(torch.compiler, "is_exporting", torch.compiler.is_compiling)  # from torch 2.7


def is_recorded() -> bool:
    """Whether `torch.export` or `torch.jit.trace` records the model, so that no step may depend on values."""
    return bool(_exporting() or torch.jit.is_tracing())  # type: ignore[attr-defined, no-untyped-call]
