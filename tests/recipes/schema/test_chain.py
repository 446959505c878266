"""Members that start from others, and members without a validation part, from the file to the report."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from sklearn.metrics import roc_auc_score
from tiny import tiny

from xgraph.options import OptionError
from xgraph.recipes.reproduce import reproduce
from xgraph.recipes.schema.read import read_recipe
from xgraph.training import Run
from xgraph.training.fit.engine import prepare
from xgraph.training.fit.train import train

Make = Callable[..., Path]


def chained(**of_second: Any) -> dict[str, Any]:
    """The first member starts from the second."""
    values = {name: tiny()[name] for name in ("title", "about", "metrics", "settings")}
    values["settings"].pop("tau")
    values["member"] = [
        {"name": "late", "seeds": [0, 1], "loss": "auc-margin", "pretrain_epochs": 0, "init": "early"},
        {"name": "early", "seeds": [0, 1, 2], "loss": "bce", "pretrain_epochs": 0, "lr": 0.05, **of_second},
    ]
    return values


def test_each_seed_starts_from_the_same_seed_of_the_other_member(recipe: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, int, str | None]] = []

    def watch(config: Any, source: Any) -> Any:
        seen.append((config.loss, config.seed, config.init))
        return prepare(config, source)

    monkeypatch.setattr("xgraph.training.fit.engine.prepare", watch)
    reproduce(recipe(chained()), out="out", threads=1)
    out = Path("out").resolve()
    early = [("bce", seed, None) for seed in (0, 1, 2)]
    assert seen == [*early, *(("auc-margin", seed, f"{out}/early/seed_{seed}") for seed in (0, 1))]
    rows = json.loads(Path("out/report.json").read_text())["rows"]
    assert [row["name"] for row in rows] == ["late", "early"], "the report keeps the order of the file"
    again = train(config="out/late/seed_1/config.toml", out="again")
    assert again.metrics == Run.open("out/late/seed_1").metrics
    reproduce(recipe(chained()), out="out", threads=1)
    assert len(seen) == 6, "what is finished stays"


def test_each_fold_starts_from_the_same_fold_of_the_other_member(recipe: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    started: dict[str, Any] = {}

    def watch(config: Any, source: Any) -> Any:
        task = prepare(config, source)
        started[f"{config.loss}-{config.seed}-{config.fold}"] = {
            name: weight.clone() for name, weight in task.model.state_dict().items()
        }
        return task

    monkeypatch.setattr("xgraph.training.fit.engine.prepare", watch)
    values = chained()
    values["settings"] |= {"folds": 3, "fold": "0-1"}
    reproduce(recipe(values), out="out", threads=1)
    for seed in (0, 1):
        for fold in (0, 1):
            before = Run.open(f"out/early/seed_{seed}/fold_{fold}").model.state_dict()
            now = started[f"auc-margin-{seed}-{fold}"]
            assert all(torch.equal(before[name], now[name]) for name in before)


def test_a_member_can_start_from_an_existing_run(recipe: Make, bags: Path) -> None:
    settings = chained()["settings"]
    run = train(bags, out="elsewhere", threads=1, loss="bce", **{k: v for k, v in settings.items() if k != "dataset"})
    values = chained()
    values["member"] = [{**values["member"][0], "init": "elsewhere"}]
    parsed = read_recipe(recipe(values))
    assert parsed.members[0].settings["init"] == str(run.path.resolve())
    reproduce(recipe(values), out="out", threads=1)
    assert Run.open("out/late/seed_0").config.init == str(run.path.resolve())
    assert parsed.start_of(parsed.members[0]) is None


def test_members_are_trained_after_those_they_start_from(recipe: Make) -> None:
    values = chained()
    values["member"] = [
        {"name": name, "pretrain_epochs": 0, **({"init": init} if init else {})}
        for name, init in (("c", "b"), ("d", "a"), ("b", "a"), ("a", ""), ("e", ""))
    ]
    parsed = read_recipe(recipe(values))
    assert [one.name for one in parsed.in_order()] == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"late": {"init": "earli"}},
            r"\[\[member\]\] 1 \('late'\): init: no member or run 'earli' \(did you mean 'early'\?\)",
        ),
        ({"late": {"init": "late"}}, "init: circular chain of members: late from late"),
        (
            {"early": {"init": "late"}},
            "init: circular chain of members: late from early from late",
        ),
        ({"early": {"seeds": [0]}}, "init: 'late' has seed 1, but 'early', which it starts from, does not"),
        (
            {"early": {"model": "mean"}},
            "init: 'early' and 'late' must have the same model, got 'mean' and 'attention'",
        ),
        ({"early": {"split": "random"}}, "'early' and 'late' must have the same split, got 'random' and 'stratified'"),
        (
            {"early": {"dataset": "more.csv"}},
            "expected a member that is also trained on .*bags.csv and not left out",
        ),
        ({"quick": {"leave_out": ["early"]}}, "init = 'early': expected a member .* not left out"),
        ({"late": {"inner": "0/5"}}, "inner = '0/5': not available in recipes, which report the test set"),
        ({"late": {"train_on": "train+valid"}}, "keep = 'best': expected 'last'"),
    ],
    ids=str,
)
def test_invalid_starts_are_refused(change: dict[str, Any], message: str, recipe: Make, bags: Path) -> None:
    bags.with_name("more.csv").write_text(bags.read_text())
    values = chained()
    values["member"][0] |= change.get("late", {})
    values["member"][1] |= change.get("early", {})
    values |= {"quick": change["quick"]} if "quick" in change else {}
    with pytest.raises(OptionError, match=message):
        read_recipe(recipe(values))


def test_a_fold_that_the_other_member_lacks_is_refused(recipe: Make) -> None:
    values = {name: tiny()[name] for name in ("title", "about")}
    values |= {"settings": {"dataset": "musk1"}, "member": chained()["member"]}
    values["member"][0]["fold"], values["member"][1]["fold"] = "0-3", "0-2"
    with pytest.raises(OptionError, match="init: 'late' has fold 3, but 'early', which it starts from, does not"):
        read_recipe(recipe(values))
    values["member"][0]["fold"] = 2
    assert read_recipe(recipe(values)).members[0].config.fold == 2
    values["member"][1]["fold"] = 1
    with pytest.raises(OptionError, match="init: 'late' has fold 2, but 'early', which it starts from, does not"):
        read_recipe(recipe(values))


def fixed(**more: Any) -> dict[str, Any]:
    values = tiny()
    values["settings"] |= {"keep": "last", **more}
    return values


def test_members_can_keep_their_last_epoch(recipe: Make) -> None:
    reproduce(recipe(fixed()), out="out", threads=1)
    assert Run.open("out/att/seed_0").metrics["last_epoch"] == 2
    assert "valid ROC-AUC" in Path("out/report.md").read_text()


def test_a_report_of_members_without_a_validation_part(recipe: Make) -> None:
    report = reproduce(recipe(fixed(train_on="train+valid")), out="out", threads=1)
    table = report.tables[0]
    assert table.rows[0] == ["", "runs", "ROC-AUC", "AP", "OPAUC ≤ .2"]
    assert {len(row) for row in table.rows} == {5}
    for row in report.values["rows"]:
        assert set(row["all_seeds"]) == {"test"}
        assert all("valid" not in part for part in row["parts"])
    frames = [pd.read_csv(f"out/att/seed_{seed}/predictions.csv") for seed in (0, 1)]
    assert set(frames[0]["split"]) == {"test"}
    expected = roc_auc_score(frames[0]["ill"], frames[0]["ill_score"] + frames[1]["ill_score"])
    assert report.values["rows"][0]["all_seeds"]["test"]["mean"]["roc_auc"] == pytest.approx(expected)
    assert "valid" not in Path("out/report.md").read_text().replace("train+valid", "")
    again = reproduce(recipe(fixed(train_on="train+valid")), out="out", threads=1)
    assert again.tables == report.tables


def test_a_report_where_some_members_have_a_validation_part(recipe: Make) -> None:
    values = tiny()
    values["member"][1] |= {"keep": "last", "train_on": "train+valid"}
    report = reproduce(recipe(values), out="out", threads=1)
    cells = {row[0]: row[-1] for row in report.tables[0].rows}
    assert cells[""] == "valid ROC-AUC"
    assert cells["att, single runs"] != "-"
    assert cells["smx, single runs"] == cells["both, all seeds"] == "-"


def test_members_without_validation_over_random_splits(recipe: Make) -> None:
    report = reproduce(recipe(fixed(train_on="train+valid", split="random")), out="out", threads=1)
    assert set(report.values["rows"][0]["single_seeds"]) == {"test"}


def test_forests_ignore_common_settings_of_networks(recipe: Make, chains: Path) -> None:
    settings = {"dataset": "chains.csv", "split": "random", "keep": "last", "train_on": "train+valid", "epochs": 1}
    members = [{"name": "net", "hidden_channels": 4}, {"name": "forest", "model": "forest", "features": ["maccs"]}]
    net, forest = read_recipe(recipe({"title": "a", "about": "b", "settings": settings, "member": members})).members
    assert (net.config.keep, net.config.train_on) == ("last", "train+valid")
    assert forest.settings["train_on"] == "train+valid"
    assert "keep" not in forest.settings
