"""What a path of one's own holds."""

from pathlib import Path

import pytest

from xgraph.data import load, recognise
from xgraph.data.recognise import Recognised
from xgraph.options import OptionError
from xgraph.training.config.build import build_config


@pytest.fixture
def nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is recognised as a graph whose nodes have classes."""
    found = Recognised("node", "own graph", "multiclass")
    folder = tmp_path / "graph"
    folder.mkdir()
    monkeypatch.setattr(recognise, "RECOGNISERS", [lambda path, settings: found if path.is_dir() else None])
    return folder


def test_tables_are_of_molecules_unless_a_column_names_bags(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    assert recognise.recognise(path, {}) == ("graph", "table of molecules", None)
    assert recognise.recognise(path, {"bag_column": "bag"}) == ("bag", "table of bags", None)
    assert recognise.recognise(path, {"bag_column": "bag", "kind": "graph"}).kind == "graph"


def test_what_is_recognised_is_kept_in_the_settings(nodes: Path) -> None:
    config = build_config({"dataset": str(nodes)})
    assert (config.data.kind, config.kind, config.task, config.model, config.loss) == (
        *("node", "node", "multiclass"),
        *("sage", "ce"),
    )
    values = config.to_dict()
    assert (values["kind"], values["task"]) == ("node", "multiclass")
    nodes.rmdir()  # the settings of a run can be read without its data
    assert build_config({}, values) == config
    assert build_config({"dataset": "other.csv", "model": "gine", "loss": "bce"}, values).kind == "graph"
    assert config.replace(seed=3).kind == "node"


def test_what_is_given_comes_before_what_is_recognised(nodes: Path) -> None:
    assert build_config({"dataset": str(nodes), "kind": "bag"}).kind == "bag"
    assert build_config({"dataset": str(nodes), "task": "binary"}).loss == "bce"


def test_kind_and_task_of_a_registered_set_are_on_its_card() -> None:
    assert "kind" not in build_config({"dataset": "cora"}).to_dict()
    with pytest.raises(OptionError, match="kind = 'bag': this setting is for files, but 'cora' is a registered"):
        build_config({"dataset": "cora", "kind": "bag"})
    with pytest.raises(OptionError, match="task = 'binary': this setting is for files"):
        build_config({"dataset": "cora", "task": "binary"})


def test_a_folder_that_nothing_recognises_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is a folder; expected the name of a data set or a CSV file"):
        load(tmp_path)
