import errno
import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from benchmarks.reliability.server import BODY, MODES, HostileServer
from benchmarks.reliability.server import SHA256 as SHA
from xgraph.data.storage import download as module
from xgraph.data.storage.download import FetchError, MissingFileError, TooLargeError, download, read_source, stream

SIZE = len(BODY)


def _members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zip(content: bytes = b"smiles,y\nC,1\n") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("a/b.csv"), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with HostileServer({"x.zip": _zip(), "x.csv": BODY, "bomb.zip": _zip(bytes(30_000_000))}) as running:
        yield running.url


class Counted(io.BytesIO):
    """A file that must not receive more than the body."""

    def write(self, data: object) -> int:
        count = super().write(data)  # type: ignore[arg-type]
        assert self.tell() <= SIZE
        return count


@pytest.mark.parametrize("name", MODES)
def test_a_hostile_server_gets_an_answer_soon(server: str, tmp_path: Path, name: str) -> None:
    target, start = tmp_path / "file", monotonic()
    try:
        download(f"{server}/{name}", target, sha256=SHA, size=SIZE, timeout=0.2)
        outcome = "content"
    except FetchError as error:
        outcome = "missing" if isinstance(error, MissingFileError) else "error"
        message = str(error)
        assert server in message
        assert message.isprintable()
        assert len(message) < 500
    assert outcome == MODES[name].outcome
    assert monotonic() - start < 5
    assert os.listdir(tmp_path) == ["file"] * (outcome == "content")
    if outcome == "content":
        assert target.read_bytes() == BODY


@pytest.mark.parametrize("name", ["endless", "endless-chunks", "endless-announced", "length-of-letters"])
def test_nothing_is_written_beyond_the_size(server: str, name: str) -> None:
    with pytest.raises(FetchError):
        stream(f"{server}/{name}", Counted(), most=SIZE)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("endless-announced", rf"has 1000000000000000 bytes, but it must have {SIZE} bytes"),
        ("endless", rf"has more than {SIZE} bytes, but it must have {SIZE} bytes"),
        ("length-of-letters", "announces a length that is no number of bytes: 'abc'"),
        ("short", rf"cut off after {SIZE // 2} of {SIZE} bytes; try again"),
        ("short-unsized", rf"cut off after {SIZE // 2} of {SIZE} bytes; try again"),
        ("slow-body", r"the server is too slow: it sent \d+ bytes in \d\.\d seconds"),
        ("slow-headers", r"the server is too slow: it sent \d+ bytes in \d\.\d seconds"),
        ("endless-headers", "cannot fetch .*headers"),
        ("endless-continue", "the server sends more headers than are accepted"),
        ("redirect-to-ftp", "the server redirects to ftp://127.0.0.1/file, which is not followed"),
        ("broken", r"the server answered 500 \\x1b\[2J\\x1b\]0;title\\x07 \\x9b31mx+\.\.\.$"),
        ("stalls", "timed out"),
    ],
)
def test_messages_say_what_happened(server: str, tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(FetchError, match=text):
        download(f"{server}/{name}", tmp_path / "file", sha256=SHA, size=SIZE, timeout=0.2)


def test_an_encrypted_connection_is_not_given_up() -> None:
    from email.message import Message
    from urllib.request import Request

    from xgraph.data.storage.web import RefusedError, _Redirects

    ask = Request("https://host/file")
    with pytest.raises(RefusedError, match="redirects to http://host/file"):
        _Redirects().redirect_request(ask, io.BytesIO(), 302, "Found", Message(), "http://host/file")
    after = _Redirects().redirect_request(ask, io.BytesIO(), 302, "Found", Message(), "https://host/other")
    assert after is not None
    assert after.full_url == "https://host/other"


@pytest.mark.parametrize("path", ["/good", "/unsized"])
def test_download_from_a_server(server: str, tmp_path: Path, path: str) -> None:
    seen: list[tuple[int, int, str]] = []
    target = tmp_path / "sub" / "file.bin"
    download(server + path, target, sha256=SHA, size=SIZE, progress=lambda *args: seen.append(args))
    assert target.read_bytes() == BODY
    assert os.listdir(target.parent) == ["file.bin"]
    assert seen[-1] == (len(BODY), len(BODY) if path == "/good" else 0, path[1:])
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)


def test_download_from_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(BODY)
    download(tmp_path / "a", tmp_path / "b", sha256=SHA, size=SIZE)
    with pytest.raises(TooLargeError, match=f"a has {SIZE} bytes, but it must have 7 bytes"):
        download(tmp_path / "a", tmp_path / "c", sha256=SHA, size=7)
    assert (tmp_path / "b").read_bytes() == BODY


def test_wrong_checksum_keeps_the_old_file(server: str, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    with pytest.raises(FetchError, match=rf"/good has the wrong checksum: expected sha256 {'0' * 64}, got {SHA}"):
        download(server + "/good", target, sha256="0" * 64, size=SIZE)
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_no_network(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"cannot fetch http://127\.0\.0\.1:9/x"):
        download("http://127.0.0.1:9/x", tmp_path / "file", sha256=SHA, size=SIZE)
    with pytest.raises(FetchError, match=r"cannot fetch http://no-such-host\.invalid/x"):
        download("http://no-such-host.invalid/x", tmp_path / "file", sha256=SHA, size=SIZE)
    assert os.listdir(tmp_path) == []


def test_interruption_leaves_nothing(server: str, tmp_path: Path) -> None:
    def ctrl_c(done: int, total: int, name: str) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(server + "/good", tmp_path / "file", sha256=SHA, size=SIZE, progress=ctrl_c)
    assert os.listdir(tmp_path) == []


def test_full_disk_leaves_nothing(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_copy", full)
    with pytest.raises(OSError, match=r"not enough disk space to write .*file .*XGRAPH_ROOT"):
        download(server + "/good", tmp_path / "file", sha256=SHA, size=SIZE)
    assert os.listdir(tmp_path) == []


def test_only_paths_and_web_addresses(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="file:///etc/hostname"):
        stream("file:///etc/hostname", io.BytesIO(), most=1)


def test_read_source_with_and_without_member(server: str) -> None:
    assert read_source(server + "/good") == BODY
    assert read_source(server + "/x.zip#a/b.csv") == b"smiles,y\nC,1\n"
    with pytest.raises(FetchError, match=r"is a zip archive without a member 'a/c\.csv'"):
        read_source(server + "/x.zip#a/c.csv")
    with pytest.raises(FetchError, match="/good is damaged: File is not a zip file"):
        read_source(server + "/good#a")


def test_sources_of_unknown_size_are_limited(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_SOURCE", 1_000_000)
    with pytest.raises(TooLargeError, match="has more than 1000000 bytes, but at most 1000000 bytes are accepted"):
        read_source(server + "/endless")
    with pytest.raises(TooLargeError, match="bomb.zip unpacks to 30000000 bytes, but at most 1000000"):
        read_source(server + "/bomb.zip#a/b.csv")


def test_several_sources_are_returned_as_one_archive(server: str) -> None:
    data = read_source(f"{server}/x.{{zip,csv}}")
    assert _members(data) == {"zip": _zip(), "csv": BODY}
    with pytest.raises(MissingFileError, match=r"/nothing: the server answered 404"):
        read_source(f"{server}/{{x.zip,nothing}}")
