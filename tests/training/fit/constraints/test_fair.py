"""`--fair-column C`: the error rates of groups are compared, and made equal."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import xgraph
from tests.training.conftest import SMALL, chains
from xgraph.cli.tables import constraints_text
from xgraph.data import load
from xgraph.losses import ROCFairness
from xgraph.options import OptionError
from xgraph.training.files.checkpoint import read_checkpoint
from xgraph.training.fit.constraints.summary import mean_constraints
from xgraph.training.scoring.fairness import fairness

SETTINGS: dict[str, Any] = {
    **SMALL, "loss": "bce", "epochs": 2, "pretrain_epochs": 0, "lr_schedule": "constant", "keep": "last",
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of molecules with a column of laboratories, and a run that makes their error rates equal."""
    folder = tmp_path_factory.mktemp("fair")
    rows = "".join(f"{s},{y},{['A', 'B', ''][i // 3 % 3]}\n" for i, (s, y) in enumerate(chains(longest=30)))
    (folder / "chains.csv").write_text(f"smiles,amine,lab\n{rows}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XGRAPH_ROOT", str(folder / "root"))
        xgraph.train(str(folder / "chains.csv"), out=str(folder / "run"), fair_column="lab", fair_rho=20, **SETTINGS)
    return folder


def test_results_compare_the_groups(folder: Path) -> None:
    metrics = json.loads((folder / "run" / "metrics.json").read_text())
    fair, table = metrics["constraints"]["fair"], pd.read_csv(folder / "chains.csv", keep_default_na=False)
    assert (fair["column"], fair["groups"], fair["tolerance"]) == ("lab", ["A", "B"], 0.02)
    assert metrics["tasks"] == ["amine"]  # and not the laboratory
    frame = pd.read_csv(folder / "run" / "predictions.csv")
    frame = frame[frame["split"] == "test"]
    codes = table["lab"].map({"A": 0, "B": 1, "": -1}).to_numpy()[frame["row"]]
    expected = fairness(frame["amine"].to_numpy(float), frame["amine_score"].to_numpy(float), codes, ["A", "B"])
    assert fair["test"]["amine"]["groups"]["A"]["labels"] == expected["groups"]["A"]["labels"]
    for name in ("statistical_parity", "equal_opportunity", "roc_gap"):
        value = fair["test"]["amine"][name]
        assert (np.nan if value is None else value) == pytest.approx(expected[name], abs=1e-6, nan_ok=True)
    assert [one["rate"] for one in fair["constraints"]] == ["true-positive rate", "false-positive rate"]
    state = read_checkpoint(folder / "run" / "last.ckpt")["state_dict"]
    loss_fn = ROCFairness(rho=20)
    loss_fn.load_state_dict({n.removeprefix("terms.fair.penalty."): v for n, v in state.items() if "terms.fair." in n})
    assert fair["constraints"][0]["value"] == pytest.approx(loss_fn.values()[0, 1].max().item())
    assert fair["constraints"][0]["multiplier"] == pytest.approx(loss_fn.multipliers()[0, 1].sum().item())
    assert "equal for lab" in constraints_text(metrics["constraints"])


def test_a_resumed_run_ends_with_the_same_bytes(folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(folder / "root"))
    fair = {"fair_column": "lab", "fair_rho": 20}
    xgraph.train(str(folder / "chains.csv"), out=str(folder / "part"), **{**SETTINGS, **fair, "epochs": 1})
    xgraph.train(out=str(folder / "part"), resume=True, epochs=2)
    assert (folder / "part" / "predictions.csv").read_bytes() == (folder / "run" / "predictions.csv").read_bytes()
    one, other = (json.loads((folder / run / "metrics.json").read_text()) for run in ("part", "run"))
    assert json.dumps(one["constraints"]) == json.dumps(other["constraints"])


def test_without_a_penalty_groups_are_compared_and_nothing_else_changes(folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(folder / "root"))
    table = str(folder / "chains.csv")
    xgraph.train(table, out=str(folder / "compared"), fair_column="lab", fair_rho=0, **SETTINGS)
    xgraph.train(table, out=str(folder / "plain"), target_columns=["amine"], **SETTINGS)
    one, other = ((folder / run / "predictions.csv").read_bytes() for run in ("compared", "plain"))
    assert one == other
    fair = json.loads((folder / "compared" / "metrics.json").read_text())["constraints"]["fair"]
    assert "constraints" not in fair
    assert set(fair["test"]["amine"]["groups"]) == {"A", "B"}
    assert "roc_gap" in constraints_text({"fair": fair})
    run = xgraph.train(
        table, out=str(folder / "forest"), fair_column="lab", model="forest", features=["morgan"], split="random"
    )
    assert "constraints" in run.metrics
    assert "constraints" not in run.metrics["constraints"]["fair"]


def test_the_first_lines_of_a_run_count_the_groups(folder: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(folder / "root"))
    settings = {**SETTINGS, "epochs": 1, "fair_column": "lab", "progress": True}
    xgraph.train(str(folder / "chains.csv"), out=str(folder / "lines"), **settings)
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("groups of lab: ")]
    assert re.fullmatch(r"groups of lab: A \d+, B \d+, unknown \d+ in train; rates may differ by 0.02", line)


def test_several_seeds_have_the_means_of_their_members(folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(folder / "root"))
    forest: dict[str, Any] = {"model": "forest", "features": ["morgan"], "trees": 5, "split": "random", "seeds": 2}
    run = xgraph.train(str(folder / "chains.csv"), out=str(folder / "seeds"), fair_column="lab", **forest)
    parts = [one["constraints"]["fair"]["test"]["amine"]["statistical_parity"] for one in run.metrics["seeds"]]
    fair = run.metrics["constraints"]["fair"]
    assert fair["test"]["amine"]["statistical_parity"] == pytest.approx(sum(parts) / 2)
    assert fair["groups"] == ["A", "B"]


def test_means_of_reports() -> None:
    one = {"a": [{"value": 1.0, "task": "x"}], "b": None, "c": 2, "d": True}
    other = {"a": [{"value": 2.0, "task": "x"}], "b": 3.0, "c": np.nan, "d": True}
    assert mean_constraints([one, other]) == {"a": [{"value": 1.5, "task": "x"}], "b": 3.0, "c": 2.0, "d": True}
    assert np.isnan(mean_constraints([{"a": None}, {"a": np.nan}])["a"])


def test_a_graph_of_ones_own_has_groups(tmp_path: Path, monkeypatch: Any) -> None:
    """The column is no feature; the penalty is that of the loss on a batch."""
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "root"))
    rng = np.random.default_rng(0)
    x, sex = rng.normal(size=(60, 3)), rng.integers(0, 2, 60)
    y = (x[:, 0] + sex + 0.3 * rng.normal(size=60) > 0.5).astype(int)
    nodes = pd.DataFrame(x, columns=["a", "b", "c"]).assign(id=range(60), sex=sex, label=y)
    (tmp_path / "graph").mkdir()
    nodes.to_csv(tmp_path / "graph" / "nodes.csv", index=False)
    ends = rng.integers(0, 60, (2, 150))
    pd.DataFrame(ends.T, columns=["source", "target"]).to_csv(tmp_path / "graph" / "edges.csv", index=False)
    data: Any = load(str(tmp_path / "graph"), fair_column="sex")
    assert data.feature_names == ["a", "b", "c"]
    assert (data.groups.names, data.groups.codes.tolist()) == (["0", "1"], sex.tolist())
    small: dict[str, Any] = {"epochs": 2, "hidden_channels": 8, "batch_size": 20}
    run = xgraph.train(str(tmp_path / "graph"), out=str(tmp_path / "run"), fair_column="sex", **small)
    fair = run.metrics["constraints"]["fair"]
    assert np.isfinite([one["value"] for one in fair["constraints"]]).all()
    for settings, message in (
        ({"fair_column": "gender"}, "fair_column: .* has no column 'gender'"),
        ({"fair_column": "label"}, "holds the labels and cannot be fair_column too"),
        ({"fair_column": "sex", "feature_columns": ["a", "sex"]}, "holds the groups of fair_column and cannot"),
    ):
        with pytest.raises(ValueError, match=message):
            load(str(tmp_path / "graph"), **settings)


def test_what_has_no_groups_is_refused(folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("XGRAPH_ROOT", str(folder / "root"))
    with pytest.raises(OptionError, match="fair_rho = 3: expected fair_column with it"):
        xgraph.train(str(folder / "chains.csv"), target_columns=["amine"], fair_rho=3)
    with pytest.raises(ValueError, match="fair_column 'site' does not exist"):
        xgraph.train(str(folder / "chains.csv"), fair_column="site")
    with pytest.raises(OptionError, match="fair_column: the model auto is chosen by the validation metric alone"):
        xgraph.train(str(folder / "chains.csv"), fair_column="lab", model="auto")
    with pytest.raises(OptionError, match="fair_column = 'x': this setting is for molecules and nodes, but .* bags"):
        xgraph.train("digits-bags", fair_column="x")
    assert torch.is_grad_enabled()
