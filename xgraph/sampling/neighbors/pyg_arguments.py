"""Arguments of PyG's loader that `NeighborLoader` does not take, and what there is instead."""

from collections.abc import Mapping
from typing import Any

INSTEAD = {
    "num_workers": "batches are made ahead by a thread: prefetch=2 is their number",
    "persistent_workers": "batches are made ahead by a thread: prefetch=2 is their number",
    "prefetch_factor": "batches are made ahead by a thread: prefetch=2 is their number",
    "filter_per_worker": "batches are made ahead by a thread: prefetch=2 is their number",
    "pin_memory": "batches are put on the device given by device=..., through page-locked memory",
    "subgraph_type": "the subgraph is the directed one",
    "directed": "the subgraph is the directed one",
    "time_attr": "temporal sampling is not supported",
    "input_time": "temporal sampling is not supported",
    "temporal_strategy": "temporal sampling is not supported",
    "weight_attr": "edges are drawn uniformly",
    "input_id": "input_id of a batch holds positions in input_nodes",
    "is_sorted": "edges are sorted where they are not",
    "transform_sampler_output": "transform=... is given each batch",
    "neighbor_sampler": "PyG's NodeLoader takes a sampler: NodeLoader(data, NeighborSampler(data, [10, 5]))",
    "generator": "seed=... fixes all draws, and set_epoch those of an epoch",
    "worker_init_fn": "there are no worker processes, prefetch=2 is the number of batches made ahead by a thread",
    "collate_fn": "transform=... is given each batch",
    "sampler": "batch_sampler=... takes lists of positions in input_nodes",
}
"""What stands for those arguments of PyG's loader that are not here."""


def refuse(arguments: Mapping[str, Any]) -> None:
    """Raise an error if there are any arguments."""
    for name in arguments:
        if name not in INSTEAD:
            raise TypeError(f"NeighborLoader() got an unexpected keyword argument {name!r}")
        raise TypeError(f"NeighborLoader does not take PyG's argument {name}: {INSTEAD[name]}")
