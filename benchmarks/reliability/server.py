"""A web server with many faults, for the tests of downloads; the path of a request names the fault.

    with HostileServer() as server:
        download(f"{server.url}/short", path, sha256=SHA256, size=len(BODY))

`MODES` lists the faults and what must come of a download of `BODY`, whose size and checksum are known.
"""

from __future__ import annotations

import socketserver
import threading
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from benchmarks.reliability.modes import MODES
from benchmarks.reliability.wire import BODY, SHA256, Wire

__all__ = ["BODY", "MODES", "SHA256", "HostileServer"]


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        request = b""
        while b"\r\n\r\n" not in request:
            more = self.request.recv(4096)
            if not more:
                return
            request += more
        path = request.split()[1].decode("latin-1").partition("://")[2] or request.split()[1].decode("latin-1")
        parts = [part for part in path.split("/") if part]
        # the last part of the path that is known: with `XGRAPH_MIRROR=URL/MODE`, each file is asked for below the mode
        name = next((part for part in reversed(parts) if part in self.server.files or part in MODES), path)
        self.server.hits.append(name)
        wire = Wire(self.request, path, self.server.stop, self.server.hits)
        try:
            if name in self.server.files:
                wire.head(Content_Length=len(self.server.files[name]))
                wire.send(self.server.files[name])
            elif name in MODES:
                MODES[name].answer(wire)
            else:
                wire.head("404 Not Found", Content_Length=0)
        except OSError:  # the client hung up, as it should
            pass


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    block_on_close = False
    stop: threading.Event
    hits: list[str]
    files: dict[str, bytes]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that resets the connection is no error of the server."""


@dataclass
class HostileServer:
    """The server on a free port of this machine, in a thread of its own; use it as a context manager.

    Args:
        files: Contents of files that are served correctly, by name.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    hits: list[str] = field(default_factory=list)
    """Names of the files and modes that were asked for."""

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.stop, self._server.hits, self._server.files = threading.Event(), self.hits, self.files
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop.set()
        self._server.shutdown()
        self._server.server_close()
