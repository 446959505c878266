"""The place of this process among those that torchrun or SLURM started, without importing torch."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import NamedTuple


class Place(NamedTuple):
    """The place of this process among those of a run.

    Args:
        rank: Number of this process, from 0.
        world_size: Number of processes.
        local_rank: Number of this process among those on this machine, which is also the number of its GPU.
        local_size: Number of processes on this machine.
        starter: What has started them.
    """

    rank: int
    world_size: int
    local_rank: int
    local_size: int
    starter: str


def place(variables: Mapping[str, str] | None = None) -> Place | None:
    """Return the place that torchrun's or SLURM's variables give this process; None if it is the only one.

    Args:
        variables: The environment; by default that of this process.
    """
    own = os.environ if variables is None else variables
    if {"RANK", "WORLD_SIZE"} <= own.keys():
        number, count = int(own["RANK"]), int(own["WORLD_SIZE"])
        local = int(own.get("LOCAL_RANK", number)), int(own.get("LOCAL_WORLD_SIZE", count))
        found = Place(number, count, *local, "torchrun")
    elif {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "SLURM_LOCALID"} <= own.keys():  # srun sets them, sbatch does not
        number, count = int(own["SLURM_PROCID"]), int(own["SLURM_STEP_NUM_TASKS"])
        each = re.match(r"\d+", own.get("SLURM_STEP_TASKS_PER_NODE", ""))
        found = Place(number, count, int(own["SLURM_LOCALID"]), int(each[0]) if each else count, "srun")
    else:
        return None
    return found if found.world_size > 1 else None


def meeting_point(variables: Mapping[str, str]) -> dict[str, str]:
    """Return torchrun's variables for a process that SLURM started: its place, and where all processes meet."""
    here = place(variables)
    if here is None or here.starter != "srun":
        return {}
    nodes = variables.get("SLURM_STEP_NODELIST", variables.get("SLURM_JOB_NODELIST", "127.0.0.1"))
    return {
        "RANK": str(here.rank),
        "WORLD_SIZE": str(here.world_size),
        "LOCAL_RANK": str(here.local_rank),
        "LOCAL_WORLD_SIZE": str(here.local_size),
        "MASTER_ADDR": variables.get("MASTER_ADDR", first_host(nodes)),
        "MASTER_PORT": variables.get("MASTER_PORT", str(15000 + int(variables.get("SLURM_JOB_ID", "0")) % 10000)),
    }


def first_host(nodes: str) -> str:
    """Return the first host of a list in SLURM's form.

    Example:
        >>> first_host("gpu[07-09,12],login1"), first_host("a1,a2")
        ('gpu07', 'a1')
    """
    match = re.match(r"([^,\[]*)(?:\[(\w+)[^\]]*\])?([^,\[]*)", nodes)
    return "".join(part or "" for part in match.groups()) if match else nodes
