"""Requests to web servers that cannot hold the program up, fill memory, or lead it to other protocols."""

from __future__ import annotations

import http.client
import io
import socket
import urllib.request
from email.message import Message
from time import monotonic
from typing import IO, Any, cast
from urllib.parse import urlsplit

LEAST_RATE = 1024
"""Bytes per second below which a server is too slow."""

_HEADERS = 1 << 20  # bytes of all headers of a response


class RefusedError(OSError):
    """The server's response is not accepted."""


class Response(http.client.HTTPResponse):
    """A response that is read at a least rate: at least 1 KiB/s, over periods as long as the timeout.

    The standard library only limits the time between two bytes, and does not limit the headers in all.
    """

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        raw: Any = self.fp.detach()
        self._watched = _Watched(raw, sock.gettimeout() or 0.0)
        self.fp = cast("Any", io.BufferedReader(self._watched))

    def begin(self) -> None:
        """Read the status and the headers."""
        super().begin()
        self._watched.left = None

    def at_most(self, size: int) -> None:
        """Limit what is read from now on, with all that surrounds the chunks of a body of this size."""
        self._watched.left = 8 * size + _HEADERS


class _Watched(io.RawIOBase):
    """What arrives through a socket, counted and timed. Only the time spent waiting for the server counts."""

    def __init__(self, raw: Any, period: float) -> None:
        self.raw, self.period = raw, period
        self.left: int | None = _HEADERS
        self._waited, self._received = 0.0, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        start = monotonic()
        count = self.raw.readinto(buffer)
        self._waited += monotonic() - start
        self._received += count or 0
        if self.left is not None:
            self.left -= count or 0
            if self.left < 0:
                raise RefusedError("the server sends more headers than are accepted")
        if count and self.period and self._waited >= self.period:
            if self._received < LEAST_RATE * self._waited:
                raise TimeoutError(
                    f"the server is too slow: it sent {self._received} bytes in {self._waited:.1f} seconds"
                )
            self._waited, self._received = 0.0, 0
        return cast("int | None", count)

    def close(self) -> None:
        self.raw.close()
        super().close()


class _Connection(http.client.HTTPConnection):
    response_class = Response


class _SecureConnection(http.client.HTTPSConnection):
    response_class = Response


class _Http(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Connection, req)


class _Https(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_SecureConnection, req)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects between web addresses, but none from an encrypted to an open connection."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        fp.close()  # the standard library would read the body of the redirect to its end
        before, after = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if after not in ("http", "https") or (before, after) == ("https", "http"):
            raise RefusedError(f"the server redirects to {newurl}, which is not followed")
        return super().redirect_request(req, fp, code, msg, cast("Any", headers), newurl)


def open_url(url: str, timeout: float) -> Response:
    """Return the response to a request, after redirects; OSError, HTTPException or ValueError if there is none.

    Args:
        url: Address, http or https.
        timeout: Seconds to wait for a connection and for data, and the period over which the rate is measured.
    """
    opener = urllib.request.OpenerDirector()  # without handlers of ftp, file and data
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.UnknownHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        _Http,
        _Https,
        _Redirects,
    ):
        opener.add_handler(handler())
    request = urllib.request.Request(url, headers={"User-Agent": "xgraph"})
    return cast("Response", opener.open(request, timeout=timeout))
