import gzip
import hashlib
import io
import zlib

import numpy as np
import pytest

from xgraph.data.published.derive import (
    DERIVE,
    advprop_random,
    advprop_scaffold,
    content_sha256,
    gzip_source,
)
from xgraph.data.published.derive_ogb import ogb_scaffold, ogb_table

# a pair, a large group, singles, and one row that cannot be read
SMILES = ["C[C@H]1CC[C@@H](C)C1c1ccccc1"] * 2 + ["Cc1ccccc1"] * 6 + ["C1CC1C", "c1ccncc1", "not a molecule", "CCO"]
TABLE = ("\ufeffy,smiles\r\n" + "".join(f"0,{s}\r\n" for s in SMILES)).encode()


def test_gzip_is_bare_and_repeatable() -> None:
    packed = gzip_source(b"smiles,y\n" * 99, "x/y.csv.gz")
    # magic, deflate, no flags (no name), mtime 0, slowest compression, unknown system
    assert packed[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    assert gzip.decompress(packed) == b"smiles,y\n" * 99
    assert packed == gzip_source(b"smiles,y\n" * 99, "other.csv.gz")


def test_ogb_index_files_partition_and_carry_ogbs_header() -> None:
    rows = []
    for part in ("train", "valid", "test"):
        data = ogb_scaffold(TABLE, f"d/split/scaffold/{part}.csv.gz")
        assert data[:10] == b"\x1f\x8b\x08\x08" + (1576547380).to_bytes(4, "little") + b"\x02\xff"
        assert data[10:].startswith(f"{part}.csv\0".encode())
        assert b"\x00\x00\xff\xff" in data  # the empty stored block that a sync flush leaves
        lines = gzip.decompress(data).decode().split()
        assert lines == sorted(lines, key=int)
        rows += lines
    assert sorted(map(int, rows)) == list(range(len(SMILES)))


def test_ogb_leaves_out_molecules_with_a_dummy_atom() -> None:
    table = TABLE.replace(b"0,C1CC1C", b"0,*CCO\r\n0,C1CC1C")
    assert ogb_table(table, "mol.csv") == TABLE.decode("utf-8-sig").replace("\r", "").encode()
    for source in (table, gzip.compress(table), TABLE.replace(b"smiles", b"mol")):
        assert ogb_scaffold(source, "split/test.csv.gz") == ogb_scaffold(TABLE, "split/test.csv.gz")


def test_rejected_molecules_have_the_scaffold_that_ogb_gave_them() -> None:
    chains = "".join(f"{'C' * n}O\n" for n in range(1, 9))
    lines = f"smiles\n{chains}CCO[AlH3](O)O\n" + "c1ccncc1C\n" * 2 + "c1ccccc1\nc1ccccc1C[AlH3](O)O\n"
    parts = {
        part: gzip.decompress(ogb_scaffold(lines.encode(), f"{part}.csv.gz")) for part in ("train", "valid", "test")
    }
    rows = {part: list(map(int, data.split())) for part, data in parts.items()}
    assert rows == {"train": [*range(9)], "valid": [11, 12], "test": [9, 10]}


def test_advprop_scaffold_ignores_stereochemistry() -> None:
    mirrored = [SMILES[0], SMILES[0].replace("@@", "#").replace("@", "@@").replace("#", "@")]
    ten = mirrored + ["C1CC1C"] * 8
    table = ("smiles\n" + "".join(s + "\n" for s in ten)).encode()
    with np.load(io.BytesIO(advprop_scaffold(table, ""))) as parts:
        # 8 rings fill the 80 %, then both enantiomers go together: valid (10 %) has no room for two
        assert {key: parts[key].tolist() for key in parts} == {"train": list(range(2, 10)), "valid": [], "test": [0, 1]}
        assert all(parts[key].dtype == np.int32 for key in parts)


def test_advprop_random_is_three_permutations() -> None:
    with np.load(io.BytesIO(advprop_random(TABLE, ""))) as parts:
        for seed in (122, 123, 124):
            rows = [parts[f"{part}_{seed}"] for part in ("train", "valid", "test")]
            assert [len(r) for r in rows] == [9, 1, 2]
            np.testing.assert_array_equal(np.concatenate(rows), np.random.RandomState(seed).permutation(12))


def test_content_checksum_ignores_packing() -> None:
    raw = b"0\n1\n" * 50
    want = hashlib.sha256(raw).hexdigest()
    for level in (1, 9):
        assert content_sha256(gzip.compress(raw, level), "a.csv.gz") == want
    assert content_sha256(raw, "a.csv") == want
    packed, plain, other = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.savez_compressed(packed, train=np.arange(9))
    np.savez(plain, train=np.arange(9))
    np.savez(other, train=np.arange(1, 10))
    sums = [content_sha256(file.getvalue(), "a.npz") for file in (packed, plain, other)]
    assert sums[0] == sums[1] != sums[2]


@pytest.mark.parametrize("path", ["a.csv.gz", "a.npz"])
@pytest.mark.parametrize(
    "data", [b"", b"junk", gzip.compress(b"smiles" * 999, mtime=0)[:-20], b"\x1f\x8b\x08" + b"\x01" * 40]
)
def test_damaged_files_are_an_oserror(path: str, data: bytes) -> None:
    if path.endswith(".gz") and data == b"":
        assert content_sha256(data, path) == hashlib.sha256(b"").hexdigest()  # gzip: no member, no content
        return
    with pytest.raises(OSError, match=r"damaged|gzip|CRC|incomplete"):
        content_sha256(data, path)


def test_names_on_cards_are_function_names() -> None:
    assert set(DERIVE) == {
        "gzip_source",
        "ogb_scaffold",
        "ogb_table",
        "advprop_scaffold",
        "advprop_random",
        "pyg_anomaly",
        "planetoid",
        "nifty_edges",
        "mil_musk2",
        "mil_prtools",
        "mil_julia",
        "mil_corel",
        "mil_birds",
        "chembl_pki",
    }
    assert zlib.ZLIB_RUNTIME_VERSION  # which zlib packed what this test compared
