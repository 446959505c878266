"""Checks that ``torch.compile`` leaves out: they branch on values, and would be compiled anew for each size.

Apart, as ``torch.compiler.disable`` imports ``torch._dynamo``, which takes a second: this module is imported only where
that is loaded already.
"""

import torch

from xgraph.losses import batch

check_values = torch.compiler.disable(batch.check_values)  # type: ignore[no-untyped-call]
