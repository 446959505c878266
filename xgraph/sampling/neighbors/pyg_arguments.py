"""Arguments of PyG's loader that `NeighborLoader` does not support, and their alternatives."""

from collections.abc import Mapping
from typing import Any

INSTEAD = {
    "num_workers": "a thread prepares batches in advance; set their number with prefetch=2",
    "persistent_workers": "a thread prepares batches in advance; set their number with prefetch=2",
    "prefetch_factor": "a thread prepares batches in advance; set their number with prefetch=2",
    "filter_per_worker": "a thread prepares batches in advance; set their number with prefetch=2",
    "pin_memory": "set device=... to get batches on a device; they are copied through page-locked memory",
    "subgraph_type": "subgraphs are always directional",
    "directed": "subgraphs are always directional",
    "time_attr": "temporal sampling is not supported",
    "input_time": "temporal sampling is not supported",
    "temporal_strategy": "temporal sampling is not supported",
    "weight_attr": "edges are always drawn uniformly",
    "input_id": "the input_id of a batch holds positions in input_nodes",
    "is_sorted": "edges are sorted automatically",
    "transform_sampler_output": "use transform=..., which is applied to each batch",
    "neighbor_sampler": "pass a sampler to PyG's NodeLoader: NodeLoader(data, NeighborSampler(data, [10, 5]))",
    "generator": "use seed=... and set_epoch(...), which determine all draws",
    "worker_init_fn": "there are no worker processes; a thread prepares batches in advance (prefetch=2)",
    "collate_fn": "use transform=..., which is applied to each batch",
    "sampler": "use batch_sampler=..., which takes lists of positions in input_nodes",
}
"""For each unsupported argument of PyG's loader, the alternative."""


def reject(arguments: Mapping[str, Any]) -> None:
    """Raise an error if there are any arguments."""
    for name in arguments:
        if name not in INSTEAD:
            raise TypeError(f"NeighborLoader() got an unexpected keyword argument {name!r}")
        raise TypeError(f"NeighborLoader does not support PyG's argument {name}: {INSTEAD[name]}")
