"""What the hostile server can do: each function is one answer, registered under its name."""

from __future__ import annotations

import gzip
import socket
import struct

from benchmarks.reliability.wire import BODY, ESCAPE, MODES, Wire, mode

__all__ = ["MODES"]

_LENGTH = len(BODY)
_HALF = BODY[: _LENGTH // 2]


# Correct answers, some of them unusual.
@mode("content")
def good(wire: Wire) -> None:
    wire.head(Content_Length=_LENGTH)
    wire.send(BODY)


@mode("content")
def unsized(wire: Wire) -> None:
    wire.head()
    wire.send(BODY)


@mode("content")
def chunked(wire: Wire) -> None:
    wire.head(Transfer_Encoding="chunked")
    for start in range(0, _LENGTH, 10_000):
        wire.chunk(BODY[start : start + 10_000])
    wire.send("0\r\n\r\n")


@mode("content")
def trailing_bytes(wire: Wire) -> None:
    wire.head(Content_Length=_LENGTH)
    wire.send(BODY + b"more than was announced")


@mode("content")
def continued(wire: Wire) -> None:
    wire.send("HTTP/1.1 100 Continue\r\n\r\n")
    good(wire)


@mode("content")
def redirect(wire: Wire) -> None:
    wire.head("302 Found", Location="/good", Content_Length=0)


# Bodies of a wrong size.
@mode()
def short(wire: Wire) -> None:
    wire.head(Content_Length=_LENGTH)
    wire.send(_HALF)


@mode()
def short_unsized(wire: Wire) -> None:
    wire.head()
    wire.send(_HALF)


@mode()
def empty(wire: Wire) -> None:
    wire.head(Content_Length=0)


@mode()
def no_content(wire: Wire) -> None:
    wire.head("204 No Content")


@mode()
def endless(wire: Wire) -> None:
    wire.head()
    wire.endless(BODY)


@mode()
def endless_chunks(wire: Wire) -> None:
    wire.head(Transfer_Encoding="chunked")
    while True:
        wire.chunk(BODY)


@mode()
def endless_announced(wire: Wire) -> None:
    wire.head(Content_Length=10**15)
    wire.endless(BODY)


@mode()
def partial_content(wire: Wire) -> None:
    wire.head("206 Partial Content", Content_Length=len(_HALF), Content_Range=f"bytes 0-{len(_HALF) - 1}/{_LENGTH}")
    wire.send(_HALF)


# Bodies with other content.
@mode()
def flipped(wire: Wire) -> None:
    wire.head(Content_Length=_LENGTH)
    wire.send(BODY[:1000] + bytes([BODY[1000] ^ 1]) + BODY[1001:])


@mode()
def page(wire: Wire) -> None:
    wire.head(Content_Type="text/html")
    wire.send("<html><title>Log in</title></html>" + ESCAPE)


@mode()
def encoded(wire: Wire) -> None:
    packed = gzip.compress(BODY)
    wire.head(Content_Length=len(packed), Content_Encoding="gzip")
    wire.send(packed)


@mode()
def gzip_bomb(wire: Wire) -> None:
    packed = gzip.compress(bytes(5_000_000))
    wire.head(Content_Length=len(packed), Content_Encoding="gzip")
    wire.send(packed)


# Headers that lie, or are none.
@mode()
def length_of_letters(wire: Wire) -> None:
    wire.head(Content_Length="abc")
    wire.endless(BODY)


@mode()
def length_negative(wire: Wire) -> None:
    wire.head(Content_Length=-5)
    wire.endless(BODY)


@mode()
def length_of_5000_digits(wire: Wire) -> None:
    wire.head(Content_Length="9" * 5000)
    wire.send(BODY)


@mode()
def length_too_small(wire: Wire) -> None:
    wire.head(Content_Length=10)
    wire.send(BODY)


@mode()
def two_lengths(wire: Wire) -> None:
    wire.send(f"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Length: {_LENGTH}\r\n\r\n")
    wire.send(BODY)


@mode()
def no_status(wire: Wire) -> None:
    wire.send(ESCAPE + "not HTTP at all\r\n\r\n")


@mode()
def status_of_letters(wire: Wire) -> None:
    wire.head("abc " + ESCAPE)


@mode()
def long_header(wire: Wire) -> None:
    wire.head(X="y" * 100_000, Content_Length=_LENGTH)
    wire.send(BODY)


@mode()
def many_headers(wire: Wire) -> None:
    wire.head(**{f"X_{i}": i for i in range(5000)})
    wire.send(BODY)


@mode()
def endless_headers(wire: Wire) -> None:
    wire.send("HTTP/1.1 200 OK\r\n")
    wire.endless(b"X-Header: a\r\n" * 100)


@mode()
def endless_line(wire: Wire) -> None:
    wire.endless(b"HTTP" * 1000)


@mode()
def endless_continue(wire: Wire) -> None:
    wire.endless(b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" * 100)


@mode()
def chunk_of_letters(wire: Wire) -> None:
    wire.head(Transfer_Encoding="chunked")
    wire.send("xyz\r\n" + ESCAPE + "\r\n")


@mode()
def chunk_negative(wire: Wire) -> None:
    wire.head(Transfer_Encoding="chunked")
    wire.send(b"-5\r\n")
    wire.endless(BODY)


@mode()
def chunk_cut_off(wire: Wire) -> None:
    wire.head(Transfer_Encoding="chunked")
    wire.send(b"%x\r\n%s" % (_LENGTH, _HALF))


@mode()
def endless_trailers(wire: Wire) -> None:
    wire.head(Transfer_Encoding="chunked")
    wire.chunk(BODY)
    wire.send("0\r\n")
    wire.endless(b"X: y\r\n" * 100)


# Too slow, or silent.
@mode()
def stalls(wire: Wire) -> None:
    wire.head(Content_Length=_LENGTH)
    wire.send(_HALF)
    wire.stop.wait()


@mode()
def silent(wire: Wire) -> None:
    wire.stop.wait()


@mode()
def slow_body(wire: Wire) -> None:
    wire.head(Content_Length=_LENGTH)
    wire.drip(BODY)


@mode()
def slow_chunks(wire: Wire) -> None:
    wire.head(Transfer_Encoding="chunked")
    wire.drip(b"1\r\nx\r\n" * 10_000)


@mode()
def slow_headers(wire: Wire) -> None:
    wire.send("HTTP/1.1 200 OK\r\n")
    wire.drip(b"X-Header: a\r\n" * 10_000)


@mode()
def slow_status(wire: Wire) -> None:
    wire.drip(b"HTTP/1.1 200 " + b"O" * 10_000)


@mode()
def hangs_up(wire: Wire) -> None:
    wire.connection.close()


@mode()
def resets(wire: Wire) -> None:
    wire.head(Content_Length=_LENGTH)
    wire.send(_HALF)
    wire.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.connection.close()


# Errors that the server states.
@mode("missing")
def not_found(wire: Wire) -> None:
    wire.head("404 Not Found" + ESCAPE)
    wire.endless(BODY)


@mode("missing")
def gone(wire: Wire) -> None:
    wire.head("410 Gone")


@mode()
def forbidden(wire: Wire) -> None:
    wire.head("403 Forbidden")


@mode()
def asks_for_password(wire: Wire) -> None:
    wire.head("401 Unauthorized", WWW_Authenticate=f'Basic realm="{ESCAPE}"')


@mode()
def broken(wire: Wire) -> None:
    wire.head("500 " + ESCAPE + "x" * 10_000)


@mode()
def overloaded(wire: Wire) -> None:
    wire.head("503 Service Unavailable", Retry_After=10**9)


# Redirects.
@mode()
def redirect_to_ftp(wire: Wire) -> None:
    wire.head("302 Found", Location="ftp://127.0.0.1/file")


@mode()
def redirect_to_file(wire: Wire) -> None:
    wire.head("301 Moved", Location="file:///etc/hostname")


@mode()
def redirect_to_data(wire: Wire) -> None:
    wire.head("307 Temporary Redirect", Location="data:text/plain,hello")


@mode()
def redirect_to_escape(wire: Wire) -> None:
    wire.head("302 Found", Location="gopher://127.0.0.1/" + ESCAPE)


@mode()
def redirect_to_itself(wire: Wire) -> None:
    wire.head("302 Found", Location="/redirect-to-itself", Content_Length=0)


@mode()
def redirect_to_nowhere(wire: Wire) -> None:
    wire.head("302 Found", Content_Length=0)


@mode()
def redirect_to_nonsense(wire: Wire) -> None:
    wire.head("302 Found", Location="http://[::1", Content_Length=0)


@mode("content")
def redirect_without_host(wire: Wire) -> None:
    wire.head("302 Found", Location="http:///good", Content_Length=0)


@mode()
def redirect_with_endless_body(wire: Wire) -> None:
    wire.head("302 Found", Location="/short")
    wire.endless(BODY)
