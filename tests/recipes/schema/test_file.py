"""The tables of a recipe file, and the places that error messages name."""

from pathlib import Path
from typing import Any

import pytest
import tomli_w
from tiny import tiny

from xgraph.options import OptionError
from xgraph.recipes.schema.entries import Comparison
from xgraph.recipes.schema.file import RecipeFile, read_file


def read(values: dict[str, Any], tmp_path: Path) -> RecipeFile:
    file = tmp_path / "a.toml"
    file.write_text(tomli_w.dumps(values))
    return read_file(file)


def test_a_file_is_read(tmp_path: Path) -> None:
    file = read(tiny(), tmp_path)
    assert (file.settings.dataset, file.settings.settings["tau"]) == (["bags.csv"], 0.5)
    assert (file.member[1].name, file.member[1].seeds, file.member[1].settings["instances"]) == ("smx", [0, 1], 2)
    assert file.compare[1] == Comparison(one="both", other="att")
    assert file.published[0].values == {"roc_auc": (0.5, 0.25), "ap": (0.75, None)}
    assert file.published[0].model_dump()["values"] == tiny()["published"][0]["values"]
    assert file.quick is not None
    assert (file.quick.share_of_epochs, file.quick.datasets) == (0.5, [])


@pytest.mark.parametrize(
    ("key", "change", "message"),
    [
        ("member", {"name": ""}, "[[member]] 2: name = '': expected letters, digits, - and _"),
        ("member", {"seeds": []}, "[[member]] 2: seeds = []: expected different values, at least one"),
        ("member", {"seeds": 3}, "[[member]] 2: seeds = 3: expected a list"),
        ("member", {"seeds": [0, -1]}, "[[member]] 2: seeds[1] = -1: expected 0 or more"),
        ("member", {"seeds": [True]}, "[[member]] 2: seeds[0] = True: expected an integer"),
        ("member", {"dataset": ["a", "a"]}, "[[member]] 2: dataset = ['a', 'a']: expected different values"),
        ("compare", {"metric": "auc"}, "[[compare]] 2: metric = 'auc': expected names of metrics: ap"),
        ("published", {"source": " "}, "[[published]] 2: source = ' ': expected a non-empty string"),
        ("published", {"values": {"auc": 1}}, "expected names of metrics"),
        ("published", {"values": {"ap": True}}, "[[published]] 2: values.ap = True: expected a number, or [mean"),
        ("published", {"kind": 3}, "[[published]] 2: unknown key 'kind'; valid keys are name, source, values"),
        ("quick", {"leave_out": "att"}, "[quick]: leave_out = 'att': expected a list"),
        ("quick", {"share_of_epochs": 0}, "[quick]: share_of_epochs = 0: expected a number above 0"),
        ("quick", {"share_of_epochs": float("nan")}, "[quick]: share_of_epochs = nan: expected"),
        ("quick", {"seedz": [0]}, "[quick]: unknown key 'seedz' (did you mean 'seeds'?)"),
    ],
    ids=str,
)
def test_invalid_files_are_refused(key: str, change: dict[str, Any], message: str, tmp_path: Path) -> None:
    values = tiny()
    (values[key] if isinstance(values[key], dict) else values[key][1]).update(change)
    with pytest.raises(OptionError) as caught:
        read(values, tmp_path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'a.toml'}: ")


def test_a_file_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="recipe: no file"):
        read_file(tmp_path / "a.toml")
    for content in (b"a = = 3", b"\xff\xfe", b"a = 1\na = 2"):
        (tmp_path / "a.toml").write_bytes(content)
        with pytest.raises(OptionError, match="recipe: .* is not valid TOML"):
            read_file(tmp_path / "a.toml")
