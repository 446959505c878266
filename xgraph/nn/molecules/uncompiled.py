"""The search for clusters, excluded from ``torch.compile``.

It is a separate module because ``torch.compiler.disable`` imports ``torch._dynamo``, which takes a second: this module
is only imported if that is already loaded.
"""

import torch

from xgraph.nn.molecules.clusters import find

find_clusters = torch.compiler.disable(find)  # type: ignore[no-untyped-call]
