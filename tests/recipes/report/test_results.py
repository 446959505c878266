"""Rows and comparisons are checked against an independent computation on hand-written run directories."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata, wilcoxon
from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_auc_score

from xgraph.recipes.report.results import Results, Row
from xgraph.recipes.schema.read import read_recipe
from xgraph.recipes.schema.recipe import Recipe
from xgraph.training.scoring.metrics import partial_auc

Make = Callable[..., Path]
FOLDS, SEEDS = [0, 1, 2, 3], [0, 5]
VALUES: dict[str, Any] = {
    "title": "a",
    "about": "b",
    "metrics": ["prc_auc", "roc_auc", "pauc_mcclish_fpr0.3"],
    "settings": {"dataset": "musk1", "fold": "0-3"},
    "member": [{"name": "one", "seeds": SEEDS}, {"name": "two", "seeds": SEEDS}, {"name": "three", "seeds": [7]}],
    "ensemble": [
        {"name": "ranks", "members": ["one", "two"], "combine": "rank"},
        {"name": "means", "members": ["one", "two", "three"]},
    ],
    "compare": [{"one": "one", "other": "two"}, {"one": "ranks", "other": "three", "metric": "pauc_area_fpr0.5"}],
}


def prc_auc(y: Any, scores: Any) -> float:
    precision, recall, _ = precision_recall_curve(y, scores)
    precision[-1] = precision[-2]  # the curve begins at the precision of the highest scores
    return float(auc(recall, precision))


def labels(fold: int | None, part: str) -> Any:
    y = np.zeros(30)
    y[np.random.default_rng([fold or 0, part == "test"]).choice(30, 8, replace=False)] = 1
    return y


def scores(name: str, seed: int, fold: int | None, part: str) -> Any:
    random = np.random.default_rng([len(name), seed, fold or 0, part == "test"])
    raw = 0.6 * labels(fold, part) + random.normal(size=30)
    return np.round(1024 / (1 + np.exp(-raw * (9 if name == "two" else 1)))) / 1024  # with ties, and sums are exact


def write_run(path: Path, name: str, seed: int, fold: int | None, metrics: dict[str, Any] | None = None) -> None:
    path.mkdir(parents=True)
    rows, own = ["split,bag,musk,musk_score"], {}
    for part in ("valid", "test"):
        y, s = labels(fold, part), scores(name, seed, fold, part)
        rows += [f"{part},bag{i},{int(y[i])},{s[i]}" for i in range(len(y))]
        own[part] = {"ap": average_precision_score(y, s), "prc_auc": prc_auc(y, s), "roc_auc": roc_auc_score(y, s)}
    (path / "predictions.csv").write_text("\n".join(rows))
    (path / "metrics.json").write_text(json.dumps(metrics or own))


@pytest.fixture
def recipe_and_out(recipe: Make, tmp_path: Path) -> tuple[Recipe, Path]:
    result = read_recipe(recipe(VALUES))
    for member in result.members:
        for seed in member.seeds:
            for fold in FOLDS:
                write_run(tmp_path / "out" / member.name / f"seed_{seed}/fold_{fold}", member.name, seed, fold)
    return result, tmp_path / "out"


def by_name(rows: list[Row]) -> dict[str, Row]:
    return {row.name: row for row in rows}


def test_rows_of_single_seeds_and_of_averaged_seeds(recipe_and_out: tuple[Recipe, Path]) -> None:
    row = by_name(Results(*recipe_and_out).rows())["one"]
    for part in ("valid", "test"):
        for metric, own in (("prc_auc", prc_auc), ("roc_auc", roc_auc_score), ("ap", average_precision_score)):
            single = [[own(labels(f, part), scores("one", s, f, part)) for f in FOLDS] for s in SEEDS]
            together = [own(labels(f, part), sum(scores("one", s, f, part) for s in SEEDS) / 2) for f in FOLDS]
            for result, expected in (
                (row.summarize_single(), np.mean(single, axis=0)),
                (row.summarize_combined(), together),
            ):
                assert result[part]["mean"][metric] == pytest.approx(np.mean(expected))
                assert result[part]["std"][metric] == pytest.approx(np.std(expected, ddof=1))
            for i, fold in enumerate(FOLDS):
                assert row.combined[fold][part][metric] == pytest.approx(together[i])
                assert row.single[5][fold][part][metric] == pytest.approx(single[1][i])


def test_further_metrics_are_computed_from_predictions(recipe_and_out: tuple[Recipe, Path]) -> None:
    rows = by_name(Results(*recipe_and_out).rows())
    expected = [partial_auc(labels(f, "test"), scores("one", 0, f, "test"), 0.3, "mcclish") for f in FOLDS]
    assert [rows["one"].single[0][f]["test"]["pauc_mcclish_fpr0.3"] for f in FOLDS] == pytest.approx(expected)
    expected = [partial_auc(labels(f, "test"), scores("three", 7, f, "test"), 0.5, "area") for f in FOLDS]
    assert [rows["three"].combined[f]["test"]["pauc_area_fpr0.5"] for f in FOLDS] == pytest.approx(expected)


def test_metrics_reported_by_a_run_are_kept(recipe_and_out: tuple[Recipe, Path]) -> None:
    """Runs compute their metrics from logits, because a sigmoid can make confident scores equal."""
    recipe, out = recipe_and_out
    exact = {name: {"ap": 0.123, "prc_auc": 0.5, "roc_auc": None} for name in ("valid", "test")}
    (out / "three/seed_7/fold_2/metrics.json").write_text(json.dumps(exact))
    row = by_name(Results(recipe, out).rows())["three"]
    assert row.combined[2]["test"]["ap"] == row.single[7][2]["test"]["ap"] == 0.123
    kept = [row.combined[f]["test"]["roc_auc"] for f in (0, 1, 3)]
    mean = row.summarize_combined()["test"]["mean"]["roc_auc"]
    assert mean == pytest.approx(np.mean(kept))  # a fold without the metric is left out


def ensemble_scores(name: str, fold: int, part: str, seeds: list[int]) -> Any:
    def own(member: str, seed: int) -> Any:
        result = scores(member, seed, fold, part)
        return rankdata(result) if name == "ranks" else result

    members = [np.mean([own(member, seed) for seed in seeds], axis=0) for member in ("one", "two")]
    members += [own("three", 7)] if name == "means" else []
    return np.mean(members, axis=0)


def test_ensembles_combine_scores_or_ranks(recipe_and_out: tuple[Recipe, Path]) -> None:
    rows = by_name(Results(*recipe_and_out).rows())
    for name in ("ranks", "means"):
        for part in ("valid", "test"):
            expected = [prc_auc(labels(f, part), ensemble_scores(name, f, part, SEEDS)) for f in FOLDS]
            assert [rows[name].combined[f][part]["prc_auc"] for f in FOLDS] == pytest.approx(expected)
            assert rows[name].summarize_combined()[part]["std"]["prc_auc"] == pytest.approx(np.std(expected, ddof=1))
    assert rows["means"].single == {}  # its members have other seeds
    for seed in SEEDS:
        expected = [roc_auc_score(labels(f, "test"), ensemble_scores("ranks", f, "test", [seed])) for f in FOLDS]
        assert [rows["ranks"].single[seed][f]["test"]["roc_auc"] for f in FOLDS] == pytest.approx(expected)


def test_comparisons_are_paired_by_fold(recipe_and_out: tuple[Recipe, Path]) -> None:
    results = Results(*recipe_and_out)
    (one, other, metric, summary), second = results.compared(results.rows())
    assert (one.name, other.name, metric) == ("one", "two", "prc_auc")
    d = [
        prc_auc(labels(f, "test"), sum(scores("one", s, f, "test") for s in SEEDS))
        - prc_auc(labels(f, "test"), sum(scores("two", s, f, "test") for s in SEEDS))
        for f in FOLDS
    ]
    assert (summary.mean, summary.std) == (pytest.approx(np.mean(d)), pytest.approx(np.std(d, ddof=1)))
    assert (summary.better, summary.worse) == (sum(x > 0 for x in d), sum(x < 0 for x in d))
    assert summary.p == pytest.approx(wilcoxon(d, method="exact").pvalue)
    assert second[3].pairs == 4
    assert not np.isnan(second[3].mean)


def test_without_folds_comparisons_are_paired_by_seed(recipe: Make, tmp_path: Path) -> None:
    values = {**VALUES, "settings": {"dataset": "musk1", "fold": 3}, "member": VALUES["member"][:2]}
    values["ensemble"] = VALUES["ensemble"][:1]
    values["compare"] = [{"one": "one", "other": "two"}, {"one": "ranks", "other": "two"}]
    result = read_recipe(recipe(values))
    for name in ("one", "two"):
        for seed in SEEDS:
            write_run(tmp_path / "out" / name / f"seed_{seed}", name, seed, 3)
    results = Results(result, tmp_path / "out")
    rows = by_name(results.rows())
    own = {
        name: [prc_auc(labels(3, "test"), scores(name, seed, 3, "test")) for seed in SEEDS] for name in ("one", "two")
    }
    own["ranks"] = [prc_auc(labels(3, "test"), ensemble_scores("ranks", 3, "test", [seed])) for seed in SEEDS]
    for name, expected in own.items():
        summary = rows[name].summarize_single()["test"]
        assert summary["mean"]["prc_auc"] == pytest.approx(np.mean(expected))
        assert summary["std"]["prc_auc"] == pytest.approx(np.std(expected, ddof=1))
        assert np.isnan(rows[name].summarize_combined()["test"]["std"]["prc_auc"])
    for summary, name in zip(results.compared(results.rows()), ("one", "ranks"), strict=True):
        assert summary[3].mean == pytest.approx(np.mean(np.subtract(own[name], own["two"])))
        assert summary[3].pairs == 2


def test_seeds_with_their_own_splits_are_parts(recipe: Make, tmp_path: Path) -> None:
    values = {**VALUES, "settings": {"dataset": "musk1", "split": "random"}, "member": VALUES["member"][:2]}
    values["ensemble"], values["compare"] = VALUES["ensemble"][:1], [{"one": "ranks", "other": "two"}]
    result = read_recipe(recipe(values))
    for name in ("one", "two"):
        for seed in SEEDS:  # other bags for another seed
            write_run(tmp_path / "out" / name / f"seed_{seed}", name, seed, seed)
    results = Results(result, tmp_path / "out")
    rows = by_name(results.rows())
    own = [prc_auc(labels(s, "test"), scores("one", s, s, "test")) for s in SEEDS]
    both = [
        prc_auc(labels(s, "test"), sum(rankdata(scores(name, s, s, "test")) for name in ("one", "two"))) for s in SEEDS
    ]
    assert rows["one"].summarize_single()["test"]["mean"]["prc_auc"] == pytest.approx(np.mean(own))
    assert rows["ranks"].summarize_single()["test"]["mean"]["prc_auc"] == pytest.approx(np.mean(both))
    assert results.compared(results.rows())[0][3].pairs == 2


def test_missing_runs_and_runs_on_other_items_are_refused(recipe_and_out: tuple[Recipe, Path]) -> None:
    recipe, out = recipe_and_out
    file = out / "two/seed_5/fold_1/predictions.csv"
    before = file.read_text()
    file.write_text(before.replace("bag3,", "bag99,"))
    with pytest.raises(ValueError, match=r"cannot combine .*two/seed_0/fold_1 and .*two/seed_5/fold_1"):
        Results(recipe, out).rows()
    file.unlink()
    with pytest.raises(FileNotFoundError, match=r"two/seed_5/fold_1 has no predictions.csv"):
        Results(recipe, out).rows()
    file.write_text(before)
    (out / "two/seed_5/fold_1/metrics.json").unlink()
    with pytest.raises(FileNotFoundError, match="two/seed_5/fold_1"):
        Results(recipe, out).rows()
