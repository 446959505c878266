"""How the processes of a run join, and what the first of them does for all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist

from xgraph.distributed.environment import meeting_point, place
from xgraph.distributed.gather import rank, world_size

Result = TypeVar("Result")

LONGEST = timedelta(hours=6)
"""How long a process waits for others, which may read data for hours; a process that has ended is noticed at once."""

_LOST = ("Connection closed", "Connection reset", "Broken pipe", "Connection refused", "recvValue failed", "Socket")


@contextmanager
def joined(device: str) -> Iterator[None]:
    """Join the processes that torchrun or SLURM started; nothing happens if there are none, or they have joined.

    Args:
        device: "cuda" for communication between GPUs (NCCL), "cpu" for Gloo.

    Raises:
        ChildProcessError: If another process has ended while this one waited for it.
    """
    here = place()
    if here is None or dist.is_initialized():
        yield
        return
    os.environ.update(meeting_point(os.environ))
    if device == "cuda":
        torch.cuda.set_device(here.local_rank)
    dist.init_process_group("nccl" if device == "cuda" else "gloo", timeout=LONGEST)
    done = False
    try:
        yield
        done = True
    except RuntimeError as error:
        if not any(words in str(error) for words in _LOST):
            raise
        raise ChildProcessError(
            f"another process of the run has ended, so that process {here.rank} of {here.world_size} cannot go on; its "
            "own message says why, and --resume continues after the last checkpoint"
        ) from error
    finally:
        if done or device != "cuda":  # NCCL would wait for processes that have ended
            dist.destroy_process_group()


def from_first(function: Callable[[], Result]) -> Result:
    """Call a function in the first process, and return its result, or raise its error, in all of them."""
    if world_size() == 1:
        return function()
    outcome: list[tuple[Result | None, Exception | None]] = [(None, None)]
    if rank() == 0:
        try:
            outcome = [(function(), None)]
        except Exception as error:
            outcome = [(None, error)]
    dist.broadcast_object_list(outcome)
    result, failure = outcome[0]
    if failure is not None:
        raise failure
    return result  # type: ignore[return-value]


@contextmanager
def first_before_others() -> Iterator[None]:
    """Run the block in the first process, then in the others, which find what it has stored."""
    if world_size() > 1 and rank() > 0:
        dist.barrier()
    yield
    if world_size() > 1 and rank() == 0:
        dist.barrier()


def of_all(value: Result) -> list[Result]:
    """Return the values of all processes, in the order of their ranks."""
    if world_size() == 1:
        return [value]
    values: list[Result] = [value] * world_size()
    dist.all_gather_object(values, value)
    return values
