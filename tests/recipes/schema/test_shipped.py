"""The shipped recipes can all be read, in full and reduced, and follow their protocols."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from xgraph.options import OptionError
from xgraph.recipes.schema.read import read_recipe
from xgraph.recipes.schema.shipped import find_recipe, headlines, recipe_names
from xgraph.recipes.schema.written import to_toml

EXPECTED = {
    "aicures",
    "aicures-pretrained",
    "graphfm",
    "hiv-losses",
    "midam",
    "moleculenet",
    "molhiv",
    "pauc",
    "soap-hiv",
    "soap-muv",
}


def test_the_shipped_recipes() -> None:
    assert set(recipe_names()) >= EXPECTED
    assert [one.name for one in headlines()] == recipe_names()
    assert all(one.title and one.time and one.quick for one in headlines())


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("name", recipe_names())
def test_each_shipped_recipe_is_valid_and_can_be_written(name: str, quick: bool, recipe: Callable[..., Path]) -> None:
    parsed = read_recipe(name, quick=quick)
    assert bool(parsed.cut_down) == quick
    assert parsed.about.strip()
    for member in parsed.members:
        assert member.config.dataset == member.dataset
    again = read_recipe(recipe(tomllib.loads(to_toml(parsed)), f"{name}.toml"))
    assert {**vars(again), "path": parsed.path} == vars(parsed)


@pytest.mark.parametrize("name", recipe_names())
def test_two_stage_losses_and_their_baseline_have_the_same_model(name: str) -> None:
    """Only the loss differs between compared members: data, network and optimiser are the same."""
    parsed = read_recipe(name)
    same = ("dataset", "model", "model_options", "batch_size", "lr", "weight_decay", "optimizer", "features", "fold")
    for one in parsed.comparisons:
        for dataset in parsed.datasets:
            pair = [parsed.members_of(name, dataset) for name in (one.one, one.other)]
            if any(len(members) != 1 for members in pair):
                continue
            (a,), (b,) = pair
            if {a.name.split("-")[-1], b.name.split("-")[-1]} == {"soap", "ce"}:
                for field in same:
                    assert getattr(a.config, field) == getattr(b.config, field), (a.name, b.name, field)


def test_aicures_follows_the_protocol_of_the_leaderboard() -> None:
    parsed = read_recipe("aicures")
    assert all(member.parts == list(range(10)) for member in parsed.members)
    assert parsed.metrics[:3] == ["ap", "prc_auc", "roc_auc"]
    assert parsed.submission is not None
    assert parsed.submission.columns == ["smiles", "activity"]
    board = {
        row.name: row.values for row in parsed.published if row.source == "AICures leaderboard" and not row.protocol
    }
    assert board["Graph self-supervised, SJTU_NRC_Mila"] == {"prc_auc": (0.53, 0.342), "roc_auc": (0.825, 0.21)}
    assert board["Pre-trained OGB-GIN, ensemble"]["roc_auc"] == (0.905, 0.133)


@pytest.mark.parametrize("name", ["moleculenet", "molhiv", "soap-hiv"])
def test_recipes_with_a_pretrained_encoder_say_what_it_may_have_seen(name: str) -> None:
    full, short = read_recipe(name), read_recipe(name, quick=True)
    assert any("minimol" in (member.config.features or []) for member in full.members)
    assert "MiniMol" in full.about
    assert "may have seen" in full.about
    assert not any("minimol" in (member.config.features or []) for member in short.members)  # no extra is needed


def test_molhiv_has_ten_seeds() -> None:
    parsed = read_recipe("molhiv")
    assert all(member.seeds == list(range(10)) for member in parsed.members)
    assert parsed.metrics[0] == "ogb_rocauc"


def test_recipes_are_found_by_name_or_file() -> None:
    assert find_recipe("aicures").is_file()
    with pytest.raises(
        OptionError, match=r"unknown recipe 'aicure' \(did you mean 'aicures'\?\); choose from aicures, "
    ):
        find_recipe("aicure")
    for path in ("mine.toml", "folder/mine"):
        with pytest.raises(FileNotFoundError, match="no file"):
            find_recipe(path)
