"""The search for clusters as ``torch.compile`` leaves it out.

Apart, as ``torch.compiler.disable`` imports ``torch._dynamo``, which takes a second: this module is imported only where
that is loaded already.
"""

import torch

from xgraph.nn.molecules.clusters import find

find_clusters = torch.compiler.disable(find)  # type: ignore[no-untyped-call]
