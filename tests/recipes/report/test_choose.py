"""Choices are checked against a plain implementation of greedy selection."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_auc_score

from xgraph.recipes.report.choices import choice_grids, described
from xgraph.recipes.report.choose import choose
from xgraph.recipes.report.results import Results
from xgraph.recipes.schema.entries import Choice
from xgraph.recipes.schema.read import read_recipe

RANDOM = np.random.default_rng(6)
Y = (RANDOM.random(80) < 0.2).astype(float)
SHIFTS = {"a": 0.4, "b": 0.9, "c": 0.8, "d": 0.2}
RANKS = {name: rankdata(RANDOM.normal(size=80) + shift * Y)[:, None] for name, shift in SHIFTS.items()}


def ap(scores: Any) -> float:
    return float(average_precision_score(Y, scores[:, 0]))


BEST = max(RANKS, key=lambda name: ap(RANKS[name]))


def greedy(picks: list[str]) -> tuple[list[str], float]:
    """Add the candidate that helps most until none does."""

    def score(names: list[str]) -> float:
        return ap(np.round(np.mean([RANKS[name] for name in names], axis=0), 9))

    while len(picks) < 30:
        best = max(RANKS, key=lambda name: score([*picks, name]))
        if score([*picks, best]) <= score(picks):
            break
        picks = [*picks, best]
    return picks, score(picks)


def choice(**changes: Any) -> Choice:
    return Choice(**{"name": "chosen", "candidates": list("abcd"), "metric": ["ap"], **changes})


def test_the_best_candidate() -> None:
    chosen = choose(choice(), RANKS, ap)
    expected = {name: ap(own) for name, own in RANKS.items()}
    assert chosen.scores == pytest.approx(expected)
    assert chosen.weights == {BEST: 1}
    assert (chosen.score, chosen.note) == (pytest.approx(max(expected.values())), "")


@pytest.mark.parametrize(("start", "first"), [("best", [BEST]), ("all", list("abcd"))])
def test_greedy_selection_with_replacement(start: str, first: list[str]) -> None:
    picks, score = greedy(first)
    assert len(picks) > len(first)
    chosen = choose(choice(how="greedy", start=start), RANKS, ap)
    assert chosen.weights == {name: picks.count(name) for name in RANKS if name in picks}
    assert chosen.score == pytest.approx(score)


def test_what_cannot_be_chosen_is_said() -> None:
    one = choose(choice(how="greedy"), {"a": RANKS["a"]}, ap)
    assert (one.weights, one.note) == ({"a": 1}, "there is only one candidate")
    undefined = choose(choice(), RANKS, lambda _: math.nan)
    assert undefined.weights == dict.fromkeys("abcd", 1)
    assert "mean rank of all" in undefined.note
    tied = choose(choice(how="greedy"), {name: np.ones((80, 1)) for name in "ab"}, ap)
    assert (tied.weights, tied.score) == ({"a": 1}, pytest.approx(Y.mean()))


FOLDS, SEEDS = [0, 1], [0, 4]
VALUES: dict[str, Any] = {
    "title": "a",
    "about": "b",
    "metrics": ["ap", "roc_auc"],
    "settings": {"dataset": "musk1", "fold": "0-1"},
    "member": [{"name": "one", "seeds": SEEDS}, {"name": "two", "seeds": SEEDS}],
    "ensemble": [{"name": "both", "members": ["one", "two"], "combine": "rank"}],
    "choice": [
        {"name": "by-valid", "candidates": ["one", "two", "both"], "metric": "roc_auc"},
        {"name": "by-inner", "candidates": ["two", "one"], "how": "greedy", "metric": ["ap", "roc_auc"], "inner": 3},
    ],
    "compare": [{"one": "by-valid", "other": "one"}],
}


def labels(*key: int) -> Any:
    y = np.zeros(24)
    y[np.random.default_rng(key).choice(24, 6, replace=False)] = 1
    return y


def scores(name: str, seed: int, *key: int) -> Any:
    noise = np.random.default_rng([len(name), ord(name[0]), seed, *key]).normal(size=24)
    return np.round(1 / (1 + np.exp(-noise - labels(*key))), 3)


def write_runs(out: Path) -> None:
    """Write runs with a test part (key 1) and a validation part (2), and three inner folds (10 to 12)."""
    for name in ("one", "two"):
        for seed in SEEDS:
            for fold in FOLDS:
                path = out / name / f"seed_{seed}/fold_{fold}"
                path.mkdir(parents=True)
                for file, first, parts in (
                    ("predictions.csv", "split", {"valid": 2, "test": 1}),
                    ("inner_3.csv", "inner", {str(i): 10 + i for i in range(3)}),
                ):
                    rows = [f"{first},bag,musk,musk_score"]
                    for part, number in parts.items():
                        y, s = labels(fold, number), scores(name, seed, fold, number)
                        rows += [f"{part},bag{i},{int(y[i])},{s[i]}" for i in range(24)]
                    (path / file).write_text("\n".join(rows))
                own = {
                    part: {
                        "ap": average_precision_score(labels(fold, number), scores(name, seed, fold, number)),
                        "roc_auc": roc_auc_score(labels(fold, number), scores(name, seed, fold, number)),
                    }
                    for part, number in (("valid", 2), ("test", 1))
                }
                (path / "metrics.json").write_text(json.dumps(own))


def combined(name: str, seeds: list[int], *key: int) -> Any:
    if name == "both":
        return combined("one", seeds, *key, -1) + combined("two", seeds, *key, -1)
    own = [scores(name, seed, *key[:2]) for seed in seeds]
    return np.mean([rankdata(one) for one in own] if key[-1] == -1 else own, axis=0)


def test_choices_in_each_fold(recipe: Callable[..., Path], tmp_path: Path) -> None:
    parsed = read_recipe(recipe(VALUES))
    write_runs(tmp_path / "out")
    rows = {row.name: row for row in Results(parsed, tmp_path / "out").rows()}
    assert [parsed.inner_folds(member) for member in parsed.members] == [[(3, None)], [(3, None)]]
    for seeds, seed in (([0], 0), ([4], 4), (SEEDS, None)):
        for fold in FOLDS:
            by = {
                name: roc_auc_score(labels(fold, 2), combined(name, seeds, fold, 2)) for name in ("one", "two", "both")
            }
            best = max(by, key=lambda name: by[name])
            (chosen,) = [one for part, own, one in rows["by-valid"].choices if (part, own) == (fold, seed)]
            assert chosen.scores == pytest.approx(by)
            assert chosen.weights == {best: 1}
            expected = roc_auc_score(labels(fold, 1), combined(best, seeds, fold, 1))
            row = rows["by-valid"]
            figures = row.combined[fold] if seed is None else row.single[seed][fold]
            assert figures["test"]["roc_auc"] == pytest.approx(expected)

            y = np.concatenate([labels(fold, 10 + i) for i in range(3)])
            ranks = {
                name: np.concatenate([rankdata(combined(name, seeds, fold, 10 + i)) for i in range(3)])
                for name in ("two", "one")
            }
            (chosen,) = [one for part, own, one in rows["by-inner"].choices if (part, own) == (fold, seed)]
            for name, own in ranks.items():
                mean = (average_precision_score(y, own) + roc_auc_score(y, own)) / 2
                assert chosen.scores[name] == pytest.approx(mean)
            total = sum(weight * rankdata(combined(name, seeds, fold, 1)) for name, weight in chosen.weights.items())
            figures = rows["by-inner"].combined[fold] if seed is None else rows["by-inner"].single[seed][fold]
            assert figures["test"]["ap"] == pytest.approx(average_precision_score(labels(fold, 1), total))
    first, second = choice_grids("musk1", list(rows.values()), parsed.choices)
    assert first.heading == "musk1: what by-valid chose"
    assert first.rows[0] == ["fold", "seed", "chosen", "score", "one", "two", "both"]
    assert [row[:2] for row in first.rows[1:]] == [[str(fold), seed] for fold in FOLDS for seed in ("0", "4", "all")]
    assert "AP and ROC-AUC" in second.note
    words = "greedy mean rank of two, one, starting from the best, by AP and ROC-AUC of the ranks within 3 inner folds"
    assert described(parsed.choices[1]).startswith(words)


def test_an_inner_fold_without_scores_is_not_chosen_by(recipe: Callable[..., Path], tmp_path: Path) -> None:
    parsed = read_recipe(recipe(VALUES))
    write_runs(tmp_path / "out")
    file = tmp_path / "out/one/seed_0/fold_1/inner_3.csv"
    file.write_text("\n".join(line for line in file.read_text().splitlines() if not line.startswith("1,")))
    for seed in SEEDS:
        (tmp_path / f"out/two/seed_{seed}/fold_0/inner_3.csv").write_text("inner\n")
    row = {row.name: row for row in Results(parsed, tmp_path / "out").rows()}["by-inner"]
    (chosen,) = [one for part, seed, one in row.choices if (part, seed) == (1, 0)]
    y = np.concatenate([labels(1, 10 + i) for i in (0, 2)])
    ranks = np.concatenate([rankdata(scores("two", 0, 1, 10 + i)) for i in (0, 2)])
    assert chosen.scores["two"] == pytest.approx((average_precision_score(y, ranks) + roc_auc_score(y, ranks)) / 2)
    (chosen,) = [one for part, seed, one in row.choices if (part, seed) == (0, 0)]
    assert (chosen.weights, chosen.note[:27]) == ({"two": 1, "one": 1}, "the metric is undefined, so")
