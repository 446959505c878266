"""One vocabulary for where data lie, and one meaning of each word."""

import pytest
import torch

from xgraph.estimators import MovingAverage
from xgraph.storage import MEANINGS, check_folder, check_storage


def test_words():
    assert list(MEANINGS) == ["device", "pinned", "host", "mmap"]
    assert [check_storage(word) for word in MEANINGS] == list(MEANINGS)


@pytest.mark.parametrize(("value", "error"), [("disk", ValueError), (None, TypeError), ([], TypeError)])
def test_other_words_are_refused_with_the_meanings_of_all(value, error):
    with pytest.raises(
        error, match=r'^table_storage must be one of device, pinned, host, mmap, got .*"mmap": in files'
    ):
        check_storage(value, "table_storage")


@pytest.mark.parametrize("word", ["device", "pinned", "host"])
def test_a_folder_is_for_files(word):
    check_folder(None, word)
    check_folder("folder", "mmap")
    with pytest.raises(ValueError, match=f"folder is for storage='mmap', got storage='{word}'"):
        check_folder("folder", word)


def test_only_pinned_rows_are_page_locked(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    zeros, locked = torch.zeros, []
    monkeypatch.setattr(
        torch, "zeros", lambda *size, pin_memory=False, **kw: locked.append(pin_memory) or zeros(*size, **kw)
    )
    for word, expected in (("host", False), ("pinned", True), ("mmap", False), ("device", False)):
        locked.clear()
        assert MovingAverage(3, storage=word).storage == word
        assert any(locked) == expected
