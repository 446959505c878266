"""The graphs of the documentation come from the script beside them."""

import csv
import runpy

from tests.docs.blocks import DOCS

SCRIPT = DOCS / "examples" / "make_graph.py"
FILES = ("graph/nodes.csv", "graph/edges.csv", "new-nodes/nodes.csv", "new-nodes/edges.csv")


def test_the_script_writes_the_folders(tmp_path):
    runpy.run_path(str(SCRIPT))["main"](tmp_path)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (DOCS / "examples" / name).read_bytes()


def test_new_members_know_old_ones():
    ids = {}
    for name in ("graph", "new-nodes"):
        with (DOCS / "examples" / name / "nodes.csv").open(newline="") as file:
            ids[name] = {row["id"] for row in csv.DictReader(file)}
    with (DOCS / "examples" / "new-nodes" / "edges.csv").open(newline="") as file:
        edges = [{row["source"], row["target"]} for row in csv.DictReader(file)]
    assert not ids["graph"] & ids["new-nodes"]
    assert all(edge & ids["new-nodes"] and edge <= ids["graph"] | ids["new-nodes"] for edge in edges)
    assert {name for edge in edges for name in edge} >= ids["new-nodes"]
