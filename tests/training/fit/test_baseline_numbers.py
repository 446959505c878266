"""The baseline beside a network that predicts numbers: a forest on descriptors, ahead if its error is lower."""

import csv
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import Descriptors
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import root_mean_squared_error

import xgraph
from xgraph.data import load
from xgraph.data.molecules.embedded import EMBEDDED
from xgraph.nn import target_statistics
from xgraph.nn.tables.examples import task_seed
from xgraph.training.fit import baseline as module
from xgraph.training.fit.baseline import is_ahead, limits, summarize_baselines

SMALL = {"hidden_channels": 8, "num_layers": 1, "epochs": 1, "device": "cpu", "split": "random"}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("numbers") / "weights.csv"
    smiles = [one for one in EMBEDDED["nci_pains"](None, None).smiles[:90] if Chem.MolFromSmiles(one)]
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["smiles", "mass"])
        rows.writerows([one, f"{Descriptors.MolWt(Chem.MolFromSmiles(one)):.2f}"] for one in smiles)
    return path


@pytest.fixture(scope="module")
def run(table: Path, tmp_path_factory: pytest.TempPathFactory) -> xgraph.Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MOST_TREES", 7)
        return xgraph.train(str(table), model="auto", out=tmp_path_factory.mktemp("run") / "run", **SMALL)


def test_it_is_a_forest_on_descriptors(run: xgraph.Run, table: Path) -> None:
    own = run.metrics["baseline"]
    assert (own["model"], own["about"]) == ("forest", "a forest of 7 trees on RDKit descriptors")
    config = xgraph.Run.open(run.path / "baseline").config
    assert (config.features, config.task, config.model_options["max_features"]) == (["rdkit"], "regression", "auto")
    data = load(table, split="random", seed=run.config.seed, features=["rdkit"])
    train, valid = data.splits["train"], data.splits["valid"]
    mean, std = target_statistics(data.y[train])
    forest = RandomForestRegressor(7, max_features=1 / 3, random_state=task_seed(run.config.seed, 0))
    forest.fit(data.features[train].numpy(), ((data.y[train].double() - mean) / std)[:, 0].numpy())
    predicted = forest.predict(data.features[valid].numpy()) * std.item() + mean.item()
    assert own["valid"]["rmse"] == pytest.approx(root_mean_squared_error(data.y[valid, 0], predicted))


def test_the_lower_error_is_ahead_and_chosen(run: xgraph.Run) -> None:
    scores = run.metrics["choice"]
    assert list(scores) == ["gine", "forest"]
    assert scores["forest"] < scores["gine"]  # a network of one epoch
    assert run.metrics["chosen"] == "forest"
    assert run.metrics["baseline"]["ahead"] is True
    assert run.metrics["valid"]["rmse"] == scores["forest"]
    assert xgraph.evaluate(run.path) == pytest.approx(run.metrics["test"], nan_ok=True)
    frame = xgraph.predict(run.path, ["CCO"])
    assert 20 < float(frame["mass"].iloc[0]) < 300
    summary = summarize_baselines([run.metrics, run.metrics])
    assert (summary["ahead_in"], summary["folds"]) == (2, 2)


def test_what_is_ahead_by_the_direction_of_the_metric() -> None:
    def with_value(metric: str, value: float) -> dict[str, object]:
        return {"metric": metric, "valid": {metric: value}}

    for metric, higher in (("rmse", False), ("mae", False), ("r2", True), ("spearman", True), ("ap", True)):
        assert is_ahead(with_value(metric, 0.4), with_value(metric, 0.5)) is higher
        assert is_ahead(with_value(metric, 0.5), with_value(metric, 0.4)) is not higher
        assert not is_ahead(with_value(metric, 0.5), with_value(metric, 0.5))
        for network, other in ((np.nan, 0.5), (0.5, np.nan), (np.nan, np.nan)):
            assert not is_ahead(with_value(metric, network), with_value(metric, other))


def test_forests_of_numbers_have_half_the_limit() -> None:
    assert limits([4_000], numbers=True) == {"trees": 100}
    assert limits([33_000], numbers=True) == {"trees": 100, "max_items": 10_000}
    assert limits([6_000] * 12, numbers=True) == {"trees": 27}
    assert limits([40_000] * 100, numbers=True) == {"trees": 20, "max_items": 1_000}
