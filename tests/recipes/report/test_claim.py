"""The sentences of a claim follow from the figures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xgraph.options import OptionError
from xgraph.recipes.report.claim import claim_of
from xgraph.recipes.report.results import Results, Row
from xgraph.recipes.schema.read import read_recipe
from xgraph.recipes.schema.recipe import Recipe

VALUES: dict[str, Any] = {
    "title": "a",
    "about": "b",
    "metrics": ["ap", "prc_auc", "roc_auc"],
    "settings": {"dataset": "musk1", "fold": "0-3"},
    "member": [{"name": "own"}],
    "compare": [{"one": "own", "other": "former", "metric": "prc_auc"}],
    "published": [
        {"name": "first", "source": "board", "values": {"prc_auc": [0.5, 0.3], "roc_auc": [0.8, 0.1]}},
        {"name": "second", "source": "board", "values": {"prc_auc": [0.4, 0.4], "roc_auc": [0.9, 0.1]}},
        {"name": "elsewhere", "source": "board", "protocol": "other", "values": {"prc_auc": 0.9}},
        {"name": "another", "source": "paper", "values": {"prc_auc": 0.95}},
        {"name": "former", "source": "us", "values": {"prc_auc": 0.6}, "folds": {"prc_auc": [0.5, 0.6, 0.5, 0.8]}},
    ],
    "claim": {"of": "own", "board": "board", "former": "former"},
}


def sentences(recipe: Recipe, prc: list[float], roc: list[float]) -> tuple[list[str], Results, Row]:
    parts = {i: {"test": {"ap": a, "prc_auc": a, "roc_auc": b}} for i, (a, b) in enumerate(zip(prc, roc, strict=True))}
    row = Row("own", "musk1", recipe.members, {}, parts)
    results = Results(recipe, Path())
    return claim_of(recipe, results, [row]), results, row


def test_the_claim_is_written_if_the_figures_support_it(recipe: Callable[..., Path]) -> None:
    text, results, row = sentences(read_recipe(recipe(VALUES)), [0.6, 0.7, 0.4, 0.5], [0.8, 0.9, 1.0, 0.98])
    first, second, third = text
    assert first == (
        "own is numerically at or above the best published figure in each column, in one entry: PRC-AUC .550 against "
        ".500; ROC-AUC .920 against .900."
    )
    assert second == "It is ahead of former in 2 of 4 folds and behind in 2 (PRC-AUC)."
    se = np.std([0.6, 0.7, 0.4, 0.5], ddof=1) / 2
    assert third.startswith("Some differences between board entries exceed one standard error: ROC-AUC (at most .120; ")
    assert f"PRC-AUC (at most .150; standard errors {se:.3f} to 0.200)".replace("0.", ".") in third
    ((one, other, _, pairs),) = results.compared([row])
    assert (one.name, other.name, pairs.pairs, pairs.better, pairs.worse) == ("own", "former", 4, 2, 2)
    assert pairs.mean == pytest.approx(np.mean([0.1, 0.1, -0.1, -0.3]))


@pytest.mark.parametrize(
    ("roc", "start"),
    [
        (0.85, "own is numerically at or above the best published figure in PRC-AUC .550 against .500, but below the"),
        (0.0, "own is below the best published figure in PRC-AUC .400 against .500; ROC-AUC .000 against .900."),
    ],
)
def test_else_it_says_what_they_support(roc: float, start: str, recipe: Callable[..., Path]) -> None:
    prc = [0.6, 0.7, 0.4, 0.5] if roc else [0.4] * 4
    text = sentences(read_recipe(recipe(VALUES)), prc, [roc] * 4)[0]
    assert text[0].startswith(start)
    assert "in each column" not in text[0]


def test_a_reduced_run_supports_nothing(recipe: Callable[..., Path]) -> None:
    values = {**VALUES, "quick": {"settings": {"fold": "0-2"}}}
    short = read_recipe(recipe(values), quick=True)
    text, results, row = sentences(short, [0.6, 0.7, 0.4], [0.8, 0.9, 1.0])
    assert text == []
    assert results.compared([row])[0][3].pairs == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"of": "owl"}, r"\[claim\]: of: no 'owl' in this recipe \(did you mean 'own'\?\)"),
        ({"board": "bored"}, r"\[claim\]: board: no 'bored' in this recipe"),
        ({"former": "first"}, r"\[claim\]: former: no 'first' in this recipe"),
    ],
)
def test_wrong_claims_are_refused(change: dict[str, str], message: str, recipe: Callable[..., Path]) -> None:
    with pytest.raises(OptionError, match=message):
        read_recipe(recipe({**VALUES, "claim": {**VALUES["claim"], **change}}))


def test_values_by_fold_need_folds(recipe: Callable[..., Path]) -> None:
    values = {**VALUES, "settings": {"dataset": "musk1", "split": "random"}}
    with pytest.raises(OptionError, match=r"other: 'former' has values by fold, but 'own' has no folds on musk1"):
        read_recipe(recipe(values))
