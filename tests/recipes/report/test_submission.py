from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

import xgraph.data
from xgraph.data import load_card
from xgraph.recipes.report import submission
from xgraph.recipes.report.choose import Chosen
from xgraph.recipes.report.results import Row
from xgraph.recipes.report.submission import write_submission
from xgraph.recipes.schema.read import read_recipe
from xgraph.recipes.schema.recipe import Recipe

VALUES: dict[str, Any] = {
    "title": "a",
    "about": "b",
    "settings": {"dataset": "aicures", "fold": "all"},
    "member": [{"name": "one", "seeds": [0, 1]}, {"name": "two"}],
    "ensemble": [{"name": "both", "members": ["one", "two"], "combine": "rank"}],
    "submission": {"of": "both", "file": "aicures_pseudomonas/test.csv", "columns": ["smiles", "activity"]},
}
SMILES = ["C", "not a molecule", "CC", "CCC"]


FOLDS = range(10)


def score(path: Path) -> Any:
    """Scores of a run for the three readable molecules."""
    return np.random.default_rng(list(str(path).encode())).random(3)


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Replaces files and predictions by fakes, and records the calls."""
    file = tmp_path / "test.csv"
    file.write_text("smiles,activity\n" + "".join(f"{one},\n" for one in SMILES))
    calls: list[Any] = []

    def score_runs(paths: list[Path], smiles: list[str], device: str) -> Any:
        calls.append(([path.relative_to(tmp_path) for path in paths], smiles))
        scores = [np.insert(score(path.relative_to(tmp_path)), 1, np.nan)[:, None] for path in paths]
        return scores, ["", "RDKit refuses it", "", ""]

    monkeypatch.setattr(submission, "_score_runs", score_runs)
    monkeypatch.setattr(xgraph.data, "fetch", lambda name: [file for _ in load_card(name).files], raising=False)
    return calls


def row(recipe: Recipe, name: str, weights: list[dict[str, int]] | None = None) -> Row:
    made = [(fold, None, Chosen(one, 0.5, {})) for fold, one in enumerate(weights or [])]
    return Row(name, "aicures", recipe.members_of(name, "aicures"), {}, {}, choices=made)


def ranks(scores: Any) -> Any:
    return (rankdata(scores) - 1) / 2


def test_members_have_equal_weight_and_every_row_gets_a_score(recipe: Any, asked: list[Any], tmp_path: Path) -> None:
    parsed = read_recipe(recipe(VALUES))
    with pytest.warns(UserWarning, match=r"get the lowest score in test_predictions.csv: row 1 \(RDKit refuses it\)"):
        written = write_submission(parsed, tmp_path, "cpu", [row(parsed, "both")])
    one = [Path(f"one/seed_{seed}/fold_{fold}") for fold in FOLDS for seed in (0, 1)]
    two = [Path(f"two/seed_0/fold_{fold}") for fold in FOLDS]
    ((paths, smiles),) = asked
    assert (sorted(paths), smiles) == (sorted([*one, *two]), SMILES)
    table = pd.read_csv(tmp_path / "test_predictions.csv")
    assert list(table.columns) == ["smiles", "activity"]
    assert table["smiles"].tolist() == SMILES
    means = [np.mean([ranks(score(path)) for path in own], axis=0) for own in (one, two)]
    expected = np.mean(means, axis=0)
    assert table["activity"].tolist() == pytest.approx([expected[0], expected.min(), *expected[1:]])
    assert written.path == tmp_path / "test_predictions.csv"
    assert "row 1" in written.note


@pytest.mark.filterwarnings("ignore:Molecules that cannot be read")
def test_a_choice_is_made_in_each_fold(recipe: Any, asked: list[Any], tmp_path: Path) -> None:
    values = {**VALUES, "choice": [{"name": "entry", "candidates": ["one", "two", "both"], "how": "greedy"}]}
    values["submission"] = {**VALUES["submission"], "of": "entry"}
    parsed = read_recipe(recipe(values))
    weights = [{"one": 2, "both": 1}, *[{"two": 1}] * 9]
    write_submission(parsed, tmp_path, "cpu", [row(parsed, "entry", weights)])
    one = [score(Path(f"one/seed_{seed}/fold_0")) for seed in (0, 1)]
    both = np.mean([(ranks(one[0]) + ranks(one[1])) / 2, ranks(score(Path("two/seed_0/fold_0")))], axis=0)
    first = (2 * ranks(np.mean(one, axis=0)) + ranks(np.round(both, 12))) / 3
    expected = np.mean([first, *(ranks(score(Path(f"two/seed_0/fold_{fold}"))) for fold in FOLDS[1:])], axis=0)
    table = pd.read_csv(tmp_path / "test_predictions.csv")
    assert table["activity"].tolist() == pytest.approx([expected[0], expected.min(), *expected[1:]])


def test_a_file_without_readable_molecules_is_refused(
    recipe: Any, asked: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = [np.full((4, 1), np.nan)] * 30, ["RDKit refuses it"] * 4
    monkeypatch.setattr(submission, "_score_runs", lambda *_: nothing)
    parsed = read_recipe(recipe(VALUES))
    with pytest.raises(ValueError, match="no molecule can be read; the first error is: RDKit refuses it"):
        write_submission(parsed, tmp_path, "cpu", [row(parsed, "both")])
