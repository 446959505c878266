import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xgraph.data.tables.read import read_columns
from xgraph.data.tables.stream import keep_stream

BLOCK = "title\n     RDKit          2D\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n"
BLOCK += "    0.0000    0.0000    0.0000 C   0  0  0  0  0  0  0  0  0  0  0  0\nM  END\n$$$$\n"


@pytest.mark.parametrize(
    ("content", "ending"),
    [
        ("smiles,a\nC,1\n", ".csv"),
        ("smiles\nC\n", ".csv"),
        ("id\tsmiles\na\tC\n", ".csv"),
        ("smiles\tid\nC\ta\n", ".csv"),
        ("\n\nCCO ethanol\nC\n", ".smi"),
        ("CCO\tethanol\nC\n", ".smi"),
        ("smiles name\nC a\n", ".smi"),
        ("CO\tNO2\tsmiles\n1\t2\tC\n", ".csv"),
        ("name;x y\nC;1\n", ".csv"),
        (BLOCK, ".sdf"),
        ("Größe\n".encode("cp1252"), ".csv"),
        (b"PAR1", ".parquet"),
        (b"PK\x03\x04", ".xlsx"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_the_format_is_recognised(tmp_path: Path, content: str | bytes, ending: str, packed: bool) -> None:
    data = content if isinstance(content, bytes) else content.encode()
    if packed and ending in (".parquet", ".xlsx"):
        return
    path = keep_stream(io.BytesIO(gzip.compress(data) if packed else data), tmp_path / "new" / "folder")
    assert path.suffix == ending
    assert [*path.parent.iterdir()] == [path]


def test_the_same_content_is_the_same_file(tmp_path: Path) -> None:
    first = keep_stream(io.BytesIO(b"smiles\nC\n"), tmp_path)
    assert keep_stream(io.BytesIO(b"smiles\nC\n"), tmp_path) == first
    assert keep_stream(io.BytesIO(b"smiles\nCC\n"), tmp_path) != first
    assert read_columns(first) == {"smiles": ["C"]}


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="standard input is empty"):
        keep_stream(io.BytesIO(), tmp_path)
    assert not any(tmp_path.iterdir())


@given(st.binary(min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_any_content_is_kept(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    assert keep_stream(io.BytesIO(content), tmp_path_factory.mktemp("any")).read_bytes() == content
