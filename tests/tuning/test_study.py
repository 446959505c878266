from pathlib import Path
from typing import Any

import pytest

from xgraph.tuning.dimension import Dimension
from xgraph.tuning.study import STUDY, Study, Trial

LR = Dimension("lr", low=1e-4, high=1.0, log=True)
SPACE = [Dimension("features", ("rdkit", "maccs", None)), LR, Dimension("n", low=1, high=9)]
SMALL = [Dimension("a", (True, False)), Dimension("b", (), 1, 3)]


def value(trial: Trial) -> float:
    return -abs(float(trial.values["lr"]) - 0.1) - abs(int(trial.values["n"]) - 4) + (trial.values["features"] is None)


def run(path: Path, trials: int, seed: int = 0, stop: int | None = None) -> Study:
    """Run trials, of which one may remain unfinished."""
    study = Study(path, SPACE, seed)
    while (trial := study.next(trials)) is not None:
        if trial.number == stop:
            break
        study.tell(trial, value(trial))
    return study


def test_an_interrupted_study_continues_identically(tmp_path: Path) -> None:
    for name in ("whole", "parts", "other"):
        (tmp_path / name).mkdir()
    whole = run(tmp_path / "whole", 16)
    stopped = run(tmp_path / "parts", 16, stop=12)
    assert [one.state for one in stopped.trials] == ["complete"] * 12 + ["running"]
    begun = stopped.trials[-1].values
    parts = Study(tmp_path / "parts", SPACE, 0)
    again = parts.next(16)
    assert again is not None
    assert (again.number, again.values) == (12, begun)
    assert run(tmp_path / "parts", 16).trials == whole.trials
    assert len({str(one.values) for one in whole.trials}) == 16
    assert run(tmp_path / "other", 3, seed=1).trials[0].values != whole.trials[0].values
    assert (tmp_path / "whole" / STUDY).is_file()
    assert whole.best == max(whole.trials, key=lambda one: one.value or 0)


def test_the_sampler_improves_and_values_keep_their_types(tmp_path: Path) -> None:
    trials = run(tmp_path, 30).trials
    early, late = (sum(one.value or 0 for one in part) / 10 for part in (trials[:10], trials[-10:]))
    assert late > early + 1
    for one in trials:
        assert one.values["features"] in ("rdkit", "maccs", None)
        assert type(one.values["lr"]) is float
        assert type(one.values["n"]) is int


def test_a_small_space_is_searched_exhaustively(tmp_path: Path) -> None:
    study = Study(tmp_path, SMALL, 0)
    seen = []
    while (trial := study.next(6)) is not None:
        seen.append(trial.values)
        study.tell(trial, 0.5)
        study = Study(tmp_path, SMALL, 0)
    assert seen == [{"a": a, "b": b} for a in (True, False) for b in (1, 2, 3)]
    assert study.next(100) is None


def test_more_trials_complete_a_small_space(tmp_path: Path) -> None:
    study = Study(tmp_path, SMALL, 0)
    for trials in (2, 50):
        while (trial := study.next(trials)) is not None:
            study.tell(trial, 0.5)
    values = [str(one.values) for one in study.trials]
    assert len(set(values)) == 6
    assert len(values) <= 7


def test_states_of_trials(tmp_path: Path) -> None:
    study = Study(tmp_path, SPACE, 0)
    for state in ("fail", "pruned"):
        trial = study.next(4)
        assert trial is not None
        study.tell(trial, None, state)
    assert study.best is None
    for number in (0.25, 0.25):
        trial = study.next(4)
        assert trial is not None
        study.tell(trial, number)
    assert study.next(4) is None
    assert [one.state for one in study.trials] == ["fail", "pruned", "complete", "complete"]
    assert study.best is not None
    assert study.best.number == 2, "the first of equals"


def test_an_incomplete_trial_is_marked_as_failed(tmp_path: Path) -> None:
    study = Study(tmp_path, SPACE, 0)
    study._study.ask({"lr": study._distributions["lr"]})
    trial = study.next(1)
    assert trial is not None
    study.tell(trial, 0.5)
    assert study.next(1) is None
    assert len(study.trials) == 1


def test_missing_optuna_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modules: Any = {"optuna": None}
    for name, module in modules.items():
        monkeypatch.setitem(__import__("sys").modules, name, module)
    with pytest.raises(
        ValueError, match=r"search: requires Optuna; install it with `pip install 'xgraph-pyg\[search\]'`"
    ):
        Study(tmp_path, SPACE, 0)


def test_the_best_trial_of_an_error_is_the_lowest_one(tmp_path: Path) -> None:
    study = Study(tmp_path, SMALL, 0, higher_is_better=False)
    for error in (2.0, 0.5, 3.0):
        trial = study.next(3)
        assert trial is not None
        study.tell(trial, error)
    again = Study(tmp_path, SMALL, 0, higher_is_better=False)
    assert again.best is not None
    assert (again.best.number, again.best.value) == (1, 0.5)
