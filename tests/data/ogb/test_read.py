import errno
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.data import ogb_release as release
from xgraph.data.ogb.read import read_mapped, read_ogb, read_split


def test_missing_files_are_not_fetched_silently(tmp_path: Path) -> None:
    folder = release.write_arxiv(tmp_path / "ogbn_arxiv")
    (folder / "raw" / "node-feat.csv.gz").unlink()
    with pytest.raises(ValueError, match="some of its files are missing"):
        read_ogb("node", "ogbn-arxiv", folder)
    assert (folder / "raw" / "edge.csv.gz").exists()
    assert sorted(path.name for path in folder.iterdir()) == ["RELEASE_v1.txt", "mapping", "raw", "split"]


def test_incomplete_files_are_not_visible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = release.write_arxiv(tmp_path / "ogbn_arxiv")
    real, kept, places = torch.save, folder / "processed" / "geometric_data_processed.pt", []

    def save(data: object, path: Any, *rest: Any) -> None:
        real(data, path, *rest)
        if isinstance(path, str):
            places.append(Path(path).parent)
            kept.parent.mkdir(exist_ok=True)
            kept.write_bytes(b"of another process")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", save)
        assert len(read_ogb("node", "ogbn-arxiv", folder)[0].x) == 5
    assert len(places) == 1
    assert places[0] != kept.parent
    assert kept.stat().st_size > 100
    assert len(read_ogb("node", "ogbn-arxiv", folder)[0].x) == 5
    assert sorted(path.name for path in folder.iterdir()) == ["RELEASE_v1.txt", "mapping", "processed", "raw", "split"]


def test_unwritable_folder_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = release.write_arxiv(tmp_path / "ogbn_arxiv")

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(ValueError, match=r"cannot read .*Read-only.*; set XGRAPH_ROOT to a writable folder"):
        read_ogb("node", "ogbn-arxiv", folder)


def test_mapped(tmp_path: Path) -> None:
    data, labels = read_mapped(release.write_papers100m(tmp_path / "ogbn_papers100M"))
    assert (data.num_nodes, data.num_edges, labels.shape) == (4, 3, (4, 1))
    np.savez(tmp_path / "ogbn_papers100M" / "raw" / "node-label.npz", other=np.zeros(4))
    with pytest.raises(ValueError, match="has no array node_label; delete"):
        read_mapped(tmp_path / "ogbn_papers100M")


def test_splits_are_the_tables(tmp_path: Path) -> None:
    folder = release.write_arxiv(tmp_path / "ogbn_arxiv")
    torch.save({"train": torch.tensor([4])}, folder / "split" / "time" / "split_dict.pt")
    parts = read_split(folder, Path("time"))
    assert {part: nodes.tolist() for part, nodes in parts.items()} == {"train": [0, 1], "valid": [2], "test": [4, 3]}
    release.csv_gz(folder / "split" / "time" / "test.csv.gz", [10**30])
    with pytest.raises(ValueError, match=rf"cannot read .*test.csv.gz: .*; delete {re.escape(str(folder))} to fetch"):
        read_split(folder, Path("time"))
