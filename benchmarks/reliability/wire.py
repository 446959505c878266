"""What the hostile server's modes are made of: one end of a connection, and the list of modes."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

BODY = bytes(range(256)) * 400
"""What a correct answer holds."""

SHA256 = hashlib.sha256(BODY).hexdigest()
ESCAPE = "\x1b[2J\x1b]0;title\x07 \x9b31m"
"""Characters that clear a terminal and rename its window."""

Outcome = Literal["content", "missing", "error"]


class Wire:
    """The server's end of one connection."""

    def __init__(self, connection: socket.socket, path: str, stop: threading.Event, hits: list[str]) -> None:
        self.connection, self.path, self.stop, self.hits = connection, path, stop, hits
        self.url = f"http://127.0.0.1:{connection.getsockname()[1]}"

    def send(self, data: bytes | str) -> None:
        """Send bytes, or text as Latin-1."""
        self.connection.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def head(self, status: str = "200 OK", **headers: object) -> None:
        """Send a status line and headers; underscores stand for hyphens."""
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("\r\n".join([f"HTTP/1.1 {status}", "Connection: close", *lines, "", ""]))

    def drip(self, data: bytes, pause: float = 0.05) -> None:
        """Send single bytes with pauses, then wait: a server that is too slow for ever."""
        for i in range(len(data)):
            self.send(data[i : i + 1])
            if self.stop.wait(pause):
                return
        self.stop.wait()

    def endless(self, data: bytes) -> None:
        """Send data again and again until the client hangs up."""
        while not self.stop.is_set():
            self.send(data)

    def chunk(self, data: bytes) -> None:
        """Send a chunk of a chunked body."""
        self.send(b"%x\r\n%s\r\n" % (len(data), data))


@dataclass(frozen=True)
class Mode:
    """What the server does, and what must come of a download: the content, or an error."""

    answer: Callable[[Wire], None]
    outcome: Outcome = "error"


MODES: dict[str, Mode] = {}
"""The server's faults by name; a few are no faults, but unusual."""


def mode(outcome: Outcome = "error") -> Callable[[Callable[[Wire], None]], Callable[[Wire], None]]:
    """Register a mode under the name of its function."""

    def register(answer: Callable[[Wire], None]) -> Callable[[Wire], None]:
        MODES[answer.__name__.replace("_", "-")] = Mode(answer, outcome)
        return answer

    return register
