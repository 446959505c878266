"""Small graphs of one's own as files."""

from pathlib import Path

import numpy as np

NODES = """id,age,score,town,label,split
a,1,0.5,Rome,fraud,train
b,2,,Oslo,ok,train
c,3,1.5,Rome,ok,valid
d,4,2.5,Rome,,test
"""
EDGES = "source,target\na,b\nb,c\nd,a\n"


def folder(path: Path, nodes: str = NODES.replace(",,Oslo", ",1,Oslo"), edges: str = EDGES) -> Path:
    path.mkdir(exist_ok=True)
    (path / "nodes.csv").write_text(nodes)
    (path / "edges.csv").write_text(edges)
    return path


def town(path: Path, people: int = 120, seed: int = 0) -> Path:
    """A folder with a graph of two groups, whose members know each other; features tell little."""
    random = np.random.default_rng(seed)
    group = random.integers(0, 2, people)
    rows = [
        f"P{i},{random.normal(group[i]):.3f},{random.normal():.3f},{('even', 'odd')[group[i]]}" for i in range(people)
    ]
    edges = []
    for i in range(people):
        for j in random.choice(people, 6):
            if group[i] == group[j] or random.random() < 0.2:
                edges.append(f"P{i},P{j}")
    return folder(path, "\n".join(["id,height,weight,label", *rows]), "\n".join(["source,target", *edges]))
