import io
import random
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
import torch

from xgraph.data.storage.torch_files import check_file, check_sealed, seal


def saved(value: Any) -> bytes:
    content = io.BytesIO()
    torch.save(value, content)
    return content.getvalue()


PLAIN = saved({"w": torch.arange(12.0), "n": [1, 2.5, "text", None]})
SEALED = b"".join(seal(memoryview(PLAIN)))


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_a_sealed_file_is_the_same_for_torch() -> None:
    check_sealed(SEALED)
    assert torch.equal(torch.load(io.BytesIO(SEALED), weights_only=True)["w"], torch.arange(12.0))
    with zipfile.ZipFile(io.BytesIO(SEALED)) as archive:
        end = len(SEALED) - len(archive.comment)
        assert archive.comment.decode() == f"xgraph-crc32:{zlib.crc32(SEALED[:end]):08x}"


def test_every_flipped_bit_is_noticed() -> None:
    bits = {*random.Random(0).sample(range(8 * len(SEALED)), 600), *range(8 * (len(SEALED) - 50), 8 * len(SEALED))}
    for bit in bits:
        with pytest.raises(ValueError, match=r"checksum|truncated"):
            check_sealed(flipped(SEALED, bit))


def test_in_a_file_without_a_seal_every_flipped_bit_that_changes_a_value_is_noticed() -> None:
    check_sealed(PLAIN)
    unnoticed = 0
    for bit in random.Random(0).sample(range(8 * len(PLAIN)), 600):
        content = flipped(PLAIN, bit)
        try:
            check_sealed(content)
        except ValueError:
            continue
        unnoticed += 1
        try:
            value = torch.load(io.BytesIO(content), weights_only=True)
        except Exception:  # torch notices what Python's zipfile does not look at
            continue
        assert torch.equal(value["w"], torch.arange(12.0))
        assert value["n"] == [1, 2.5, "text", None]
    assert unnoticed < 500, "bits between the records are not covered"


def repacked(content: bytes, compress: int = zipfile.ZIP_STORED, **changes: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", compress) as new:
        for name in old.namelist():
            new.writestr(name, changes.get(name.rsplit("/", 1)[1].replace(".", "_"), old.read(name)))
    return out.getvalue()


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    bomb = repacked(saved(torch.zeros(1 << 20)), zipfile.ZIP_DEFLATED)
    assert len(bomb) < 1 << 14
    path = tmp_path / "bomb.pt"
    path.write_bytes(bomb)
    with pytest.raises(ValueError, match=r"the record 'archive/data.pkl' is compressed"):
        check_sealed(bomb)
    with path.open("rb") as file, pytest.raises(ValueError, match="is compressed"):
        check_file(file)


def test_records_that_share_their_bytes_are_refused() -> None:
    """The directory of the archive lists the same bytes twice, under two names."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a/data", bytes(4000))
        (record,) = archive.filelist
        archive.filelist.append(zipfile.ZipInfo("b/data"))
        for name in ("CRC", "compress_size", "file_size", "header_offset"):
            setattr(archive.filelist[-1], name, getattr(record, name))
    with pytest.raises(ValueError, match="its records are larger than the file"):
        check_sealed(out.getvalue())


@pytest.mark.parametrize(
    "made", [b"c__builtin__\nbytearray\n(I1000000000000\ntR.", b"ctorch.storage\nUntypedStorage\n(I99999999999\ntR."]
)
def test_objects_that_ask_for_memory_are_refused(made: bytes) -> None:
    """torch would make them even with `weights_only`."""
    with pytest.raises(ValueError, match=r"it holds an object of type '(__builtin__.bytearray|torch.storage.Untyped)"):
        check_sealed(repacked(PLAIN, data_pkl=b"\x80\x02" + made))


def test_two_records_of_one_name_are_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a/data.pkl", b".")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a/data.pkl", b".")
    with pytest.raises(ValueError, match="two records of the same name"):
        check_sealed(out.getvalue())
