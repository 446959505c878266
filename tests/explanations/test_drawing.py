"""Drawn molecules."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pandas as pd
import pytest

from xgraph.explanations import draw, draw_molecule, write_explanations
from xgraph.explanations.drawing import page


def explanation(smiles: str, task: str = "t") -> pd.DataFrame:
    rows = {"item": 0, "smiles": smiles, "task": task, "score": 0.5, "part": "atom", "atom": [0, 1], "error": ""}
    frame = pd.DataFrame({**rows, "total": [1.0, -1.0]})
    frame.attrs = {"method": "m", "unit": "log-odds", "note": ""}
    return frame


def test_a_picture_is_well_formed_the_same_each_time_and_in_the_colour_of_the_text() -> None:
    picture = draw_molecule("CCO", [0.5, float("nan"), -1.0], {(0, 1): 0.2})
    assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"
    assert "currentColor" in picture
    assert "#000000" not in picture
    assert "#FFFFFF" not in picture
    assert picture == draw_molecule("CCO", [0.5, float("nan"), -1.0], {(0, 1): 0.2})
    assert picture != draw_molecule("CCO")


@pytest.mark.parametrize("smiles", ["C", "[Na+].[Cl-]", "[CH3:1][*]", "[2H]O", "F[Pt@SP1](Cl)(Br)I", "c1ccc2ccccc2c1"])
def test_unusual_molecules_are_drawn(smiles: str) -> None:
    assert draw_molecule(smiles).startswith("<svg")


@pytest.mark.parametrize(
    ("smiles", "atoms", "message"),
    [("C1CC", None, "invalid"), ("C" * 201, None, "at most 200"), ("CC", [1.0], "one value for each")],
)
def test_what_cannot_be_drawn_is_refused(smiles: str, atoms: list[float] | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw_molecule(smiles, atoms)


def test_a_page_escapes_what_others_wrote(tmp_path: Path) -> None:
    text = page(explanation("CO", task="<script>alert(1)</script>"), "<b>")
    assert "<script>" not in text
    assert "<b>" not in text
    lost = explanation("<script>").assign(part="", error="<img>")
    assert "<img>" not in page(lost, "lost")
    write_explanations(explanation("CO", task="../../x"), tmp_path / "drawn")
    assert sorted(file.name for file in (tmp_path / "drawn").iterdir()) == ["0_-x.svg", "attributions.csv"]


def test_tables_of_other_things_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected the result of explain for molecules"):
        draw(pd.DataFrame({"bag": [1]}))
    with pytest.raises(ValueError, match="only molecules are drawn"):
        write_explanations(pd.DataFrame({"bag": [1]}), tmp_path / "x.html")
    with pytest.raises(ValueError, match="are written as CSV"):
        write_explanations(explanation("CO"), tmp_path / "x.xlsx")
