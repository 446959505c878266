import errno
import hashlib
import io
import os
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from xgraph.data.storage import download as module
from xgraph.data.storage.download import FetchError, MissingFileError, download, read_source, stream

BODY = bytes(range(256)) * 1000
SHA = hashlib.sha256(BODY).hexdigest()


def _members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a/b.csv", "smiles,y\nC,1\n")
    return out.getvalue()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    stop = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = _zip() if self.path == "/x.zip" else BODY
            if self.path == "/gone":
                self.send_error(404)
                return
            if self.path == "/broken":
                self.send_error(500)
                return
            self.send_response(200)
            if self.path != "/unsized":
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.path in ("/short", "/stalls"):
                body = body[:100_000]
            self.wfile.write(body)
            if self.path == "/stalls":
                self.wfile.flush()
                stop.wait(20)

        def log_message(self, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}"
    stop.set()
    http.shutdown()


@pytest.mark.parametrize("path", ["/good", "/unsized"])
def test_download_from_a_server(server: str, tmp_path: Path, path: str) -> None:
    seen: list[tuple[int, int, str]] = []
    target = tmp_path / "sub" / "file.bin"
    download(server + path, target, sha256=SHA, progress=lambda *args: seen.append(args))
    assert target.read_bytes() == BODY
    assert os.listdir(target.parent) == ["file.bin"]
    assert seen[-1] == (len(BODY), len(BODY) if path == "/good" else 0, path[1:])
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)


def test_download_from_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(BODY)
    download(tmp_path / "a", tmp_path / "b", sha256=SHA)
    assert (tmp_path / "b").read_bytes() == BODY


@pytest.mark.parametrize(
    ("path", "kind", "text"),
    [
        ("/gone", MissingFileError, "404"),
        ("/broken", FetchError, "500"),
        ("/short", FetchError, r"cut off after 100000 of 256000"),
        ("/stalls", FetchError, r"cannot fetch .*timed out"),
    ],
)
def test_failures_name_the_url_and_leave_nothing(
    server: str, tmp_path: Path, path: str, kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=text) as caught:
        download(server + path, tmp_path / "file", sha256=SHA, timeout=0.2)
    assert server + path in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_wrong_checksum_keeps_the_old_file(server: str, tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    with pytest.raises(FetchError, match=rf"/good has the wrong checksum: expected sha256 {'0' * 64}, got {SHA}"):
        download(server + "/good", target, sha256="0" * 64)
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_no_network(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"cannot fetch http://127\.0\.0\.1:9/x"):
        download("http://127.0.0.1:9/x", tmp_path / "file", sha256=SHA)
    with pytest.raises(FetchError, match=r"cannot fetch http://no-such-host\.invalid/x"):
        download("http://no-such-host.invalid/x", tmp_path / "file", sha256=SHA)
    assert os.listdir(tmp_path) == []


def test_interruption_leaves_nothing(server: str, tmp_path: Path) -> None:
    def ctrl_c(done: int, total: int, name: str) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(server + "/good", tmp_path / "file", sha256=SHA, progress=ctrl_c)
    assert os.listdir(tmp_path) == []


def test_full_disk_leaves_nothing(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_copy", full)
    with pytest.raises(OSError, match=r"not enough disk space to write .*file .*XGRAPH_ROOT"):
        download(server + "/good", tmp_path / "file", sha256=SHA)
    assert os.listdir(tmp_path) == []


def test_only_paths_and_web_addresses(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="file:///etc/hostname"):
        stream("file:///etc/hostname", io.BytesIO())


def test_read_source_with_and_without_member(server: str) -> None:
    assert read_source(server + "/good") == BODY
    assert read_source(server + "/x.zip#a/b.csv") == b"smiles,y\nC,1\n"
    with pytest.raises(FetchError, match=r"not a zip archive with a member 'a/c\.csv'"):
        read_source(server + "/x.zip#a/c.csv")
    with pytest.raises(FetchError, match="not a zip archive"):
        read_source(server + "/good#a")


def test_several_sources_are_returned_as_one_archive(server: str) -> None:
    data = read_source(f"{server}/x.{{zip,csv}}")
    assert _members(data) == {"zip": _zip(), "csv": BODY}
    with pytest.raises(MissingFileError, match=r"/gone: the server answered 404"):
        read_source(f"{server}/{{x.zip,gone}}")
