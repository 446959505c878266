"""Whatever is in a configuration or in the files of a run: it is read, or refused with the name of the file."""

import json
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import xgraph
from tests.refusals import read_or_refused
from xgraph.training.config.build import build_config, read_config

NAMES = st.sampled_from(
    ["loss", "model", "epochs", "lr", "fold", "features", "loss_options", "data.split", "a", '"\\u0000"']
)
VALUES = st.one_of(
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(
        ["true", '"soap"', '"gine"', "[]", "[[]]", "{}", "{a = 1}", "1e999", "9" * 5000, "1979-05-27", "-0"]
    ),
    st.text(max_size=20),
)
LINES = st.one_of(st.tuples(NAMES, VALUES).map(" = ".join), st.sampled_from(["[data]", "[a.b]", "[[a]]"]), st.text())
ANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(st.lists(LINES, max_size=6).map("\n".join))
@example("a = " + "[" * 5000)
@example("epochs = " + "9" * 5000)
@ANY
def test_any_configuration(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    values = {}
    with read_or_refused(path):
        values = read_config(path)
    with read_or_refused(""):
        build_config({}, values, saved=True)


@given(st.binary(max_size=50))
@example(b"[" * 5000)
@ANY
def test_any_bytes_as_a_configuration_or_metrics(tmp_path: Path, content: bytes) -> None:
    for name, read in (("config.toml", read_config), ("metrics.json", lambda path: xgraph.Run.open(path.parent))):
        path = tmp_path / name
        path.write_bytes(content)
        with read_or_refused(path):
            read(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON)
@ANY
def test_any_metrics(tmp_path: Path, value: object) -> None:
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps(value))
    with read_or_refused(path):
        assert isinstance(xgraph.Run.open(tmp_path).metrics, dict)
