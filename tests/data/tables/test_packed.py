import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from xgraph.data.tables.read import read_columns

CONTENT = "smiles,Größe\n" + "".join(f"{'C' * (i % 9 + 1)},{i}\n" for i in range(500))


def packed(kind: str, content: bytes) -> bytes:
    if kind == "gzip":
        return gzip.compress(content, mtime=0)
    data: bytes = pa.compress(content, codec="zstd", asbytes=True)
    return data


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_compressed_text_is_told_by_its_content(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(CONTENT, encoding="utf-8")
    plain = read_columns(path)
    for encoding in ("utf-8", "utf-16"):
        path.write_bytes(packed(kind, CONTENT.encode(encoding)))
        assert read_columns(path) == plain
    parts = [packed(kind, part.encode()) for part in (CONTENT[:100], CONTENT[100:])]
    path.write_bytes(b"".join(parts))
    assert read_columns(path) == plain


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
@pytest.mark.parametrize("ending", [".csv", ".smi", ".sdf"])
def test_truncated_files_are_errors_wherever_they_end(tmp_path: Path, kind: str, ending: str) -> None:
    path = tmp_path / ("table" + ending)
    content = packed(kind, CONTENT.encode())
    for end in {*range(5, len(content) - 1, 97), len(content) - 1}:
        path.write_bytes(content[:end])
        with pytest.raises(ValueError, match=f"is a damaged or truncated {kind} file"):
            read_columns(path, keep_errors=True)
