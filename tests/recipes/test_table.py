from pathlib import Path
from typing import Any

import pytest

from xgraph.options import OptionError
from xgraph.recipes.table import Table


def table(values: dict[str, Any]) -> Table:
    return Table(values, Path("a.toml"), "[[member]] 2")


@pytest.mark.parametrize(
    ("method", "good", "bad"),
    [
        ("text", ["a"], [3, "", "  ", ["a"], True, None]),
        ("texts", [["a"], ["a", "b"]], [[], "a", ["a", "a"], [3], ["a", ""]]),
        ("integers", [[0], [2, 1]], [[], 3, [1, 1], [-1], [2**63], [True], [0.5], ["1"]]),
        ("share", [0.5, 1], [0, 1.5, "x", True, -1, float("nan")]),
        ("flag", [True, False], ["true", 1, 0.0]),
    ],
)
def test_values(method: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        assert getattr(table({"key": value}), method)("key") == value
    for value in bad:
        with pytest.raises(OptionError) as raised:
            getattr(table({"key": value}), method)("key")
        assert str(raised.value).startswith(f"a.toml: [[member]] 2: key = {value!r}: expected ")


def test_words_and_defaults() -> None:
    assert table({"key": "mean"}).words("key", ("mean", "rank")) == "mean"
    with pytest.raises(OptionError, match=r"key = 'median': expected mean\|rank"):
        table({"key": "median"}).words("key", ("mean", "rank"))
    assert table({}).text("key", "default") == "default"
    assert table({}).integers("key", None) is None
    assert table({}).share("key") == 1.0
    with pytest.raises(OptionError, match="key is missing: expected a text"):
        table({}).text("key")


def test_what_is_left_over_is_unknown() -> None:
    one = table({"name": "a", "seedz": [0]})
    one.text("name")
    one.integers("seeds", [0])
    with pytest.raises(OptionError, match=r"unknown key 'seedz' \(did you mean 'seeds'\?\); there are name, seeds"):
        one.done()
    assert one.rest() == {"seedz": [0]}
    one.done()


def test_tables_within() -> None:
    one = Table({"quick": {"settings": {"a": 1}}, "member": [{"a": 1}, {"a": 2}], "x": [3], "y": []}, Path("a.toml"))
    assert one.table("quick").table("settings").place == "[quick.settings]"
    assert [inner.place for inner in one.tables("member")] == ["[[member]] 1", "[[member]] 2"]
    assert one.tables("none", []) == []
    for key in "xy":
        with pytest.raises(OptionError, match=rf"a.toml: {key} = .*: expected tables, each under \[\[{key}\]\]"):
            one.tables(key)


def test_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no file"):
        Table.read(tmp_path / "a.toml")
    for content in (b"a = = 3", b"\xff\xfe", b"a = 1\na = 2"):
        (tmp_path / "a.toml").write_bytes(content)
        with pytest.raises(OptionError, match="is not TOML"):
            Table.read(tmp_path / "a.toml")
