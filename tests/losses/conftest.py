"""The laws of all losses are run again by `test_sorted.py`, only for the losses that can sort their pairs."""

from pathlib import Path

from tests.losses.cases import SORTED


def pytest_collection_modifyitems(config, items):
    def other(item):
        name = item.callspec.params.get("name") if hasattr(item, "callspec") else None
        return item.path == Path(__file__).parent / "test_sorted.py" and name not in SORTED

    config.hook.pytest_deselected(items=[item for item in items if other(item)])
    items[:] = [item for item in items if not other(item)]
