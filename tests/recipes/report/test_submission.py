import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import xgraph.data
import xgraph.training
from xgraph.data import load_card
from xgraph.recipes.report.submission import write_submission
from xgraph.recipes.schema.read import read_recipe

VALUES: dict[str, Any] = {
    "title": "a",
    "about": "b",
    "settings": {"dataset": "aicures", "fold": "all"},
    "member": [{"name": "one", "seeds": [0, 1]}, {"name": "two"}],
    "ensemble": [{"name": "both", "members": ["one", "two"], "combine": "rank"}],
    "submission": {"of": "both", "file": "aicures_pseudomonas/test.csv", "columns": ["smiles", "activity"]},
}
SMILES = ["C", "not a molecule", "CC", "CCC"]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Replaces files and predictions by fakes, and records the calls."""
    file = tmp_path / "test.csv"
    file.write_text("smiles,activity\n" + "".join(f"{one},\n" for one in SMILES))
    calls: list[Any] = []

    def predict(runs: list[Path], smiles: list[str], *, combine: str, device: str) -> pd.DataFrame:
        calls.append(([str(run) for run in runs], smiles, combine))
        score = np.array([0.5, np.nan, 0.1, 0.9]) * len(runs)
        error = ["", "RDKit refuses it", "", ""]
        return pd.DataFrame({"smiles": smiles, "activity": score, "activity_std": 7.0, "error": error})

    monkeypatch.setattr(sys.modules["xgraph.training.prediction.predict"], "predict", predict)
    monkeypatch.setattr(xgraph.data, "fetch", lambda name: [file for _ in load_card(name).files], raising=False)
    return calls


def test_members_have_equal_weight_and_every_row_gets_a_score(recipe: Any, asked: list[Any], tmp_path: Path) -> None:
    parsed = read_recipe(recipe(VALUES))
    with pytest.warns(UserWarning, match=r"get the lowest score in test_predictions.csv: row 1 \(RDKit refuses it\)"):
        written = write_submission(parsed, tmp_path, "cpu")
    assert [call[0] for call in asked] == [
        [str(tmp_path / f"one/seed_{seed}") for seed in (0, 1)],
        [str(tmp_path / "two/seed_0")],
    ]
    assert [call[1:] for call in asked] == [(SMILES, "rank")] * 2
    table = pd.read_csv(tmp_path / "test_predictions.csv")
    assert list(table.columns) == ["smiles", "activity"]
    assert table["smiles"].tolist() == SMILES
    assert table["activity"].tolist() == pytest.approx([0.75, 0.15, 0.15, 1.35])
    assert written.path == tmp_path / "test_predictions.csv"
    assert "row 1" in written.note


def test_a_file_without_readable_molecules_is_refused(
    recipe: Any, asked: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(runs: Any, smiles: list[str], **_: Any) -> pd.DataFrame:
        return pd.DataFrame({"smiles": smiles, "activity": np.nan, "error": "RDKit refuses it"})

    monkeypatch.setattr(sys.modules["xgraph.training.prediction.predict"], "predict", nothing)
    with pytest.raises(ValueError, match="no molecule can be read; the first error is: RDKit refuses it"):
        write_submission(read_recipe(recipe(VALUES)), tmp_path, "cpu")
