"""The baseline beside a network: a forest on Morgan counts, in a folder of the run."""

import csv as csv_module
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import average_precision_score, roc_auc_score

import xgraph
from xgraph.data import load
from xgraph.nn import FittedModel
from xgraph.nn.tables.examples import task_seed
from xgraph.options import OptionError
from xgraph.training.config.build import build_config
from xgraph.training.fit import baseline as module
from xgraph.training.fit.baseline import is_ahead, limits, obstacle, summarize_baselines
from xgraph.training.fit.train import Interrupted

Train = Callable[..., xgraph.Run]


@pytest.fixture(autouse=True)
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TREES", 7)
    monkeypatch.setattr(module, "FEWEST_TREES", 3)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv_module.DictReader(file))


def without(metrics: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if name != "baseline"}


def test_a_forest_on_the_same_parts_is_a_run_of_its_own(train: Train, csv: Path) -> None:
    plain = train(out="plain", seed=3)
    run = train(out="run", seed=3, baseline=True)
    assert without(run.metrics) == plain.metrics
    assert "baseline" not in plain.metrics
    assert not Path("plain/baseline").exists()
    own = run.metrics["baseline"]
    assert (own["model"], own["about"]) == ("forest", "a forest of 7 trees on Morgan counts")
    assert json.loads(Path("run/metrics.json").read_text())["baseline"]["test"]["ap"] == own["test"]["ap"]

    data = load(csv, split="random", seed=3, features=["morgan"])
    features, y = data.features.numpy(), data.y[:, 0].numpy()
    forest = RandomForestClassifier(7, class_weight="balanced", random_state=task_seed(3, 0))
    forest.fit(features[data.splits["train"]], y[data.splits["train"]])
    for part in ("valid", "test"):
        where = data.splits[part]
        score = forest.predict_proba(features[where])[:, 1]
        assert own[part]["ap"] == pytest.approx(average_precision_score(y[where], score))
        assert own[part]["roc_auc"] == pytest.approx(roc_auc_score(y[where], score))
        written = [row for row in rows_of(Path("run/baseline/predictions.csv")) if row["split"] == part]
        np.testing.assert_allclose([float(row["amine_score"]) for row in written], score, atol=1e-9)
    assert own["ahead"] == (own["valid"]["ap"] > run.metrics["valid"]["ap"])
    assert xgraph.evaluate("run/baseline") == pytest.approx(own["test"], nan_ok=True)
    assert len(xgraph.predict("run/baseline", ["CCN"])) == 1
    again = xgraph.train(config="run/baseline/config.toml", out="again")
    assert again.metrics["test"] == own["test"]
    assert xgraph.train(config="run/config.toml", out="both").metrics == run.metrics


def test_validation_items_are_trained_on_if_the_network_is(train: Train, csv: Path) -> None:
    own = train(out="run", baseline=True, train_on="train+valid", keep="last").metrics["baseline"]
    assert "valid" not in own
    assert own["test"]["ap"] > 0
    assert own["ahead"] is False  # nothing to say it by
    assert xgraph.Run.open("run/baseline").config.train_on == "train+valid"
    inner = train(out="inner", baseline=True, inner="0/3").metrics["baseline"]
    assert "test" not in inner
    assert inner["valid"]["ap"] > 0


def test_several_tasks_with_missing_labels_and_features_of_the_network(train: Train, tmp_path: Path) -> None:
    rows = [f"{'C' * n}{end},{int(end == 'N')},{n % 2 if n > 4 else ''}" for n in range(1, 21) for end in "OCN"]
    (tmp_path / "two.csv").write_text("smiles,amine,odd\n" + "\n".join(rows))
    own = train(dataset=tmp_path / "two.csv", features=["maccs"], out="run", baseline=True).metrics["baseline"]
    assert xgraph.Run.open("run/baseline").config.features == ["morgan"]
    assert xgraph.Run.open("run/baseline").metrics["tasks"] == ["amine", "odd"]
    assert 0 < own["valid"]["ap"] <= 1


def test_a_run_that_was_stopped_before_its_baseline_is_finished_and_resumes(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = train(out="expected", baseline=True)
    real = FittedModel.fit

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(FittedModel, "fit", stop)
    with pytest.raises(Interrupted) as stopped:
        train(out="run", baseline=True)
    assert stopped.value.path == Path("run")
    assert xgraph.Run.open("run").metrics == without(expected.metrics)
    assert len(xgraph.predict("run", ["CCN"])) == 1
    monkeypatch.setattr(FittedModel, "fit", real)
    assert xgraph.train(out="run", resume=True).metrics == expected.metrics
    monkeypatch.setattr(FittedModel, "fit", stop)  # it is not fitted a second time
    assert xgraph.train(out="run", resume=True).metrics == expected.metrics
    more = xgraph.train(out="run", resume=True, epochs=4).metrics
    assert (more["epochs"], more["baseline"]["test"]) == (4, expected.metrics["baseline"]["test"])


def test_a_run_without_a_baseline_gets_one_on_request(train: Train) -> None:
    run = train(out="run")
    assert "baseline" not in tomllib.loads(Path("run/config.toml").read_text())["run"]
    assert xgraph.train(out="run", resume=True).metrics == run.metrics
    assert xgraph.train(config="run/config.toml", out="again").metrics == run.metrics
    later = xgraph.train(out="run", resume=True, baseline=True)
    assert without(later.metrics) == run.metrics
    assert later.metrics["baseline"]["test"]["ap"] > 0
    assert tomllib.loads(Path("run/config.toml").read_text())["run"]["baseline"] is True


def test_folds_say_in_how_many_it_is_ahead(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = train(out="expected", folds=3, baseline=True).metrics
    each = [fold.metrics["baseline"] for fold in xgraph.Run.open("expected").folds]
    own = expected["baseline"]
    values = [one["test"]["ap"] for one in each]
    assert own["test"]["mean"]["ap"] == pytest.approx(np.mean(values))
    assert own["test"]["std"]["ap"] == pytest.approx(np.std(values, ddof=1))
    assert (own["ahead_in"], own["folds"]) == (sum(one["ahead"] for one in each), 3)

    real, calls = FittedModel.fit, []

    def stop(*arguments: Any, **options: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(*arguments, **options)

    monkeypatch.setattr(FittedModel, "fit", stop)
    with pytest.raises(Interrupted) as stopped:
        train(out="run", folds=3, baseline=True)
    assert stopped.value.path == Path("run")
    assert (Path("run/fold_1/metrics.json").exists(), Path("run/fold_2").exists()) == (True, False)
    assert xgraph.train(out="run", resume=True).metrics == expected
    assert len(calls) == 4


def test_moved_data_are_found_by_the_baseline_too(train: Train, csv: Path, tmp_path: Path) -> None:
    expected = train(out="run", folds=3, baseline=True).metrics
    moved = csv.rename(tmp_path / "moved.csv")
    assert xgraph.train(moved, out="run", resume=True).metrics == expected
    assert xgraph.Run.open("run/fold_1/baseline").config.dataset == str(moved)
    assert xgraph.evaluate("run/fold_1/baseline")["ap"] > 0


def test_a_baseline_that_cannot_be_fitted_does_no_harm(
    train: Train, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = train(out="expected")

    def fail(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(FittedModel, "fit", fail)
    run = train(out="run", baseline=True, progress=True)
    assert run.metrics == {**expected.metrics, "baseline": {"model": "forest", "skipped": "MemoryError"}}
    assert "no baseline: MemoryError\n" in capsys.readouterr().err
    assert summarize_baselines([run.metrics, run.metrics]) == {"model": "forest", "skipped": "MemoryError"}
    monkeypatch.setattr(module, "MOST_ITEMS", 59)
    reason = train(out="large", baseline=True).metrics["baseline"]["skipped"]
    assert reason == "60 molecules are more than 59; fit one with --model forest"


def test_forests_of_very_many_tasks_are_left_out() -> None:
    class Wide:
        kind, noun, num_tasks, several_classes = "graph", "molecules", 1310, False

        def __len__(self) -> int:
            return 5_000

    source: Any = Wide()
    assert obstacle(source, "forest") == "1,310 tasks are more than 200; fit one with --model forest"
    source.num_tasks = 200
    assert obstacle(source, "forest") == ""


def test_where_there_is_no_baseline(train: Train, csv: Path) -> None:
    with pytest.raises(OptionError, match="baseline = True: model 'forest' is itself fitted in a single step"):
        build_config({"dataset": str(csv), "model": "forest", "baseline": True})
    with pytest.raises(OptionError, match="baseline = True: there is no baseline for nodes"):
        build_config({"dataset": "cora", "baseline": True})
    file = build_config({"dataset": str(csv), "baseline": True}).to_dict()
    assert build_config({}, file).baseline is True
    assert build_config({"model": "forest"}, file).baseline is None
    assert build_config({"dataset": str(csv)}).baseline is None


def test_only_validation_says_what_is_ahead() -> None:
    def run(value: float) -> dict[str, Any]:
        return {"metric": "ap", "valid": {"ap": value, "roc_auc": 1 - value}, "test": {"ap": 1 - value}}

    assert is_ahead(run(0.3), run(0.4))
    assert not is_ahead(run(0.4), run(0.3))
    assert not is_ahead(run(0.4), run(0.4))
    assert not is_ahead(run(np.nan), run(0.4))
    assert not is_ahead({"metric": "ap", "test": {}}, {"test": {}})


def test_trees_and_items_are_limited_so_that_a_forest_takes_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TREES", 100)
    monkeypatch.setattr(module, "FEWEST_TREES", 20)
    assert limits([4_000]) == {"trees": 100}
    assert limits([10_000]) == {"trees": 100}
    assert limits([33_000]) == {"trees": 100, "max_items": 10_000}
    assert limits([6_000] * 12) == {"trees": 55}
    assert limits([40_000] * 100) == {"trees": 20, "max_items": 2_000}
    assert limits([40_000] + [10] * 99) == {"trees": 100, "max_items": 10_000}
    assert limits([]) == limits([0]) == {"trees": 100}
    assert limits([100_000] * 1_000) == {"trees": 20, "max_items": 500}
