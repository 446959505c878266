import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from xgraph.data import load
from xgraph.data.storage.root import _without_home, expanded, mirror, replacing, root


def test_root_precedence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "env"))
    assert root(tmp_path / "arg") == tmp_path / "arg"
    assert root() == tmp_path / "env"
    assert not root().exists()  # created only when something is written
    monkeypatch.delenv("XGRAPH_ROOT")
    assert root() == Path.home() / ".cache" / "xgraph"
    monkeypatch.setenv("XGRAPH_ROOT", "~/elsewhere")
    assert root() == Path.home() / "elsewhere"


def test_mirror_kinds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("XGRAPH_MIRROR", raising=False)
    assert mirror() is None
    monkeypatch.setenv("XGRAPH_MIRROR", "")
    assert mirror() is None
    monkeypatch.setenv("XGRAPH_MIRROR", str(tmp_path))
    assert mirror() == tmp_path
    folder = tmp_path / "with space"
    folder.mkdir()
    monkeypatch.setenv("XGRAPH_MIRROR", folder.as_uri())
    assert mirror() == folder
    monkeypatch.setenv("XGRAPH_MIRROR", "https://host/data/")
    assert mirror() == "https://host/data"


def test_mirror_mistakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XGRAPH_MIRROR", str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError, match=r"XGRAPH_MIRROR=.*gone.* is not an existing folder"):
        mirror()
    monkeypatch.setenv("XGRAPH_MIRROR", "ftp://host/data")
    with pytest.raises(ValueError, match=r"XGRAPH_MIRROR must be .*ftp://host/data"):
        mirror()


def test_replacing_writes_whole_file_and_leaves_no_part(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.bin"
    with replacing(path) as out:
        out.write(b"one")
        assert not path.exists()
    assert path.read_bytes() == b"one"
    assert os.listdir(path.parent) == ["b.bin"]


@pytest.mark.parametrize("error", [RuntimeError("x"), KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left")])
def test_replacing_keeps_the_old_file_when_interrupted(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "b.bin"
    path.write_bytes(b"old")

    def write_half() -> None:
        with replacing(path) as out:
            out.write(b"new, half")
            raise error

    with pytest.raises(type(error)):
        write_half()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["b.bin"]


def test_full_disk_names_file_and_remedy(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match=r"not enough disk space to write .*b\.bin.*XGRAPH_ROOT") as caught,
        replacing(tmp_path / "b.bin"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.errno == errno.ENOSPC
    assert str(caught.value).startswith("not enough disk space")


def test_unwritable_place_names_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    for place in (tmp_path / "file" / "x" / "y", Path("/dev/null/x")):
        with pytest.raises(OSError, match=r"cannot write .*XGRAPH_ROOT"), replacing(place) as out:
            out.write(b"never")


@pytest.fixture
def no_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process whose user has no home directory: no HOME, and no entry in the user database."""

    def unknown(_: object) -> object:
        raise KeyError

    for name in ("HOME", "XGRAPH_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    _without_home.cache_clear()
    yield
    _without_home.cache_clear()


@pytest.mark.usefixtures("no_home")
def test_without_a_home_directory_the_root_is_a_temporary_folder() -> None:
    with pytest.raises(RuntimeError):
        Path.home()
    with pytest.warns(UserWarning, match=r"no home directory.* set XGRAPH_ROOT"):
        folder = root()
    assert folder.is_dir()
    assert folder.stat().st_mode & 0o077 == 0
    assert root() == folder
    with replacing(folder / "a" / "b") as out:
        out.write(b"x")
    assert expanded("~/mine.csv") == Path("~/mine.csv")
    with pytest.raises(FileNotFoundError, match=r"'~/mine.csv' does not exist"):
        load("~/mine.csv")
