import math
from dataclasses import replace
from typing import Any

import pytest
from tiny import tiny

from xgraph.data.cards.pretrained import ENCODERS, OF_OWN
from xgraph.recipes.report.compare import Paired
from xgraph.recipes.report.report import _row
from xgraph.recipes.report.results import Row
from xgraph.recipes.report.tables import figure, tables_of
from xgraph.recipes.schema.read import read_recipe
from xgraph.recipes.schema.recipe import Member, Recipe
from xgraph.training.config.build import build_config


def figures(value: float) -> dict[str, dict[str, float]]:
    return {part: {"roc_auc": value, "ap": value / 2} for part in ("test", "valid")}


@pytest.fixture
def tiny_recipe(recipe: Any) -> Recipe:
    return read_recipe(recipe(tiny()))


def row(member: Member, values: dict[int, float], together: float) -> Row:
    single = {seed: {None: figures(value)} for seed, value in values.items()}
    return Row(member.name, member.dataset, [member], single, {None: figures(together)})


def test_the_table_of_metrics_has_the_published_rows(tiny_recipe: Recipe) -> None:
    att, smx = tiny_recipe.members
    one = replace(smx, seeds=[0])
    rows = [row(att, {0: 0.5, 1: 0.7}, 0.8), row(one, {0: 0.25}, 0.25)]
    rows.append(Row("both", att.dataset, [att, one], {}, {None: figures(0.9)}))
    table, elsewhere = tables_of(tiny_recipe, rows, [])
    assert table.rows == [
        ["", "runs", "ROC-AUC", "AP", "OPAUC ≤ .2", "valid ROC-AUC"],
        ["att, single runs", "2", "0.6000 ± 0.1414", "0.3000 ± 0.0707", "-", "0.6000 ± 0.1414"],
        ["att, seeds averaged", "2", "0.8000", "0.4000", "-", "0.8000"],
        ["smx", "1", "0.2500", "0.1250", "-", "0.2500"],
        ["both", "3", "0.9000", "0.4500", "-", "0.9000"],
        ["published: theirs (a paper)", "", "0.5000 ± 0.2500", "0.7500", "-", ""],
    ]
    assert "over seeds" in table.note
    assert elsewhere.heading.endswith("published with other protocols (not comparable)")
    assert elsewhere.rows == [["", "ROC-AUC", "protocol"], ["others (a board)", "0.9000", "ten folds"]]


def test_the_share_of_ties_is_beside_the_area_that_ties_distort(tiny_recipe: Recipe) -> None:
    att = tiny_recipe.members[0]
    values = {"test": {"ap": 0.5, "prc_auc": 0.75, "tied": 0.125}}
    rows = [Row(att.name, att.dataset, [att], {}, {None: values})]
    for metrics in (["ap", "prc_auc", "roc_auc"], ["tied", "ap", "prc_auc", "roc_auc"]):
        table, _ = tables_of(replace(tiny_recipe, metrics=metrics), rows, [])
        assert table.rows[0][:6] == ["", "runs", "AP", "PRC-AUC", "tied", "ROC-AUC"]
        assert table.rows[1][2:6] == ["0.5000", "0.7500", "0.1250", "-"]
        assert table.rows[2][2:6] == ["0.7500", "-", "-", "0.5000 ± 0.2500"]
    table, _ = tables_of(replace(tiny_recipe, metrics=["tied", "ap"]), rows, [])
    assert table.rows[0][:4] == ["", "runs", "tied", "AP"]


def test_a_reduced_run_is_not_compared_with_published_results(tiny_recipe: Recipe) -> None:
    rows = [row(tiny_recipe.members[0], {0: 0.5}, 0.5)]
    table, elsewhere = tables_of(replace(tiny_recipe, cut_down="seeds 0 only"), rows, [])
    assert len(table.rows) == 2
    assert [cells[-1] for cells in elsewhere.rows] == ["protocol", "the full protocol of this recipe", "ten folds"]


def test_tables_of_comparisons_and_parts(tiny_recipe: Recipe) -> None:
    att = replace(tiny_recipe.members[0], folds=[4, 7])
    rows = [Row("att", att.dataset, [att], {}, {4: figures(0.5), 7: figures(0.75)})]
    pairs = [
        (rows[0], rows[0], "ap", Paired(2, 0.125, 0.25, 2, 0, 0.5)),
        (rows[0], rows[0], "ap", Paired(1, 0.0, math.nan, 0, 0, math.nan)),
    ]
    _, _, compared, by_fold, other = tables_of(tiny_recipe, rows, pairs)
    assert compared.rows[1:] == [
        ["att − att", "AP", "0.1250 ± 0.2500", "2", "2", "0", "0.5000"],
        ["att − att", "AP", "0.0000", "1", "0", "0", "-"],
    ]
    assert "fold" in compared.note
    assert by_fold.rows == [["fold", "4", "7"], ["att", "0.5000", "0.7500"]]
    assert other.heading == "bags: AP by fold"


def test_figures_are_formatted() -> None:
    assert figure(None) == figure(math.nan) == figure(math.nan, 0.5) == "-"
    assert figure(0.5, math.nan) == "0.5000"


def test_rows_with_a_pretrained_encoder_say_what_it_may_have_seen(tiny_recipe: Recipe) -> None:
    att, smx = tiny_recipe.members
    config = build_config({"dataset": "aicures", "model": "logistic", "features": ["minimol"]})
    rows = [row(replace(att, config=config), {0: 0.5}, 0.5), row(smx, {0: 0.5}, 0.5)]
    table = tables_of(tiny_recipe, rows, [])[0]
    assert table.note.endswith(
        f"Pretrained, in att: {ENCODERS['minimol'].name}. {ENCODERS['minimol'].trained_on} {OF_OWN}"
    )
    assert [set(one.pretrained) for one in rows] == [{"minimol"}, set()]
    assert _row(rows[0])["pretrained"]["minimol"]["seen"] == OF_OWN
