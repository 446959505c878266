from pathlib import Path
from typing import Any

import pytest

from xgraph.options import OptionError
from xgraph.tuning.dimension import Dimension
from xgraph.tuning.space import combinations, make_space, read_space


def one(name: str, values: Any, **base: Any) -> Dimension:
    (result,) = make_space({name: values}, base, {})
    return result


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("lr", "1e-4..1e-2:log", Dimension("lr", (), 1e-4, 1e-2, True)),
        ("lr", {"low": 1e-4, "high": 1e-2, "log": True}, Dimension("lr", (), 1e-4, 1e-2, True)),
        ("dropout", "0..1", Dimension("dropout", (), 0.0, 1.0)),
        ("dropout", "0..0.5:step=0.25", Dimension("dropout", (), 0.0, 0.5, False, 0.25)),
        ("num_layers", "2..5", Dimension("num_layers", (), 2, 5)),
        ("hidden_channels", {"low": 32, "high": 96, "step": 32}, Dimension("hidden_channels", (), 32, 96, False, 32)),
        ("num_layers", "2,3, 4", Dimension("num_layers", (2, 3, 4))),
        ("num_layers", [2, "3"], Dimension("num_layers", (2, 3))),
        ("virtual_node", "true,false", Dimension("virtual_node", (True, False))),
        ("loss", ["soap", "bce"], Dimension("loss", ("soap", "bce"))),
        ("gamma", "0.1,0.5", Dimension("gamma", (0.1, 0.5))),
        ("loss_gamma", "0.1..0.5", Dimension("loss_gamma", (), 0.1, 0.5)),
        ("features", "rdkit,rdkit+maccs", Dimension("features", ("rdkit", "rdkit,maccs"))),
        ("features", [["rdkit"], ["rdkit", "maccs"]], Dimension("features", ("rdkit", "rdkit,maccs"))),
    ],
    ids=str,
)
def test_forms_of_values_and_ranges(name: str, values: Any, expected: Dimension) -> None:
    base = {"loss": "soap"} if name.endswith("gamma") else {}
    result = one(name, values, **base)
    assert result == expected
    assert [type(value) for value in result.ends] == [type(value) for value in expected.ends]
    (again,) = make_space({name: result.plain()}, base, {})
    assert again == result, "a file keeps it"


def test_options_of_a_fixed_or_varied_model_or_loss() -> None:
    result = make_space({"C": "0.1..10:log", "kernel": "rbf,tanimoto"}, {"model": {"name": "svm"}}, {})
    assert [one.name for one in result] == ["C", "kernel"]
    result = make_space({"model": "forest,extra-trees", "trees": "5..9"}, {}, {})
    assert [one.name for one in result] == ["model", "trees"]
    assert result[1].whole


def test_dimensions_are_sorted_by_name() -> None:
    assert [one.name for one in make_space({"lr": "1,2", "dropout": "0,0.1"}, {}, {})] == ["dropout", "lr"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "vary: expected at least one setting, with values such as 2,3,4, or a range"),
        ({"lrr": "1,2"}, r"vary: lrr: unknown option 'lrr' \(did you mean 'lr'\?\)"),
        ({"C": "1,2"}, "vary: C: .*model 'gine' have no such option; it is an option of model 'svm'"),
        ({"dataset": "a,b"}, "vary: dataset cannot be varied: all trials must be measured in the same way"),
        ({"keep": "best,last"}, "vary: keep cannot be varied"),
        ({"seed": "1,2"}, "vary: seed cannot be varied: a lucky seed is not a better setting"),
        ({"threads": "1,2"}, "vary: threads cannot be varied"),
        ({"batch_size": "16,32"}, "vary: batch_size cannot be varied, because it is fixed to 64"),
        ({"lr": "1e-2..1e-4"}, "vary: lr = '1e-2..1e-4': expected the lower end to be below the upper end"),
        ({"lr": "1..1"}, "the lower end to be below the upper end"),
        ({"dropout": "0..0.5:log"}, "a range above 0 and no step with log"),
        ({"lr": "1..2:log:step=1"}, "a range above 0 and no step with log"),
        ({"lr": "1..2:step=3"}, "a step above 0 that is not longer than the range"),
        ({"lr": "1..2:stepp=3"}, "expected only :log or :step=NUMBER after"),
        ({"lr": "1..nan"}, "nan"),
        ({"lr": "1..inf"}, "inf"),
        ({"lr": {"low": 1}}, "vary: lr = .*: key 'high' is missing"),
        ({"lr": {"low": 1, "high": 2, "logg": True}}, r"unknown key 'logg' \(did you mean 'log'\?\)"),
        ({"lr": {"low": 1, "high": 2, "log": 1}}, "log = 1: expected true or false"),
        ({"num_layers": "2..3.5"}, r"num_layers = '3.5': expected an integer"),
        ({"num_layers": "2"}, "expected values such as 2,3,4, or a range"),
        ({"num_layers": []}, "vary: num_layers"),
        ({"num_layers": "2,2"}, "expected different values"),
        ({"num_layers": "2,x"}, r"num_layers = 'x': expected an integer"),
        ({"optimizer": "adam..sgd"}, "vary: optimizer"),
        ({"loss": "soap,soup"}, r"unknown loss 'soup' \(did you mean 'sopa'\?\)"),
        ({"epochs": "0,5"}, "vary: epochs: epochs = 0: expected 1 or more"),
        ({"lr": "-1..1"}, "vary: lr: lr = -1.0: expected a number above 0"),
        ({"model": "gine,forest"}, "some of these models are trained in epochs"),
    ],
    ids=str,
)
def test_invalid_spaces_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make_space(values, {}, {"batch_size": 64})


def test_combinations() -> None:
    space = [Dimension("a", (1, None)), Dimension("b", low=2, high=8, step=3)]
    space.append(Dimension("c", low=0.0, high=0.5, step=0.1))
    every = combinations(space, 36)
    assert every is not None
    assert len(every) == 36
    assert [one["c"] for one in every[:6]] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert {one["b"] for one in every} == {2, 5, 8}
    assert combinations(space, 35) is None
    assert combinations([Dimension("a", low=0.0, high=1.0)], 10**9) is None


def test_a_space_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "space.toml"
    file.write_text('lr = "1e-4..1e-2:log"\nnum_layers = [2, 3]\ndropout = {low = 0, high = 0.5}\n')
    assert [one.name for one in make_space(read_space(file), {}, {})] == ["dropout", "lr", "num_layers"]
    file.write_text("lr = ")
    with pytest.raises(OptionError, match="is not valid TOML"):
        read_space(file)
    with pytest.raises(FileNotFoundError, match="space: no file nowhere.toml"):
        read_space("nowhere.toml")
