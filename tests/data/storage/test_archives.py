import gzip
import hashlib
import io
import zipfile

import pytest

from xgraph.data.published.derive import content_sha256
from xgraph.data.storage import archives as module
from xgraph.data.storage.archives import gunzip_sha256, read_members
from xgraph.data.storage.download import FetchError, TooLargeError


@pytest.mark.parametrize("content", [b"", b"abc", bytes(3_000_000), bytes(range(256)) * 5000])
def test_checksum_of_gzipped_content(content: bytes) -> None:
    for data in (gzip.compress(content), gzip.compress(content[:7]) + gzip.compress(content[7:]) + b"\0\0"):
        assert gunzip_sha256(data, 10_000_000) == hashlib.sha256(content).hexdigest()


def test_gzip_bomb_and_damage() -> None:
    data = gzip.compress(bytes(3_000_000))
    with pytest.raises(TooLargeError, match="unpack to more than 2000000 bytes"):
        gunzip_sha256(data, 2_000_000)
    for wrong in (data[:-9], data[:-1], data + b"junk", b"junk", data[:20] + b"\xff" * 20 + data[40:]):
        with pytest.raises(OSError, match=r"x\.gz is damaged"):
            content_sha256(wrong, "x.gz")


def test_members_are_read_only_if_they_are_not_too_large() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(600))
        archive.writestr("b", bytes(600))
    assert read_members(out, "it", 1200) == {"a": bytes(600), "b": bytes(600)}
    with pytest.raises(TooLargeError, match="it unpacks to 1200 bytes, but at most 1199 bytes are accepted"):
        read_members(out, "it", 1199)
    with pytest.raises(FetchError, match="it is damaged"):
        read_members(io.BytesIO(b"junk"), "it", 1)


def test_a_member_that_holds_more_than_it_states(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(100_000))
    data = bytearray(out.getvalue())
    size, small = (100_000).to_bytes(4, "little"), (10).to_bytes(4, "little")
    assert data.count(size) == 2
    lying = io.BytesIO(bytes(data).replace(size, small))
    with pytest.raises(FetchError, match="it is damaged: Bad CRC-32"):
        read_members(lying, "it", 1000)
    monkeypatch.setattr(module, "_MEMBERS", 0)
    with pytest.raises(TooLargeError, match="it has 1 members, but at most 0"):
        read_members(io.BytesIO(data), "it", 10**6)
