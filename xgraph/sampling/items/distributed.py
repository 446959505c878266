"""The batches of an epoch, divided among processes."""

from collections.abc import Iterator
from itertools import chain, islice, repeat
from typing import Literal, get_args

import numpy as np
import torch.distributed as dist

from xgraph.checks import choice, integer
from xgraph.sampling.items.epochs import EpochSampler, IntArray

Split = Literal["batches", "rows"]


class DistributedBatches(EpochSampler):
    """One process's share of the batches of any sampler of this package.

    With ``split="rows"``, every batch is divided among the R processes, in parts whose sizes differ by at most one. So
    in each step the processes together hold the batch that a single process would see, without overlap or loss, and
    with a gathered loss (:func:`xgraph.distributed.gathered`) they compute what a single process computes. A batch of
    fewer than R items leaves some processes with an empty list: they take part in the step without items.

    With ``split="batches"``, the default, a step takes R times as many items: process r gets the batches r, r + R,
    r + 2R, … of the epoch that a single process would see. Each batch has the composition that the sampler guarantees.
    All processes get ``ceil(len(sampler) / R)`` batches, so that none waits for another at the end. If R does not
    divide the number of batches, the last step is filled with batches from the beginning of the epoch; no batch is
    dropped.

    Every process must have the same sampler: same data, settings and seed. The processes do not communicate; each
    draws the whole epoch and keeps its share.

    **Resuming.** A state counts the batches of all processes together, so it is the same in every process. It can be
    loaded by every process, by another number of processes, or by the sampler alone; the rest of the epoch is then
    divided anew. ``consumed`` counts the batches of one process. The wrapper starts at the position of ``sampler`` and
    keeps its own position afterwards.

    With Lightning, set ``Trainer(use_distributed_sampler=False)``; otherwise Lightning replaces the sampler.

    Args:
        sampler: The sampler that a single process would use.
        num_replicas: Number of processes; by default that of the default group of ``torch.distributed``.
        rank: Number of this process, from 0; by default its rank in that group.
        split: What is divided: each batch ("rows"), or the list of batches ("batches").

    Raises:
        TypeError: If ``sampler`` is not a sampler of this package or is already distributed, or a number is not an
            integer.
        ValueError: If ``split`` is unknown, ``num_replicas`` or ``rank`` is out of range, or is omitted and
            ``torch.distributed`` is not initialised.

    Example:
        >>> import torch
        >>> from xgraph.sampling import DualSampler
        >>> sampler = DualSampler(torch.tensor([0, 1, 0, 1, 0, 0, 0, 0, 0, 0]), batch_size=4)
        >>> whole = list(sampler.batches(epoch=0))
        >>> len(whole)
        4
        >>> shares = [list(DistributedBatches(sampler, num_replicas=2, rank=r)) for r in (0, 1)]
        >>> shares[0] == [whole[0].tolist(), whole[2].tolist()], shares[1] == [whole[1].tolist(), whole[3].tolist()]
        (True, True)
        >>> parts = [next(iter(DistributedBatches(sampler, 2, r, split="rows"))) for r in (0, 1)]
        >>> parts[0] + parts[1] == list(sampler.batches(epoch=0))[0].tolist()
        True
    """

    def __init__(
        self,
        sampler: EpochSampler,
        num_replicas: int | None = None,
        rank: int | None = None,
        *,
        split: Split = "batches",
    ) -> None:
        if not isinstance(sampler, EpochSampler) or isinstance(sampler, DistributedBatches):
            raise TypeError(
                "sampler must be a DualSampler, a TriSampler, a GroupSampler or another EpochSampler "
                f"that is not yet distributed, got {type(sampler).__name__}"
            )
        super().__init__(sampler.seed)
        if num_replicas is None or rank is None:
            if not (dist.is_available() and dist.is_initialized()):
                missing = " and ".join(k for k, v in (("num_replicas", num_replicas), ("rank", rank)) if v is None)
                raise ValueError(
                    f"{missing} must be given because torch.distributed is not initialised "
                    "(or call torch.distributed.init_process_group first)"
                )
            num_replicas = dist.get_world_size() if num_replicas is None else num_replicas
            rank = dist.get_rank() if rank is None else rank
        self.sampler = sampler
        self.split = choice("split", split, get_args(Split))
        self.num_replicas = integer("num_replicas", num_replicas, 1)
        self.rank = integer("rank", rank, 0)
        if self.rank >= self.num_replicas:
            raise ValueError(f"rank must be less than num_replicas = {self.num_replicas}, got {self.rank}")
        self._stride = 1 if split == "rows" else self.num_replicas
        self.follow(sampler)

    def __len__(self) -> int:
        """Number of batches that each process gets in an epoch."""
        return -(-len(self.sampler) // self._stride)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.sampler!r}, num_replicas={self.num_replicas}, rank={self.rank}, "
            + ("split='rows', " if self.split == "rows" else "")
            + f"batches={len(self)})"
        )

    def identity(self) -> dict[str, int]:
        """Return the values that the sampler's batches depend on."""
        return self.sampler.identity()

    def batches(self, epoch: int) -> Iterator[IntArray]:
        """Iterate over this process's batches of an epoch; the current position is neither used nor changed.

        Args:
            epoch: Number of the epoch, from 0.
        """
        return self._from(epoch, 0)

    def _num_batches(self) -> int:
        return len(self.sampler)

    def _from(self, epoch: int, position: int) -> Iterator[IntArray]:
        if self.split == "rows":
            for batch in islice(self.sampler.batches(epoch), position, None):
                yield np.array_split(batch, self.num_replicas)[self.rank]
            return
        steps = -(-(len(self.sampler) - position) // self.num_replicas)
        repeated = chain.from_iterable(map(self.sampler.batches, repeat(epoch)))
        yield from islice(islice(repeated, position + self.rank, None, self.num_replicas), steps)
