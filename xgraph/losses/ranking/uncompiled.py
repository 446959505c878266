"""Checks excluded from ``torch.compile``, as in :mod:`xgraph.losses.uncompiled`."""

import torch

from xgraph.losses.ranking import checks

check_graded = torch.compiler.disable(checks.check_graded)  # type: ignore[no-untyped-call]
