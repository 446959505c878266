"""One epoch, shared out among processes."""

from collections.abc import Iterator
from itertools import chain, islice, repeat

import torch.distributed as dist

from xgraph.checks import integer
from xgraph.sampling.items.epochs import EpochSampler, IntArray


class DistributedBatches(EpochSampler):
    """The share of one process in the batches of any sampler of this package.

    Process r of R is given the batches r, r + R, r + 2R, … of the epoch that one process alone would have: each
    holds what the sampler promises, and in every step the processes hold different ones. All are given
    ``ceil(len(sampler) / R)`` batches, so that none waits for another at the end; if R does not divide the
    number, the last step is filled up with batches from the epoch's beginning, and no batch is dropped.

    Every process must have the same sampler: same data, settings and seed. No communication takes place; each
    process draws the whole epoch and keeps its share.

    **Resuming:** a state counts the batches of the epoch in all processes together. So it is the same in every
    process; it may be loaded by every process, by another number of processes, and by the sampler alone, and
    the rest of the epoch is then shared out. `consumed` counts the batches of one process, as for the sampler
    alone. The wrapper starts where `sampler` is and keeps a position of its own afterwards.

    Lightning is to be told ``Trainer(use_distributed_sampler=False)``, as it would put its own in place.

    Args:
        sampler: What each process would use if it were alone.
        num_replicas: Number of processes; by default that of `torch.distributed`'s default group.
        rank: Number of this process, from 0; by default its rank in that group.

    Raises:
        TypeError: If `sampler` is not a sampler of this package or is distributed already, or a number is not an
            integer.
        ValueError: If `num_replicas` or `rank` is out of range, or is left out without an initialised
            `torch.distributed`.

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
    """

    def __init__(self, sampler: EpochSampler, num_replicas: int | None = None, rank: int | None = None) -> None:
        if not isinstance(sampler, EpochSampler) or isinstance(sampler, DistributedBatches):
            raise TypeError(
                "sampler must be a DualSampler, a TriSampler, a GroupSampler or another EpochSampler, "
                f"not distributed yet, got {type(sampler).__name__}"
            )
        super().__init__(sampler.seed)
        if num_replicas is None or rank is None:
            if not (dist.is_available() and dist.is_initialized()):
                missing = " and ".join(k for k, v in (("num_replicas", num_replicas), ("rank", rank)) if v is None)
                raise ValueError(
                    f"{missing} must be given, as torch.distributed is not initialised "
                    "(or call torch.distributed.init_process_group first)"
                )
            num_replicas = dist.get_world_size() if num_replicas is None else num_replicas
            rank = dist.get_rank() if rank is None else rank
        self.sampler = sampler
        self.num_replicas = self._stride = integer("num_replicas", num_replicas, 1)
        self.rank = integer("rank", rank, 0)
        if self.rank >= self.num_replicas:
            raise ValueError(f"rank must be less than num_replicas = {self.num_replicas}, got {self.rank}")
        self.follow(sampler)

    def __len__(self) -> int:
        """Number of batches that each process is given in a whole epoch."""
        return -(-len(self.sampler) // self.num_replicas)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.sampler!r}, num_replicas={self.num_replicas}, rank={self.rank}, "
            f"batches={len(self)})"
        )

    def identity(self) -> dict[str, int]:
        """Return what the sampler's batches depend on."""
        return self.sampler.identity()

    def batches(self, epoch: int) -> Iterator[IntArray]:
        """Go through all batches of this process in `epoch`, whatever the position, which is left as it is.

        Args:
            epoch: Number of the epoch, from 0.
        """
        return self._from(epoch, 0)

    def _num_batches(self) -> int:
        return len(self.sampler)

    def _from(self, epoch: int, position: int) -> Iterator[IntArray]:
        steps = -(-(len(self.sampler) - position) // self.num_replicas)
        again_and_again = chain.from_iterable(map(self.sampler.batches, repeat(epoch)))
        return islice(islice(again_and_again, position + self.rank, None, self.num_replicas), steps)
