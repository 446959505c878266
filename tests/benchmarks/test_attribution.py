"""The guide on explanations states what the benchmark measured."""

import json
from pathlib import Path

from benchmarks._report import RESULTS
from benchmarks.attribution import ARMS, SEEDS, matching_atoms

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "explanations.md"


def test_the_guide_states_the_figures_of_the_benchmark() -> None:
    content = json.loads((RESULTS / "attribution.json").read_text())
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith(("| default network", "| forest"))]
    assert len(lines) == len(content["rows"]) == sum(len(methods) for _, methods in ARMS.values())
    for row in content["rows"]:
        assert row["seeds"] == SEEDS
        name = {"network": "default network", "forest": "forest on Morgan counts"}[row["model"]]
        (line,) = [line for line in lines if line.startswith(f"| {name} | `{row['method']}`")]
        figures = [part.replace("0.", ".") for part in (row["valid"], row["test"])]
        assert [cell.strip() for cell in line.split("|")[3:5]] == figures


def test_the_atoms_of_the_filters() -> None:
    assert matching_atoms("CCCCO") == []
    azo = "c1ccccc1N=Nc1ccc(N)cc1"
    assert {6, 7} <= set(matching_atoms(azo))
