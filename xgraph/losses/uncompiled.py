"""Checks excluded from ``torch.compile``, because they branch on values and would be recompiled for each size.

They are in a separate module because ``torch.compiler.disable`` imports ``torch._dynamo``, which takes a second; this
module is only imported if that is already loaded.
"""

import torch

from xgraph.losses import batch

check_values = torch.compiler.disable(batch.check_values)  # type: ignore[no-untyped-call]
check_numbers = torch.compiler.disable(batch.check_numbers)  # type: ignore[no-untyped-call]
