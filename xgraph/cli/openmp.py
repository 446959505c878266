"""How torch's threads wait for work: asleep. Threads that spin slow each other down on a busy machine."""

import os
import sys

WAIT_POLICY = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}
"""For any OpenMP, GNU's (torch on Linux), and LLVM's or Intel's (torch on macOS and Windows)."""


def let_threads_sleep() -> None:
    """Make OpenMP's threads sleep while they wait, unless the user has chosen how they wait.

    OpenMP reads these variables once, when torch is imported: in a process that has torch already, nothing is changed.
    """
    if "torch" not in sys.modules and not any(name in os.environ for name in WAIT_POLICY):
        os.environ.update(WAIT_POLICY)
