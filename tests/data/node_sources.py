"""Small files in the forms in which node data sets are published, written for tests."""

import gzip
import io
import json
import pickle
import sys
import types
import zipfile
from typing import Any

import numpy as np

RING = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)]


def npz(**arrays: Any) -> bytes:
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def planetoid_npz(**changes: Any) -> bytes:
    arrays = {
        "x_data": np.ones(6, np.float32),
        "x_indices": np.arange(6, dtype=np.int32) % 4,
        "x_indptr": np.arange(7, dtype=np.int32),
        "x_shape": np.array([6, 4]),
        "edge_index": np.array(sorted([*RING, *((b, a) for a, b in RING)]), np.int32).T,
        "y": np.array([0, 1, 2, 0, 1, -1], np.int16),
        "train_idx": np.array([0, 1]),
        "val_idx": np.array([2]),
        "test_idx": np.array([3, 4]),
    }
    return npz(**{**arrays, **changes})


def coauthor_zip(**changes: Any) -> bytes:
    arrays = {
        "adj_data": np.ones(4, np.float32),
        "adj_indices": np.array([1, 0, 2, 1], np.int32),
        "adj_indptr": np.array([0, 1, 3, 4, 4], np.int32),
        "adj_shape": np.array([4, 4]),
        "attr_data": np.array([2, 1, 3], np.float32),
        "attr_indices": np.array([0, 2, 1], np.int32),
        "attr_indptr": np.array([0, 2, 2, 3, 3], np.int32),
        "attr_shape": np.array([4, 3]),
        "labels": np.array([0, 1, 1, 0]),
        "class_names": np.array([Bomb()], dtype=object),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("toy.npz", npz(**{**arrays, **changes}))
    return out.getvalue()


class Bomb:
    """Ends the test run if it is ever unpickled."""

    def __reduce__(self) -> Any:
        return sys.exit, ("a pickle was read",)


def heterophilous_npz(n: int = 6, folds: int = 2, **changes: Any) -> bytes:
    part = (np.arange(n) + np.arange(folds)[:, None]) % 3
    arrays = {
        "node_features": np.arange(2 * n, dtype=np.float32).reshape(n, 2),
        "node_labels": np.arange(n) % 2,
        "edges": np.array([*RING, (2, 2)]),
        "train_masks": part == 0,
        "val_masks": part == 1,
        "test_masks": part == 2,
    }
    return npz(**{**arrays, **changes})


def musae_parts() -> tuple[bytes, bytes, bytes]:
    edges = b"id_1,id_2\n0,1\n1,1\n2,0\n"
    features = json.dumps({"2": [4, 0, 4], "0": [], "1": [1]}).encode()
    target = b'id,name,kind\n1,"a, b",tv\n0,x,shop\n2,y,tv\n'
    return edges, features, target


def musae_zip() -> bytes:
    out = io.BytesIO()
    edges, features, target = musae_parts()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("git_web_ml/musae_git_edges.csv", edges)
        archive.writestr("git_web_ml/musae_git_features.json", features)
        labels = target.replace(b"kind", b"ml_target").replace(b",tv", b",1").replace(b",shop", b",0")
        archive.writestr("git_web_ml/musae_git_target.csv", labels)
    return out.getvalue()


def musae_gzips() -> list[bytes]:
    edges, features, target = musae_parts()
    return [gzip.compress(part) for part in (edges, features, target.replace(b"kind", b"page_type"))]


def planetoid_pickles(arrays: Any) -> dict[str, bytes]:
    """The eight originals that make these arrays, with SciPy's module path of that time."""
    _, width = arrays["x_shape"].tolist()
    test = arrays["test_idx"][::-1]  # any order: the list says where each row belongs
    known, train = int(test.min()), len(arrays["train_idx"])
    classes = int(arrays["y"].max()) + 1

    def matrix(nodes: Any) -> bytes:
        rows = [slice(arrays["x_indptr"][node], arrays["x_indptr"][node + 1]) for node in nodes]
        state = {
            "_shape": (len(nodes), width),
            "maxprint": 50,
            "indices": np.concatenate([arrays["x_indices"][row] for row in rows]),
            "indptr": np.concatenate([[0], np.cumsum([row.stop - row.start for row in rows])]).astype(np.int32),
            "data": np.concatenate([arrays["x_data"][row] for row in rows]),
        }
        old = types.ModuleType("scipy.sparse.csr")
        kind = type("csr_matrix", (), {"__module__": "scipy.sparse.csr"})
        old.csr_matrix = kind  # type: ignore[attr-defined]
        value = kind()
        value.__dict__.update(state)
        before = sys.modules.get("scipy.sparse.csr")
        sys.modules["scipy.sparse.csr"] = old
        try:
            return pickle.dumps(value, protocol=3)
        finally:
            if before is None:
                del sys.modules["scipy.sparse.csr"]
            else:
                sys.modules["scipy.sparse.csr"] = before

    def labels(nodes: Any) -> bytes:
        return pickle.dumps(np.eye(classes, dtype=np.int32)[arrays["y"][nodes]], protocol=3)

    from collections import defaultdict

    graph: Any = defaultdict(list)
    for source, target in arrays["edge_index"].T.tolist():
        graph[source].append(target)
    graph[0] += [0, *graph[0]]  # a self-loop and duplicates, which the originals have and the rule leaves out
    allx, tx = np.arange(known), test
    return {
        "x": matrix(np.arange(train)),
        "tx": matrix(tx),
        "allx": matrix(allx),
        "y": labels(np.arange(train)),
        "ty": labels(tx),
        "ally": labels(allx),
        "graph": pickle.dumps(graph, protocol=3),
        "test.index": "".join(f"{node}\n" for node in test.tolist()).encode(),
    }


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()
