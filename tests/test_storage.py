"""Names for where data is stored."""

import pytest
import torch

from xgraph.estimators import MovingAverage
from xgraph.storage import MEANINGS, check_folder, check_storage


def test_known_storage_names_are_accepted():
    assert list(MEANINGS) == ["device", "pinned", "host", "mmap"]
    assert [check_storage(word) for word in MEANINGS] == list(MEANINGS)


@pytest.mark.parametrize(("value", "error"), [("disk", ValueError), (None, TypeError), ([], TypeError)])
def test_unknown_storage_is_rejected_with_an_explanation_of_each(value, error):
    with pytest.raises(
        error, match=r'^table_storage must be one of device, pinned, host, mmap, got .*"mmap": in memory-mapped'
    ):
        check_storage(value, "table_storage")


@pytest.mark.parametrize("word", ["device", "pinned", "host"])
def test_folder_is_only_allowed_with_mmap(word):
    check_folder(None, word)
    check_folder("folder", "mmap")
    with pytest.raises(ValueError, match=f"folder is only used with storage='mmap', got storage='{word}'"):
        check_folder("folder", word)


def test_only_pinned_storage_is_page_locked(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    zeros, locked = torch.zeros, []
    monkeypatch.setattr(
        torch, "zeros", lambda *size, pin_memory=False, **kw: locked.append(pin_memory) or zeros(*size, **kw)
    )
    for word, expected in (("host", False), ("pinned", True), ("mmap", False), ("device", False)):
        locked.clear()
        assert MovingAverage(3, storage=word).storage == word
        assert any(locked) == expected
