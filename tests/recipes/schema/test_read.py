import copy
import shutil
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny import TINY, tiny

from xgraph.cli import main
from xgraph.options import OptionError
from xgraph.recipes.schema.read import read_recipe
from xgraph.recipes.schema.written import to_toml

Make = Callable[..., Path]
Capture = pytest.CaptureFixture[str]


def test_a_recipe_is_read(recipe: Make, bags: Path) -> None:
    parsed = read_recipe(recipe())
    assert (parsed.title, parsed.time, parsed.cut_down) == ("Tiny", "seconds", "")
    assert parsed.datasets == [str(bags)]
    att, smx = parsed.members
    assert (att.name, att.seeds, att.folds, att.parts) == ("att", [0, 1], None, [None])
    assert (att.config.loss, att.config.epochs, att.config.pretrain_epochs) == ("bce", 2, 0)
    assert (smx.config.pretrain_epochs, smx.config.instances) == (1, 2)
    assert smx.config.model_options["tau"] == 0.5
    assert "tau" not in att.settings  # it is not one of its model
    assert parsed.run_path(att, 1) == Path("att/seed_1")
    assert parsed.names == ["att", "smx", "both"]
    assert [one.name for one in parsed.members_of("both", str(bags))] == ["att", "smx"]
    assert (parsed.combine_of("both"), parsed.combine_of("att")) == ("rank", "mean")
    assert parsed.comparisons[1].metric == "roc_auc"
    assert parsed.published[0].values == {"roc_auc": (0.5, 0.25), "ap": (0.75, None)}
    assert parsed.submission is None


def test_a_recipe_can_be_reduced(recipe: Make, bags: Path) -> None:
    parsed = read_recipe(recipe(), quick=True)
    (att,) = parsed.members
    assert (att.seeds, att.config.epochs, att.config.pretrain_epochs) == ([3], 1, 0)
    assert att.config.model_options["hidden_channels"] == 3
    assert (parsed.ensembles, parsed.comparisons, parsed.time) == ([], [], "a second")
    assert parsed.cut_down == "only seeds 3; 0.5 of the epochs; hidden_channels = 3; without smx"


def test_only_stages_with_epochs_are_shortened(recipe: Make) -> None:
    values = tiny()
    values["quick"] = {"share_of_epochs": 0.01}
    att, smx = read_recipe(recipe(values), quick=True).members
    assert (att.config.epochs, att.config.pretrain_epochs) == (1, 0)
    assert (smx.config.epochs, smx.config.pretrain_epochs) == (2, 1)


@pytest.mark.parametrize("quick", [False, True])
def test_a_written_recipe_reads_back(quick: bool, recipe: Make) -> None:
    parsed = read_recipe(recipe(), quick=quick)
    again = read_recipe(recipe(tomllib.loads(to_toml(parsed)), "again.toml"))
    assert {**vars(again), "path": parsed.path} == vars(parsed)


def test_members_on_several_data_sets(recipe: Make, bags: Path) -> None:
    shutil.copy(bags, bags.with_name("more.csv"))
    values = tiny()
    values["settings"]["dataset"] = ["bags.csv", "more.csv"]
    values["member"][1]["dataset"] = "more.csv"
    values["published"][0]["dataset"] = values["published"][1]["dataset"] = "more.csv"
    values["quick"] = {"datasets": ["more.csv"]}
    parsed = read_recipe(recipe(values))
    more = str(bags.with_name("more.csv"))
    assert [(one.name, one.dataset) for one in parsed.members] == [("att", str(bags)), ("att", more), ("smx", more)]
    assert parsed.run_path(parsed.members[1], 0) == Path("att/more/seed_0")
    assert parsed.members_of("both", str(bags)) == []
    assert len(parsed.members_of("both", more)) == 2
    assert parsed.published[0].dataset == more
    again = read_recipe(recipe(tomllib.loads(to_toml(parsed)), "again.toml"))
    assert {**vars(again), "path": parsed.path} == vars(parsed)
    short = read_recipe(recipe(values), quick=True)
    assert short.datasets == [more]
    assert len(short.members) == 2
    del values["published"][0]["dataset"]
    with pytest.raises(OptionError, match=r"\[\[published\]\] 1: dataset is missing"):
        read_recipe(recipe(values))
    values["settings"]["dataset"] = ["bags.csv", "sub/bags.csv"]
    (bags.parent / "sub").mkdir()
    shutil.copy(bags, bags.parent / "sub")
    values["member"][1].pop("dataset")
    del values["published"], values["quick"]
    with pytest.raises(OptionError, match=r"\[settings\]: dataset: expected files with different names"):
        read_recipe(recipe(values))


def test_fitted_models_ignore_common_settings_of_networks(recipe: Make, chains: Path) -> None:
    settings = {"dataset": "chains.csv", "split": "random", "epochs": 3, "trees": 9, "loss": "bce", "lr": 0.1}
    members = [{"name": "net", "model": "gine"}, {"name": "forest", "model": "forest", "features": ["maccs"]}]
    values = {"title": "a", "about": "b", "settings": settings, "member": members}
    net, forest = read_recipe(recipe({**values, "quick": {"share_of_epochs": 0.1}}), quick=True).members
    assert (net.settings["epochs"], "trees" in net.settings) == (1, False)
    assert forest.settings == {"split": "random", "trees": 9, "model": "forest", "features": ["maccs"]}
    assert net.parts == [0]  # the seed draws the split


def mutations(values: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every key of a recipe with its value."""
    items = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in items:
        if isinstance(key, str):
            yield (*path, key), value
        if isinstance(value, dict) or (isinstance(value, list) and value and isinstance(value[0], dict)):
            yield from mutations(value, (*path, key))


def mutated(path: tuple[Any, ...], value: Any, name: str | None = None) -> dict[str, Any]:
    values = copy.deepcopy(TINY)
    inner: Any = values
    for key in path[:-1]:
        inner = inner[key]
    old = inner.pop(path[-1])
    inner[name or path[-1]] = old if name else value
    return values


KEYS = list(mutations(TINY))


@pytest.mark.parametrize(("path", "value"), KEYS, ids=[".".join(map(str, path)) for path, _ in KEYS])
def test_any_corrupted_key_gives_one_clear_error(
    path: tuple[Any, ...], value: Any, recipe: Make, capsys: Capture
) -> None:
    tables = isinstance(value, dict) or (isinstance(value, list) and isinstance(value[0], dict))
    for values in (mutated(path, 3.5 if tables else {"x": 1}), mutated(path, value, f"{path[-1]}x")):
        assert main(["reproduce", str(recipe(values)), "--out", "out"]) == 2
        err = capsys.readouterr().err
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        assert "tiny.toml" in err
        assert path[-1] in err
        assert not Path("out").exists()


MEMBER, SETTINGS = ("member", 0), ("settings",)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ((*SETTINGS, "epochs"), "x", "tiny.toml: [settings]: epochs = 'x': expected an integer"),
        ((*SETTINGS, "epochz"), 3, "[settings]: epochz = 3: unknown setting (did you mean 'epochs'?)"),
        ((*SETTINGS, "dataset"), "bagz.csv", "[settings]: dataset: no data set 'bagz.csv' and no file"),
        ((*SETTINGS, "dataset"), "musk3", "dataset: no data set 'musk3' (did you mean 'musk2'?)"),
        ((*SETTINGS, "split"), "clusters", "[settings]: split = 'clusters': expected"),
        ((*SETTINGS, "seed"), 3, "[settings]: seed = 3: give `seeds` to the member"),
        ((*SETTINGS, "device"), "cuda", "device = 'cuda': give it on the command line"),
        ((*MEMBER, "loss"), "soaap", "[[member]] 1 ('att'): loss: unknown loss 'soaap' (did you mean 'soap'?)"),
        ((*MEMBER, "model"), "gine", "[[member]] 1 ('att'): model 'gine' is for molecules"),
        ((*MEMBER, "tau"), 0.5, "[[member]] 1 ('att'): tau: loss 'bce' and model 'attention' have no such option"),
        ((*MEMBER, "fold"), "all", "bags.csv' has no folds; give their number (--folds 5)"),
        ((*MEMBER, "out"), "there", "unknown option 'out'"),
        ((*MEMBER, "seeds"), [0, 0], "seeds = [0, 0]: expected different values, at least one"),
        ((*MEMBER, "name"), "a/b", "name = 'a/b': expected letters, digits, - and _, as it names a folder"),
        ((*MEMBER, "name"), "SMX", "name = 'smx': names must differ in more than case, but there is 'SMX'"),
        ((*MEMBER, "name"), "smx", "name = 'smx': this name is taken by an earlier member"),
        (
            ("ensemble", 0, "members"),
            ["att", "smxx"],
            "[[ensemble]] 1: members: no 'smxx' in this recipe (did you",
        ),
        (("ensemble", 0, "members"), ["att"], "members = ['att']: expected two members or more"),
        (("ensemble", 0, "combine"), "median", "combine = 'median': expected mean or rank"),
        (("ensemble", 0, "name"), "Att", "name = 'Att': this name is taken by a member"),
        (("compare", 0, "one"), "smy", "[[compare]] 1: one: no 'smy' in this recipe (did you mean 'smx'?)"),
        (("compare", 0, "one"), "att", "other = 'att': expected a different name than one = 'att'"),
        (("compare", 0, "metric"), "auc", "[[compare]] 1: metric = 'auc': expected names of metrics"),
        (("metrics",), ["ap", "auc"], "tiny.toml: metrics[1] = 'auc': expected names of metrics"),
        (("published", 0, "values"), {}, "[[published]] 1: values = {}: expected a metric with its mean, or"),
        (("published", 0, "values"), {"ap": [1, 2, 3]}, "ap = [1, 2, 3]: expected a number, or [mean, standard"),
        (("published", 0, "values"), {"ap": float("nan")}, "ap = nan: expected a number"),
        (("published", 0, "dataset"), "musk1", "[[published]] 1: dataset = 'musk1': expected one of"),
        (("quick", "leave_out"), ["smz"], "[quick]: leave_out: no 'smz' in this recipe"),
        (("quick", "leave_out"), ["att", "smx"], "[quick]: expected at least one remaining member"),
        (("quick", "datasets"), ["musk1"], "[quick]: datasets: no 'musk1' in this recipe"),
        (("quick", "share_of_epochs"), 2, "[quick]: share_of_epochs = 2: expected 1 or less"),
        (("quick", "settings"), {"tau": 1.0}, "[quick.settings]: tau = 1.0: this setting applies to no member"),
        (("quick", "settings"), {"epochs": -1}, "[quick.settings]: epochs = -1: expected 1 or more"),
        (("quick", "settings"), {"dataset": "musk1"}, "[quick.settings]: dataset = 'musk1': give it to the mem"),
    ],
)
def test_errors_name_the_value_and_what_was_expected(
    path: tuple[Any, ...], value: Any, message: str, recipe: Make
) -> None:
    with pytest.raises(OptionError) as raised:
        read_recipe(recipe(mutated_or_new(path, value)))
    assert message in str(raised.value)
    assert str(raised.value).count("tiny.toml") >= 1


def mutated_or_new(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    values = copy.deepcopy(TINY)
    inner: Any = values
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return values


def test_ensemble_members_must_score_the_same_items(recipe: Make, chains: Path) -> None:
    values = tiny()
    values["member"][1]["split"] = "random"
    with pytest.raises(
        OptionError, match="'att' and 'smx' must score the same items, but have split = 'stratified' and 'random'"
    ):
        read_recipe(recipe(values))
    values["settings"]["split"] = "random"
    values["member"][1]["seeds"] = [0, 2]
    with pytest.raises(OptionError, match="must have the same seeds, which determine the split"):
        read_recipe(recipe(values))


def test_members_with_different_seeds_are_not_compared(recipe: Make) -> None:
    values = tiny()
    values["member"][1]["seeds"] = [0]
    with pytest.raises(OptionError, match="are paired by seed and must have the same seeds"):
        read_recipe(recipe(values))


def test_settings_are_checked_against_registered_data_sets(recipe: Make) -> None:
    def with_settings(**settings: Any) -> Path:
        member = {"name": "a", "hidden_channels": 8}
        return recipe({"title": "a", "about": "b", "settings": settings, "member": [member]})

    assert read_recipe(with_settings(dataset="aicures", fold="all")).members[0].parts == list(range(10))
    assert read_recipe(with_settings(dataset="aicures", fold="2-3")).members[0].parts == [2, 3]
    assert read_recipe(with_settings(dataset="aicures", fold=2)).members[0].parts == [None]
    for settings, message in (
        ({"dataset": "aicures", "fold": "8-12"}, "fold = 8,9,10,11,12: 'aicures' has folds 0 to 9, got 10"),
        ({"dataset": "aicures", "fold": 10}, "'aicures' has folds 0 to 9, got 10"),
        ({"dataset": "tox21", "fold": 0}, "data set 'tox21' has no folds"),
        ({"dataset": "tox21", "split": "given"}, "split = 'given': expected one of scaffold, random for 'tox21'"),
        ({"dataset": "tox21", "target_columns": ["AR"]}, "got AR"),
        ({"dataset": "coauthor-cs"}, "hidden_channels"),
    ):
        if settings["dataset"] == "coauthor-cs":
            assert read_recipe(with_settings(**settings)).members[0].config.loss == "ce"
            continue
        with pytest.raises(OptionError) as raised:
            read_recipe(with_settings(**settings))
        assert message in str(raised.value)
        assert "tiny.toml: [[member]] 1 ('a'): " in str(raised.value)


def test_rank_ensembles_of_classes_are_refused(recipe: Make) -> None:
    values = {"title": "a", "about": "b", "settings": {"dataset": "cora"}, "member": [{"name": "a"}, {"name": "b"}]}
    values["ensemble"] = [{"name": "c", "members": ["a", "b"], "combine": "rank"}]
    with pytest.raises(OptionError, match="combine = 'rank': expected 'mean' for mutually exclusive classes"):
        read_recipe(recipe(values))


SUBMISSION = {"of": "a", "file": "aicures_pseudomonas/test.csv", "columns": ["smiles", "activity"]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"of": "b"}, "[submission]: of: no 'b' in this recipe"),
        ({"file": "test.csv"}, "file = 'test.csv': expected a file of aicures, such as aicures_pseudomonas/train.csv"),
        ({"columns": ["smiles"]}, "columns = ['smiles']: expected one SMILES column and 1 score column(s)"),
        ({"name": "../x.csv"}, "name = '../x.csv': expected the name of a CSV file"),
        ({"dataset": "tox21"}, "dataset = 'tox21': expected one of aicures"),
        ({"kind": 3}, "unknown key 'kind'"),
    ],
)
def test_invalid_submissions_are_refused(change: dict[str, Any], message: str, recipe: Make) -> None:
    values = {"title": "a", "about": "b", "settings": {"dataset": "aicures"}, "member": [{"name": "a"}]}
    parsed = read_recipe(recipe({**values, "submission": SUBMISSION})).submission
    assert parsed is not None
    assert (parsed.dataset, parsed.name) == ("aicures", "test_predictions.csv")
    with pytest.raises(OptionError) as raised:
        read_recipe(recipe({**values, "submission": {**SUBMISSION, **change}}))
    assert message in str(raised.value)


def test_submissions_require_molecules(recipe: Make) -> None:
    with pytest.raises(OptionError, match="expected a registered data set of molecules that 'att' is trained on"):
        read_recipe(recipe({**tiny(), "submission": {**SUBMISSION, "of": "att"}}))


def test_quick_without_a_quick_table_is_refused(recipe: Make) -> None:
    values = tiny()
    del values["quick"]
    with pytest.raises(OptionError, match=r"this recipe has no \[quick\] table"):
        read_recipe(recipe(values), quick=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"name": "Both"},
            r"\[\[choice\]\] 1: name = 'Both': this name is taken by a member, or by an earlier ensemble",
        ),
        ({"candidates": ["at"]}, r"\[\[choice\]\] 1: candidates: no 'at' in this recipe \(did you mean 'att'\?\)"),
        ({"candidates": []}, r"candidates = \[\]: expected different values, at least one"),
        ({"metric": ["auc"]}, r"\[\[choice\]\] 1: metric\[0\] = 'auc': expected names of metrics"),
        ({"how": "all"}, r"how = 'all': expected best or greedy"),
        ({"start": "all"}, r"start = 'all': expected how = 'greedy' with it, got 'best'"),
        ({"inner": 1}, r"inner = 1: expected 2 or more"),
    ],
)
def test_wrong_choices_are_refused(change: dict[str, Any], message: str, recipe: Make) -> None:
    values = tiny()
    values["choice"] = [{"name": "chosen", "candidates": ["att", "both"], **change}]
    with pytest.raises(OptionError, match=message):
        read_recipe(recipe(values))


def test_choices_without_what_they_choose_by_are_refused(recipe: Make) -> None:
    values = tiny()
    values["choice"] = [{"name": "chosen", "candidates": ["att", "smx"]}]
    assert read_recipe(recipe(values)).choices[0].metric == ["roc_auc"]
    assert read_recipe(recipe(values), quick=True).choices[0].candidates == ["att"]
    values["member"][1] |= {"init": "att", "model": "attention", "loss": "soap"}
    del values["member"][1]["instances"], values["settings"]["tau"]
    read_recipe(recipe(values))
    values["choice"][0]["inner"] = 3
    with pytest.raises(OptionError, match=r"inner = 3: 'smx' starts from 'att', which has been trained on the items"):
        read_recipe(recipe(values))
    values = tiny()
    values["choice"] = [{"name": "chosen", "candidates": ["att", "smx"]}]
    values["settings"] |= {"train_on": "train+valid", "keep": "last"}
    with pytest.raises(OptionError, match=r"candidates: 'att' has train_on = 'train\+valid', so it has no validation"):
        read_recipe(recipe(values))
