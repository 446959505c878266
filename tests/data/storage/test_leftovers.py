import os
import time
from pathlib import Path

import pytest

from xgraph.data.storage import leftovers
from xgraph.data.storage.leftovers import DAY, is_leftover, part_of, remove_leftovers
from xgraph.data.storage.root import replacing


def aged(path: Path, days: float) -> Path:
    then = time.time() - days * DAY
    os.utime(path, (then, then))
    return path


def test_only_our_own_names_are_leftovers() -> None:
    assert all(is_leftover(part_of(Path("a/last.ckpt"), ending)) for ending in ("part", "zip"))
    for name in ("last.ckpt", ".last.ckpt.part", "last.ckpt.0123456789ab.part", ".notes", ".x.0123456789ab.part.csv"):
        assert not is_leftover(Path(name))


def test_leftovers_are_removed_by_age_and_name(tmp_path: Path) -> None:
    old, new = part_of(tmp_path / "a.csv"), part_of(tmp_path / "b.csv")
    for file in (old, new, tmp_path / "a.csv"):
        file.write_text("x")
    folder = part_of(tmp_path / "c")
    (folder / "raw").mkdir(parents=True)
    (folder / "raw" / "x").write_text("x")
    link = part_of(tmp_path / "d")
    link.symlink_to(tmp_path / "a.csv")
    aged(old, 2)
    remove_leftovers(tmp_path, of="b.csv", older=DAY)
    assert old.exists()
    remove_leftovers(tmp_path, older=DAY)
    assert not old.exists()
    assert new.exists()
    remove_leftovers(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]
    remove_leftovers(tmp_path / "none")


def test_old_leftovers_in_the_root_are_removed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path))
    monkeypatch.setattr(leftovers, "_swept", set())
    (tmp_path / "ogb").mkdir()
    old, new, own = part_of(tmp_path / "ogb/a", "zip"), part_of(tmp_path / "ogb/b"), tmp_path / "ogb/own.part"
    for file in (old, new, own):
        file.write_text("x")
    aged(old, 1.1)
    aged(own, 9)
    with replacing(tmp_path / "processed/x.pt") as file:
        file.write(b"x")
    assert [old.exists(), new.exists(), own.exists()] == [False, True, True]
    assert (tmp_path / "processed/x.pt").read_bytes() == b"x"
