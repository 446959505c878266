"""Write graph/ and new-nodes/, the folders of the page on graphs of one's own: members of a town's clubs.

Members of the same club often meet, and rarely those of others. Their age, visits and fees (standardised) tell a little
about their club; a mean over those they meet tells more. Of some members the club is not known.
"""

import csv
from pathlib import Path

import numpy as np

CLUBS = ("chess", "choir", "rowing")
MEMBERS, NEW = 300, 5
MEETINGS = 6  # with others, on average
SAME_CLUB = 0.85


def main(folder: Path) -> None:
    """Write both graphs to a folder."""
    rng = np.random.RandomState(0)  # the same numbers in every release of NumPy
    count = MEMBERS + NEW
    club = rng.permutation(np.arange(count) % len(CLUBS))
    names = [f"M{number:03d}" for number in rng.permutation(count)]
    nodes: list[list[object]] = []
    for i in range(count):
        age, visits = club[i] - 1 + rng.normal(), 1 - club[i] + rng.normal()  # standardised
        street = ("Mill Lane", "High Street", "Station Road")[rng.randint(3)]
        known = "" if rng.uniform() < 0.1 else CLUBS[club[i]]
        part = ("train", "valid", "test")[int(np.searchsorted([0.6, 0.8], rng.uniform()))]
        nodes.append([names[i], f"{age:.2f}", f"{visits:.2f}", f"{rng.normal():.2f}", street, known, part])
    pairs = set()
    for i in range(count):
        for _ in range(MEETINGS // 2):
            same = rng.uniform() < SAME_CLUB
            others = [
                j for j in range(count) if j != i and (club[j] == club[i]) == same and (j < MEMBERS or i >= MEMBERS)
            ]
            j = others[rng.randint(len(others))]
            pairs.add((min(i, j), max(i, j)))
    edges = [[names[i], names[j], rng.randint(1, 9)] for i, j in sorted(pairs)]
    old = {names[i] for i in range(MEMBERS)}
    inside = [edge for edge in edges if set(edge[:2]) <= old]
    outside = [edge for edge in edges if not set(edge[:2]) <= old]
    header = ["id", "age", "visits", "fees", "street", "club", "split"]
    ends = ["source", "target", "weight"]
    write(folder / "graph" / "nodes.csv", header, [nodes[i] for i in rng.permutation(MEMBERS)])
    write(folder / "graph" / "edges.csv", ends, [inside[i] for i in rng.permutation(len(inside))])
    write(folder / "new-nodes" / "nodes.csv", header[:5], [row[:5] for row in nodes[MEMBERS:]])
    write(folder / "new-nodes" / "edges.csv", ends, outside)


def write(path: Path, header: list[str], rows: list[list[object]]) -> None:
    """Write a table."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])


if __name__ == "__main__":
    main(Path(__file__).parent)
