"""Derivation of files from published sources: bytes in, bytes out.

Each function reproduces its file byte for byte, and thus its checksum, with the standard zlib. Other implementations
(zlib-ng) compress the same content differently; `content_sha256` is a checksum that ignores compression.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections import defaultdict
from collections.abc import Callable
from importlib import import_module

from xgraph.data.storage.archives import gunzip_sha256, read_members
from xgraph.data.storage.download import LARGEST_SOURCE

_ADVPROP_SEEDS = (122, 123, 124)


def gzip_source(source: bytes, path: str) -> bytes:
    """Gzip the source without name or time stamp, so that the same content gives the same bytes."""
    out = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=out, mtime=0) as file:
        file.write(source)
    return out.getvalue()


def advprop_scaffold(source: bytes, path: str) -> bytes:
    """Return the scaffold split of AdvProp: scaffolds without stereochemistry, rows in order of assignment."""
    # Equal to the lists in MoleculeX's ``split_inds/<name>scaffold<seed>.pkl`` for every seed.
    from rdkit import Chem
    from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles
    from rdkit.rdBase import BlockLogs

    from xgraph.data.molecules.splits import fill_parts

    scaffold: Callable[..., str] = MurckoScaffoldSmiles
    smiles = _smiles(source)
    groups: dict[str | int, list[int]] = defaultdict(list)
    with BlockLogs():
        for row, text in enumerate(smiles):
            molecule = Chem.MolFromSmiles(text)
            groups[row if molecule is None else scaffold(mol=molecule)].append(row)
    return _npz(fill_parts(groups.values(), 0.8 * len(smiles), 0.9 * len(smiles)))


def advprop_random(source: bytes, path: str) -> bytes:
    """Return the three random splits of AdvProp: one permutation per seed, split at 80 and 90 %."""
    # Equal to the lists in MoleculeX's ``split_inds/<name>random<seed>.pkl``.
    import numpy as np

    count = len(_smiles(source))
    first, second = int(0.8 * count), int(0.9 * count)
    parts: dict[str, list[int]] = {}
    for seed in _ADVPROP_SEEDS:
        # These splits were drawn with RandomState; a Generator would give different ones.
        order = np.random.RandomState(seed).permutation(count).tolist()
        cuts = {"train": order[:first], "valid": order[first:second], "test": order[second:]}
        parts |= {f"{part}_{seed}": rows for part, rows in cuts.items()}
    return _npz(parts)


def _lazy(module: str, name: str) -> Callable[[bytes, str], bytes]:
    """Return a function of another module that is imported when called."""

    def derive(source: bytes, path: str) -> bytes:
        content: bytes = getattr(import_module(f"xgraph.data.published.{module}"), name)(source, path)
        return content

    return derive


DERIVE: dict[str, Callable[[bytes, str], bytes]] = {
    "gzip_source": gzip_source,
    "advprop_scaffold": advprop_scaffold,
    "advprop_random": advprop_random,
    **{name: _lazy("derive_nodes", name) for name in ("pyg_anomaly", "planetoid", "nifty_edges")},
    **{name: _lazy("derive_ogb", name) for name in ("ogb_scaffold", "ogb_table")},
    **{
        name: _lazy("derive_bags", name)
        for name in ("mil_musk2", "mil_prtools", "mil_julia", "mil_corel", "mil_birds", "chembl_pki")
    },
}


def content_sha256(data: bytes, path: str) -> str:
    """Return the checksum of the uncompressed content of a gzip or npz file, or of the bytes of any other file."""
    try:
        if path.endswith(".gz"):
            return gunzip_sha256(data, LARGEST_SOURCE)
        if path.endswith(".npz"):
            members = read_members(io.BytesIO(data), path, LARGEST_SOURCE)
            return hashlib.sha256(b"".join(members.values())).hexdigest()
    except (EOFError, zlib.error) as error:
        raise OSError(f"{path} is damaged: {error}") from error
    return hashlib.sha256(data).hexdigest()


def _npz(parts: dict[str, list[int]]) -> bytes:
    import numpy as np

    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **{key: np.array(rows, dtype=np.int32) for key, rows in parts.items()})
    return out.getvalue()


def _smiles(source: bytes) -> list[str]:
    reader = csv.DictReader(io.StringIO(source.decode("utf-8-sig"), newline=""))
    return [row["smiles"] for row in reader]
