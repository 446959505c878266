import os
import pickle
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from xgraph.data.storage import store
from xgraph.data.storage.store import CacheWarning, Payload, cached, content_key

KEY = content_key(["CCO", "C"], "v1")


def build() -> Payload:
    return {
        "x": torch.arange(12, dtype=torch.uint8).view(4, 3),
        "empty": torch.empty(0, 3, dtype=torch.int16),
        "text": '[[1, "why"]]',
    }


def never() -> Payload:
    raise AssertionError("computed again")


def assert_good(payload: Payload) -> None:
    expected = build()
    assert payload["text"] == expected["text"]
    for name in ("x", "empty"):
        assert torch.equal(torch.as_tensor(payload[name]), torch.as_tensor(expected[name]))


def only_file(root: Path) -> Path:
    (path,) = (root / "processed").iterdir()
    return path


def test_results_are_stored_and_mapped(tmp_path: Path) -> None:
    assert_good(cached(tmp_path, "graphs", KEY, build))
    assert_good(cached(tmp_path, "graphs", KEY, never))
    assert only_file(tmp_path).name.startswith("graphs-")


def test_different_content_uses_a_different_file(tmp_path: Path) -> None:
    keys = {
        content_key(texts, *depends)
        for texts in (["CCO", "C"], ["CCOC"], ["C", "CCO"], ["CCO\0", "C"], ["CCO", "\0C"], ["\ud800"], [])
        for depends in ((), ("v1",), ("v1", True), ("v1", False), ("v", "1"))
    }
    assert len(keys) == 7 * 5


def test_file_with_different_contents_is_computed_again(tmp_path: Path) -> None:
    def less() -> Payload:
        return {name: value for name, value in build().items() if name != "empty"}

    cached(tmp_path, "graphs", KEY, less)
    with pytest.warns(CacheWarning, match="damaged .it holds text, x instead of empty, text, x. and is computed again"):
        assert_good(cached(tmp_path, "graphs", KEY, build, ["x", "empty", "text"]))
    assert_good(cached(tmp_path, "graphs", KEY, never, ["x", "empty", "text"]))


def test_the_format_is_part_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "FORMAT", store.FORMAT + 1)
    assert content_key(["CCO", "C"], "v1") != KEY


def test_nothing_is_stored_without_a_root() -> None:
    assert_good(cached(None, "graphs", KEY, build))


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "junk", "other key", "wrong structure"])
def test_damaged_file_is_computed_again(tmp_path: Path, damage: str) -> None:
    cached(tmp_path, "graphs", KEY, build)
    path = only_file(tmp_path)
    content = path.read_bytes()
    place = content.index(bytes(range(12)))
    if damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        path.write_bytes(content[:place] + b"\xff" + content[place + 1 :])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "junk":
        path.write_bytes(b"\x00\x01junk" * 100)
    elif damage == "other key":
        torch.save({"key": "k", "checksum": 0, "payload": {}}, path)
    else:
        torch.save([1, 2], path)
    with pytest.warns(CacheWarning, match="is damaged .* computed again"):
        assert_good(cached(tmp_path, "graphs", KEY, build))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_good(cached(tmp_path, "graphs", KEY, never))


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_hostile_file_is_not_executed(tmp_path: Path, how: str) -> None:
    cached(tmp_path, "graphs", KEY, build)
    path, crater = only_file(tmp_path), tmp_path / "crater"
    if how == "torch":
        torch.save({"key": KEY, "checksum": 0, "payload": Bomb(crater)}, path)
    else:
        path.write_bytes(pickle.dumps(Bomb(crater)))
    with pytest.warns(CacheWarning, match="computed again"):
        assert_good(cached(tmp_path, "graphs", KEY, build))
    assert not crater.exists()


def test_unwritable_root_works_from_memory(tmp_path: Path) -> None:
    (tmp_path / "processed").write_text("a file where the folder should be")
    with pytest.warns(CacheWarning, match="kept in memory only: cannot write .*XGRAPH_ROOT"):
        assert_good(cached(tmp_path, "graphs", KEY, build))


@pytest.mark.skipif(not Path("/dev/full").exists() or sys.platform != "linux", reason="needs /dev/full")
def test_full_disk_leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = torch.save

    def save(content: object, file: object) -> None:
        with open("/dev/full", "wb") as full:  # every write ends in "no space left on device"
            real(content, full)

    monkeypatch.setattr(store.torch, "save", save)
    with pytest.warns(CacheWarning, match="kept in memory only"):
        assert_good(cached(tmp_path, "graphs", KEY, build))
    assert list((tmp_path / "processed").iterdir()) == []


def test_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def save(content: object, file: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store.torch, "save", save)
    with pytest.raises(KeyboardInterrupt):
        cached(tmp_path, "graphs", KEY, build)
    assert list((tmp_path / "processed").iterdir()) == []


def test_many_writers_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        for payload in pool.map(lambda _: cached(tmp_path, "graphs", KEY, build), range(24)):
            assert_good(payload)
    only_file(tmp_path)


def test_the_warning_of_a_damaged_file_controls_no_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached(tmp_path, "graphs", KEY, build)

    def read(*_: object) -> Payload:
        raise RuntimeError("invalid record \x1b[2J")

    monkeypatch.setattr("xgraph.data.storage.store._read", read)
    with pytest.warns(CacheWarning, match=r"invalid record \\x1b\[2J"), pytest.raises(RuntimeError):
        cached(tmp_path, "graphs", KEY, never_again)


def never_again() -> Payload:
    raise RuntimeError("computed again")
