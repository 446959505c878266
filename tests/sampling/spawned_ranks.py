"""The work of each of two processes in `test_distributed`; a separate module, because they import it by name."""

import json
from pathlib import Path

import numpy as np
import torch.distributed as dist

from xgraph.sampling import DistributedBatches, DualSampler, GroupSampler, TriSampler


def make(kind):
    rng = np.random.default_rng(0)
    if kind == "group":
        return GroupSampler(rng.integers(0, 20, 301), 3, 4, seed=1)
    labels = (rng.random((301, 3)) < 0.2).astype(float)
    return DualSampler(labels, 13, seed=1) if kind == "dual" else TriSampler(labels, 5, 2, seed=1)


def go(rank, world_size, folder):
    """Write an epoch, a state of one rank from the middle of the next epoch, and the batches resumed from it."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=world_size)
    result = {}
    for kind in ("dual", "tri", "group"):
        sampler = DistributedBatches(make(kind))
        epoch = list(sampler)
        iterator = iter(sampler)
        used = [next(iterator) for _ in range(4)]
        # All ranks load the state of rank 1.
        states = [sampler.state_dict()]
        dist.broadcast_object_list(states, src=1)
        restored = DistributedBatches(make(kind))
        restored.load_state_dict(states[0])
        result[kind] = {"rank": sampler.rank, "epoch": epoch, "used": used, "rest": list(restored)}
    Path(folder, f"{rank}.json").write_text(json.dumps(result))
    dist.destroy_process_group()
