"""For all tests: a cache of the session's own, and the real data sets only where a mirror is named."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

# Several processes at once (``pytest -n``) with a thread each; before torch is imported, and for what tests start.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# A report takes seconds; tests that want one ask for it.
os.environ.setdefault("XGRAPH_REPORT", "0")

# To look for examples is to import. A script that runs kernels in Triton's interpreter changes the process for good;
# and some systems lack Triton, in which the kernels are written.
collect_ignore = ["tests/sampling/interpreted_kernels.py"]
if importlib.util.find_spec("triton") is None:
    collect_ignore.append("xgraph/sampling/engines/triton_kernels.py")


# Started first: their tests take seconds each, and a long test that starts last leaves one core idle.
LONG = ("tests/integration", "tests/realdata", "tests/tuning", "tests/cli")


@pytest.fixture(autouse=True, scope="session")
def session_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """``XGRAPH_ROOT`` of every test that does not set its own; common to all processes of a session."""
    temporary = tmp_path_factory.getbasetemp()
    root = (temporary.parent if "PYTEST_XDIST_WORKER" in os.environ else temporary) / "root"
    root.mkdir(exist_ok=True)
    before = os.environ.get("XGRAPH_ROOT")
    os.environ["XGRAPH_ROOT"] = str(root)
    yield root
    if before is None:
        del os.environ["XGRAPH_ROOT"]
    else:
        os.environ["XGRAPH_ROOT"] = before


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long tests first; without XGRAPH_MIRROR leave those on real data out, with it they are obligatory."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))
    if os.environ.get("XGRAPH_MIRROR"):
        return
    left_out = [item for item in items if item.get_closest_marker("realdata")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("realdata")]
