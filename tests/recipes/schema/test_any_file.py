"""Whatever is in a recipe: it is read, or refused with the name of the file."""

from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.refusals import read_or_refused
from xgraph.recipes.schema.read import read_recipe

RECIPE = """title = "A forest"
metrics = ["ap", "roc_auc"]

[settings]
dataset = "nci-pains"

[[member]]
name = "forest"
model = "forest"
features = ["maccs"]
seeds = [0, 1]

[[compare]]
one = "forest"
other = "forest"
"""
ODD = st.sampled_from(
    ["1", "-1", "nan", '""', "[]", "[[]]", "{}", '"a/../b"', "true", "9" * 5000, '"\\u0000"']
) | st.text(max_size=5)


@given(st.integers(0, RECIPE.count("\n") - 1), ODD, st.booleans())
@example(0, "[" * 5000, False)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_or_line(tmp_path: Path, number: int, odd: str, whole: bool) -> None:
    lines = RECIPE.split("\n")
    key = lines[number].split("=")[0]
    lines[number] = odd if whole else f"{key}= {odd}"
    path = tmp_path / "recipe.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    with read_or_refused(path):
        read_recipe(path)


@given(st.binary(max_size=60))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "recipe.toml"
    path.write_bytes(content)
    with read_or_refused(path):
        read_recipe(path)
