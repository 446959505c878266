"""Runs over several seeds: an ensemble in one directory."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import average_precision_score
from torch_geometric.data import Data

import xgraph
from xgraph.options import OptionError
from xgraph.reports.source import Source
from xgraph.reports.write import report
from xgraph.training.export.run import export_run
from xgraph.training.fit.task import Task

CHAINS = "smiles,amine\n" + "".join(f"{'C' * n}{end},{int(end == 'N')}\n" for n in range(1, 21) for end in "OCN")
SMALL: dict[str, Any] = {"split": "random", "loss": "soap", "epochs": 3, "pretrain_epochs": 1, "batch_size": 16}
SMALL |= {"hidden_channels": 8, "num_layers": 2, "threads": 1}
FAST: dict[str, Any] = {"split": "random", "model": "forest", "trees": 3, "features": ["maccs"]}


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> xgraph.Run:
    """Three networks on molecules whose parts depend on the seed."""
    folder = tmp_path_factory.mktemp("three")
    (folder / "chains.csv").write_text(CHAINS)
    return xgraph.train(folder / "chains.csv", **SMALL, seed=4, seeds=3, out=folder / "run")


def test_members_are_the_single_runs_of_their_seeds_on_the_parts_of_the_first(
    three: xgraph.Run, tmp_path: Path
) -> None:
    assert [run.path.name for run in three.seeds] == ["seed_4", "seed_5", "seed_6"]
    assert [run.path for run in three.members] == [run.path for run in three.seeds]
    assert [(run.config.seed, run.config.seeds, run.config.split_seed) for run in three.seeds] == [
        (4, 1, 4),
        (5, 1, 4),
        (6, 1, 4),
    ]
    single = xgraph.train(config=three.seeds[1].path / "config.toml", out=tmp_path / "one")
    for name in ("predictions.csv", "metrics.json"):
        assert (single.path / name).read_bytes() == (three.seeds[1].path / name).read_bytes()
    first = xgraph.train(config=three.path / "config.toml", seeds=1, out=tmp_path / "first")
    assert first.metrics["test"] == three.seeds[0].metrics["test"]  # the parts of a single run with this seed


def test_metrics_are_means_and_those_of_the_mean_score(three: xgraph.Run) -> None:
    tables = [pd.read_csv(run.path / "predictions.csv") for run in three.seeds]
    scores = np.stack([table["amine_score"] for table in tables])
    own = pd.read_csv(three.path / "predictions.csv")
    assert list(own.columns) == [*tables[0].columns, "amine_std"]
    pd.testing.assert_frame_equal(own.iloc[:, :4], tables[0].iloc[:, :4])
    np.testing.assert_allclose(own["amine_score"], scores.mean(0), rtol=1e-12)
    np.testing.assert_allclose(own["amine_std"], scores.std(0, ddof=1), rtol=1e-9)
    for part in ("valid", "test"):
        rows = own["split"] == part
        values = [run.metrics[part]["ap"] for run in three.seeds]
        of_part = three.metrics[part]
        assert (of_part["mean"]["ap"], of_part["std"]["ap"]) == (
            pytest.approx(np.mean(values)),
            pytest.approx(np.std(values, ddof=1)),
        )
        expected = average_precision_score(own["amine"][rows], own["amine_score"][rows])
        assert three.metrics["ensemble"][part]["ap"] == pytest.approx(expected)
    assert xgraph.evaluate(three.path) == three.metrics["ensemble"]["test"]
    assert three.metrics["seeds"] == [run.metrics for run in three.seeds]


def test_predictions_have_the_mean_and_the_deviation(three: xgraph.Run) -> None:
    smiles = ["CCN", "CCO", "C1CC"]
    whole = xgraph.predict(three.path, smiles)
    each = np.stack([xgraph.predict(run.path, smiles)["amine"] for run in three.seeds])
    assert list(whole.columns) == ["smiles", "amine", "amine_std", "error"]
    np.testing.assert_allclose(whole["amine"], each.mean(0))
    np.testing.assert_allclose(whole["amine_std"], each.std(0, ddof=1))


def test_the_report_of_a_run_over_seeds_shows_the_mean_scores(three: xgraph.Run, tmp_path: Path) -> None:
    own = pd.read_csv(three.path / "predictions.csv")
    scores = Source(three.path).scores("test")
    assert scores is not None
    np.testing.assert_array_equal(scores.scores[:, 0], own.loc[own["split"] == "test", "amine_score"])
    page = report(three.path, tmp_path / "report.html").read_text()
    figures = three.metrics["ensemble"]["details"]["test"]["calibration"]
    assert "calibration error (10 bins of equal width)" in page
    assert f"{figures['coverage']:.4f}" in page


def test_a_killed_run_goes_on_to_the_same_bytes(three: xgraph.Run, tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    step, calls = Task.training_step, 0

    def killed(self: Task, batch: Any, batch_idx: int) -> Any:
        nonlocal calls
        calls += 1
        if calls == 14:  # in the second of three epochs of the second seed
            raise Killed
        return step(self, batch, batch_idx)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Task, "training_step", killed)
        with pytest.raises(Killed):
            xgraph.train(config=three.path / "config.toml", out=tmp_path / "run")
    assert [path.name for path in sorted(tmp_path.glob("run/seed_*/metrics.json"))] == ["metrics.json"]
    with pytest.raises(FileNotFoundError, match="seed_5 has no best epoch yet"):
        xgraph.predict(tmp_path / "run", ["CCN"])
    resumed = xgraph.train(out=tmp_path / "run", resume=True)
    names = ["metrics.json", "predictions.csv", *(f"seed_{seed}/predictions.csv" for seed in (4, 5, 6))]
    assert all((resumed.path / name).read_bytes() == (three.path / name).read_bytes() for name in names)
    more = xgraph.train(out=tmp_path / "run", resume=True, seeds=4)
    assert len(more.seeds) == 4
    assert more.metrics["seeds"][:3] == three.metrics["seeds"]
    for path, seeds in ((tmp_path / "run", 2), (tmp_path / "run/seed_4", 2)):
        with pytest.raises(OptionError, match="only a run over several seeds can get more"):
            xgraph.train(out=path, resume=True, seeds=seeds)


def test_what_needs_a_single_run_says_which_ones_there_are(three: xgraph.Run, tmp_path: Path) -> None:
    for needs_one in (
        lambda: three.model,
        lambda: xgraph.load_model(three.path),
        lambda: xgraph.embed(three.path, ["CCN"]),
        lambda: export_run(three.path, tmp_path / "model.pt", "state-dict"),
    ):
        with pytest.raises(ValueError, match=r"is a run over seeds; choose .* \(seed_4, seed_5, seed_6\)"):
            needs_one()
    with pytest.raises(
        FileNotFoundError, match=r"but not over the seed 7 of this run; choose one of 'seed_4', 'seed_5'"
    ):
        xgraph.train(config=three.path / "config.toml", init=three.path, seed=7, seeds=1, out=tmp_path / "other")
    started = xgraph.train(config=three.path / "config.toml", init=three.path, epochs=2, out=tmp_path / "started")
    assert len(started.seeds) == 3


def test_folds_and_seeds_together(csv: Path, tmp_path: Path) -> None:
    run = xgraph.train(csv, **FAST, folds=3, seeds=2, out=tmp_path / "run")
    names = [str(one.path.relative_to(run.path)) for one in run.members]
    assert names == [f"fold_{fold}/seed_{seed}" for fold in range(3) for seed in range(2)]
    folds = [[one.metrics["test"]["ap"] for one in fold.seeds] for fold in run.folds]
    assert run.metrics["test"]["mean"]["ap"] == pytest.approx(np.mean(folds))
    assert run.metrics["test"]["std"]["ap"] == pytest.approx(np.std(np.mean(folds, axis=1), ddof=1))
    ensembles = [fold.metrics["ensemble"]["test"]["ap"] for fold in run.folds]
    assert run.metrics["ensemble"]["test"]["ap"] == pytest.approx(np.mean(ensembles)) == xgraph.evaluate(run.path)["ap"]
    (run.path / "metrics.json").unlink()
    (run.path / "fold_2/metrics.json").unlink()
    (run.path / "fold_2/seed_1/metrics.json").unlink()
    again = xgraph.train(out=run.path, resume=True)
    assert again.metrics == run.metrics
    assert list(xgraph.predict(run.path, ["CCN"]).columns) == ["smiles", "amine", "amine_std", "error"]


def test_bags_nodes_and_a_choice_of_models(csv: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [f"{bag},{y},{rng.normal(y)},{rng.normal()}" for bag in range(40) for y in [bag % 2] for _ in range(3)]
    (tmp_path / "bags.csv").write_text("bag,label,a,b\n" + "\n".join(rows))
    bags = xgraph.train(tmp_path / "bags.csv", bag_column="bag", model="extra-trees", trees=4, seeds=2, split="random")
    assert "label_std" in xgraph.predict(bags.path, tmp_path / "bags.csv")
    assert bags.path.name == "bags-extra-trees-s0-1"

    graph = Data(x=torch.randn(60, 4), edge_index=torch.randint(0, 60, (2, 200)), y=torch.arange(60) % 3)
    settings = {"epochs": 1, "hidden_channels": 4, "num_layers": 1, "split": "random"}
    nodes = xgraph.train(graph, **settings, seeds=2, out=tmp_path / "nodes")
    own = pd.read_csv(nodes.path / "predictions.csv")
    names = nodes.metrics["classes"]
    best = own[[f"{name}_score" for name in names]].to_numpy().argmax(1)
    assert [names[i] for i in best] == own["predicted"].astype(str).tolist()
    accuracy = (own["predicted"] == own["label"])[own["split"] == "test"].mean()
    assert nodes.metrics["ensemble"]["test"]["accuracy"] == pytest.approx(accuracy)

    short = {"epochs": 1, "hidden_channels": 4, "num_layers": 1, "batch_size": 16, "split": "random"}
    auto = xgraph.train(csv, model="auto", **short, seeds=2, out=tmp_path / "auto")
    assert len(auto.metrics["chosen"]) == 2
    assert auto.metrics["baseline"]["folds"] == 2
    assert xgraph.evaluate(auto.path)["ap"] == pytest.approx(auto.metrics["ensemble"]["test"]["ap"])


def test_a_model_that_does_not_depend_on_the_seed_says_so(csv: Path, tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="all 2 seeds have the same scores.*model 'logistic' does not depend"):
        run = xgraph.train(csv, split="random", model="logistic", features=["maccs"], seeds=2, out=tmp_path / "run")
    assert json.loads((run.path / "metrics.json").read_text())["test"]["std"]["ap"] == 0


@pytest.mark.parametrize(("seed", "seeds"), [(0, 0), (0, 1001), (2**63 - 2, 3)])
def test_seeds_out_of_range_are_refused(csv: Path, seed: int, seeds: int) -> None:
    with pytest.raises(OptionError, match="seeds"):
        xgraph.train(csv, **FAST, seed=seed, seeds=seeds)


def test_a_search_trains_single_runs(csv: Path, tmp_path: Path) -> None:
    (tmp_path / "file.toml").write_text("[run]\nseeds = 3\n")
    with pytest.raises(OptionError, match="seeds = 3: a file for a search trains single runs"):
        xgraph.search(csv, vary={"lr": [0.1, 0.2]}, config=tmp_path / "file.toml", out=tmp_path / "search")
