"""Functions excluded from ``torch.compile``, because they use NumPy and branch on values.

A module of their own, for the reason given in :mod:`xgraph.losses.uncompiled`.
"""

import torch

from xgraph.losses.pairs import gradient, ordered

reduce = torch.compiler.disable(gradient.reduce)  # type: ignore[no-untyped-call]
quantile = torch.compiler.disable(ordered.quantile)  # type: ignore[no-untyped-call]
