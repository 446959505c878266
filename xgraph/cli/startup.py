"""What is done before torch is imported, which takes seconds."""

import os
import sys

# Threads that spin while they wait slow each other down on a busy machine.
WAIT_POLICY = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}
"""For any OpenMP, GNU's (torch on Linux), and LLVM's or Intel's (torch on macOS and Windows)."""


def let_threads_sleep() -> None:
    """Make OpenMP's threads sleep while they wait, unless the user has chosen how they wait.

    OpenMP reads these variables once, when torch is imported: in a process that has torch already, nothing is changed.
    """
    if "torch" not in sys.modules and not any(name in os.environ for name in WAIT_POLICY):
        os.environ.update(WAIT_POLICY)


def announce_loading() -> None:
    """Say on a terminal that libraries are being loaded, before anything that takes long."""
    if sys.stderr.isatty():
        sys.stderr.write("loading...\n")
        sys.stderr.flush()
