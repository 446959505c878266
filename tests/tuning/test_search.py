"""Searches end to end: the data that trials use, the files, resuming, and nested cross-validation."""

import csv as csv_module
import json
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest

import xgraph
import xgraph.data
from xgraph.options import OptionError
from xgraph.training import Run
from xgraph.training.config.build import build_config, read_config
from xgraph.training.files.rundir import write_config
from xgraph.training.fit.train import Interrupted
from xgraph.tuning import SearchResult

Search = Callable[..., SearchResult]
FOREST: dict[str, Any] = {"model": "forest", "features": ["maccs"], "threads": 1}
TREES = {"trees": "2..6", "max_features": "0.1..1.0"}
TRAIN = "xgraph.tuning.trial.train"


@pytest.fixture
def search(csv: Path) -> Search:
    def run(**settings: Any) -> SearchResult:
        defaults = {**FOREST, "split": "random", "vary": TREES, "trials": 4, "inner_folds": 3, "out": "run", **settings}
        return xgraph.search(defaults.pop("dataset", csv), **defaults)

    return run


@pytest.fixture
def gine(csv: Path) -> Search:
    def run(**settings: Any) -> SearchResult:
        small = {"split": "random", "epochs": 2, "pretrain_epochs": 0, "batch_size": 16, "hidden_channels": 8}
        small |= {"num_layers": 1, "threads": 1, "trials": 2, "inner_folds": 2, "out": "run"}
        return xgraph.search(csv, **{**small, **settings})

    return run


@contextmanager
def calls(stop_at: int = 0) -> Iterator[list[str]]:
    """The runs of trials, by directory; one of them (counted from 1) is interrupted."""
    seen: list[str] = []
    current = sys.modules["xgraph.tuning.trial"].train

    def train(*args: Any, **settings: Any) -> Any:
        seen.append(str(settings["out"]))
        if len(seen) == stop_at:
            raise KeyboardInterrupt
        return current(*args, **settings)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TRAIN, train)
        yield seen


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace training: each run has a metric that is computed from its settings."""

    def train(*, config: Path, out: Path, resume: bool, **more: Any) -> None:
        assert not resume
        values = build_config(more, read_config(config))
        out.mkdir()
        write_config(out, values)
        metric = values.metric or "ap"
        value = crc32(repr((values.model_options, values.inner, values.fold, values.seed)).encode()) / 2**32
        (out / "metrics.json").write_text(json.dumps({"metric": metric, "valid": {metric: value}}))

    monkeypatch.setattr(TRAIN, train)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv_module.DictReader(file)]


def test_a_trial_is_the_mean_over_inner_folds_and_seeds(search: Search, folds: None) -> None:
    result = search(dataset="aicures", split=None, metric="ap", seeds=2, trials=2)
    rows = rows_of(Path("run/trials.csv"))
    assert list(rows[0]) == [
        "trial", "state", "value", "max_features", "trees", "inner_0", "inner_1", "inner_2", "error",
    ]  # fmt: skip
    values = []
    for row in rows:
        folder = Path(f"run/trials/{int(row['trial']):04d}")
        inner = []
        for k in range(3):
            runs = [Run.open(folder / f"inner{k}-seed{seed}") for seed in (0, 1)]
            assert [(run.config.inner, run.config.seed) for run in runs] == [(f"{k}/3", 0), (f"{k}/3", 1)]
            assert all(run.config.model_options["trees"] == int(row["trees"]) for run in runs)
            inner.append(np.mean([run.metrics["valid"]["ap"] for run in runs]))
            assert float(row[f"inner_{k}"]) == pytest.approx(inner[-1])
        values.append(np.mean(inner))
        assert float(row["value"]) == pytest.approx(values[-1])
    assert (result.value, result.best) == (pytest.approx(max(values)), int(np.argmax(values)) + 1)
    assert result.values == {
        "trees": int(rows[result.best - 1]["trees"]), "max_features": float(rows[result.best - 1]["max_features"])
    }  # fmt: skip
    assert (result.metric, result.trials, result.metrics, result.nested) == ("ap", 2, {}, False)

    # Trials do not see the test part, and leave no big files.
    files = list(Path("run/trials").rglob("*"))
    metrics = [json.loads(file.read_text()) for file in files if file.name == "metrics.json"]
    assert len(metrics) == 12
    assert not any("test" in one for one in metrics)
    assert not [file for file in files if file.suffix == ".ckpt" or file.name == "predictions.csv"]
    assert not Path("run/final").exists()
    assert "test" not in json.loads(Path("run/search.json").read_text())


@pytest.mark.parametrize("loss", ["soap", "group-dro"])
def test_labels_of_the_test_part_change_nothing(gine: Search, csv: Path, loss: str) -> None:
    parts = xgraph.data.load(csv, split="random").splits
    np.savez("parts.npz", **{name: rows.numpy() for name, rows in parts.items()})
    test = set(parts["test"].tolist())
    fixed: dict[str, Any] = {"vary": {"lr": "1e-3..1e-1:log"}, "split": None, "split_file": "parts.npz"}
    one = gine(out="one", loss=loss, groups="label", **fixed)
    header, *lines = csv.read_text().splitlines()
    lines = [f"{line[:-1]}{1 - int(line[-1]) if i in test else line[-1]}" for i, line in enumerate(lines)]
    csv.write_text("\n".join([header, *lines]))
    other = gine(out="other", loss=loss, groups="label", **fixed)
    assert (one.value, one.values) == (other.value, other.values)
    assert rows_of(Path("one/trials.csv")) == rows_of(Path("other/trials.csv"))


@pytest.mark.usefixtures("stub")
def test_the_best_settings_can_be_trained_as_a_run(search: Search) -> None:
    result = search(metric="roc_auc")
    values = tomllib.loads(Path("run/best.toml").read_text())
    assert {name: values["model"][name] for name in result.values} == result.values
    assert not {"inner"} & set(values)
    run = xgraph.train(config="run/best.toml", out="again")
    assert run.metrics["metric"] == result.metric == "roc_auc"
    note = f"# Trial {result.best} of 4: mean roc_auc {result.value:.4f} over 3 inner folds, 1 seed(s).\n"
    assert Path("run/best.toml").read_text().startswith(note)


@pytest.mark.usefixtures("stub")
def test_an_interrupted_search_resumes(search: Search) -> None:
    whole = search(out="whole", final=True)
    with calls(stop_at=8) as first, pytest.raises(Interrupted) as stopped:
        search(final=True)
    assert stopped.value.path == Path("run")
    with calls() as second:
        result = xgraph.search(out="run", resume=True)
    assert len(first) == 8
    assert len(second) == 5, "the one that was stopped and those after it"
    assert second[0] == first[-1]
    assert rows_of(Path("run/trials.csv")) == rows_of(Path("whole/trials.csv"))
    assert (result.values, result.value, result.metrics) == (whole.values, whole.value, whole.metrics)
    assert Path("run/best.toml").read_text() == Path("whole/best.toml").read_text()
    with calls() as third:
        again = xgraph.search(out="run", resume=True)
    assert third == []
    assert again == result


@pytest.mark.usefixtures("stub")
def test_a_finished_search_can_add_trials(search: Search) -> None:
    search(out="whole", trials=6)
    search(trials=3, final=True)
    with calls() as seen:
        xgraph.search(out="run", resume=True, trials=6, threads=2)
    assert len(seen) == 9
    assert rows_of(Path("run/trials.csv")) == rows_of(Path("whole/trials.csv"))
    best = json.loads(Path("run/search.json").read_text())["best"]
    assert Path(f"run/final/trial_{best:04d}-seed_0/metrics.json").is_file()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inner_folds": 4}, "inner_folds is 3 in run and cannot become 4"),
        ({"seeds": 2}, "seeds is 1 in run and cannot become 2"),
        ({"prune": True}, "prune is False in run and cannot become True"),
        ({"min_samples_leaf": 3}, "min_samples_leaf is 1 in run and cannot become 3"),
        ({"vary": {"trees": "2..7"}}, "run varies other settings"),
        ({"dataset": "nci-pains"}, "dataset is .* in run and cannot become 'nci-pains'"),
        ({"out": None}, "give the directory of the search"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("stub")
def test_settings_cannot_change_when_resuming(search: Search, change: dict[str, Any], message: str) -> None:
    search(trials=1)
    with pytest.raises(OptionError, match=message):
        xgraph.search(**{"out": "run", "resume": True, **change})


@pytest.mark.usefixtures("stub")
def test_the_final_run(search: Search, folds: None) -> None:
    result = search(dataset="aicures", split=None, fold=1, final=True, seeds=2)
    runs = [Run.open(f"run/final/trial_{result.best:04d}-seed_{seed}") for seed in (0, 1)]
    for run in runs:
        assert run.config.train_on == "train+valid"
        assert {name: run.config.model_options[name] for name in result.values} == result.values
    assert result.metrics["test"]["ap"] == pytest.approx(np.mean([run.metrics["test"]["ap"] for run in runs]))
    assert result.metrics["seeds_averaged"] == pytest.approx(xgraph.evaluate([run.path for run in runs]))


@pytest.mark.usefixtures("stub")
def test_the_final_run_of_a_network(gine: Search) -> None:
    result = gine(out="net", vary={"lr": "1e-3..1e-2:log"}, final=True)
    run = Run.open(f"net/final/trial_{result.best:04d}-seed_0")
    assert (run.config.train_on, run.config.keep, run.config.lr) == ("train+valid", "last", result.values["lr"])
    assert "seeds_averaged" not in result.metrics
    assert Run.open("net/trials/0001/inner0-seed0").config.keep == "last"


def test_a_search_that_keeps_the_best_epoch(gine: Search) -> None:
    result = gine(vary={"lr": [0.001, 0.01]}, keep="best", final=True)
    assert Run.open("run/trials/0001/inner1-seed0").metrics["keep"] == "best"
    run = Run.open(f"run/final/trial_{result.best:04d}-seed_0")
    assert (run.config.train_on, run.config.keep) == ("train", "best")


def test_zero_inner_folds_use_the_validation_part(search: Search) -> None:
    result = search(inner_folds=0, trials=2)
    run = Run.open(f"run/trials/{result.best:04d}/own-seed0")
    assert run.metrics["valid"]["ap"] == result.value
    assert "test" not in run.metrics


@pytest.mark.usefixtures("stub")
def test_nested_cross_validation(folds: None) -> None:
    settings = {**FOREST, "vary": TREES, "trials": 3, "inner_folds": 2, "seeds": 2, "final": True, "fold": "0-1"}
    with calls(stop_at=15), pytest.raises(Interrupted):
        xgraph.search("aicures", out="run", **settings)
    result = xgraph.search(out="run", resume=True)
    assert result.nested
    assert (result.trials, result.values, list(result.folds)) == (6, {}, [0, 1])
    each = [xgraph.search("aicures", out=f"fold{k}", **{**settings, "fold": k}) for k in (0, 1)]
    for k, alone in enumerate(each):
        assert result.folds[k].values == alone.values
        assert result.folds[k].metrics == alone.metrics
        runs = [Run.open(path) for path in sorted(Path(f"run/fold_{k}/final").iterdir())]
        assert [(run.config.fold, run.config.seed) for run in runs] == [(k, 0), (k, 1)]
    for name in ("test", "seeds_averaged"):
        values = [alone.metrics[name]["ap"] for alone in each]
        assert result.metrics[name]["mean"]["ap"] == pytest.approx(np.mean(values))
        assert result.metrics[name]["std"]["ap"] == pytest.approx(np.std(values, ddof=1))
    written = json.loads(Path("run/search.json").read_text())
    assert written["nested"] is True
    assert written["folds"]["1"]["settings"] == each[1].values


def test_diverging_settings_are_a_failed_trial(gine: Search) -> None:
    result = gine(vary={"lr": [1e30, 0.01]}, optimizer="sgd")
    rows = rows_of(Path("run/trials.csv"))
    assert [row["state"] for row in rows] == ["fail", "complete"]
    assert "training diverged" in rows[0]["error"]
    assert result.values == {"lr": 0.01}
    with calls() as seen:
        gine(out="run", resume=True)
    assert seen == []


def test_a_search_stops_when_all_trials_fail(gine: Search) -> None:
    with pytest.raises(ValueError, match="search: the first 3 trials failed, the last one with: training diverged"):
        gine(vary={"lr": "1e28..1e30:log"}, optimizer="sgd", trials=9)
    assert [row["state"] for row in rows_of(Path("run/trials.csv"))] == ["fail"] * 3
    with pytest.raises(
        ValueError, match="search: none of the 2 trials was completed; the last one failed with: training diverged"
    ):
        gine(out="two", vary={"lr": "1e28..1e30:log"}, optimizer="sgd", trials=2)


@pytest.fixture
def rare(tmp_path: Path) -> Path:
    """Two positives, both in the training part of the random split of seed 0."""
    path = tmp_path / "rare.csv"
    smiles = ["C" * n for n in range(1, 31)]
    path.write_text("smiles,y\n" + "\n".join(f"{one},0" for one in smiles))
    chosen = xgraph.data.load(path, split="random").splits["train"][:2].tolist()
    path.write_text("smiles,y\n" + "\n".join(f"{one},{int(i in chosen)}" for i, one in enumerate(smiles)))
    return path


def test_inner_folds_with_one_class_are_ignored(search: Search, rare: Path) -> None:
    result = search(dataset=rare, inner_folds=5, trials=1)
    (row,) = rows_of(Path("run/trials.csv"))
    inner = [row[f"inner_{k}"] for k in range(5)]
    assert inner.count("") == 3, "two parts have a positive"
    assert result.value == pytest.approx(np.mean([float(value) for value in inner if value]))


def test_inner_folds_without_both_classes_are_refused(search: Search, rare: Path) -> None:
    with pytest.raises(ValueError, match="the validation part has only one class, so ap is undefined"):
        search(dataset=rare, inner_folds=0, trials=1)


@pytest.mark.usefixtures("stub")
def test_repeated_settings_are_not_trained_again(search: Search) -> None:
    with calls() as seen:
        search(vary={"trees": "2..4", "max_features": "0.3,0.9"}, trials=5)
    values = [(row["trees"], row["max_features"], row["value"]) for row in rows_of(Path("run/trials.csv"))]
    assert len(values) == 5
    assert len(seen) == 3 * len(set(values))
    with calls() as seen:
        result = search(out="all", vary={"trees": "2..3"}, trials=30)
    assert (result.trials, len(seen)) == (2, 6)


def test_trials_are_pruned(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    """Later trials are worse on the first inner fold, and stop there."""

    def train(*, config: Path, out: Path, inner: str, **_: Any) -> None:
        number = int(out.parent.name)
        value = 0.9 - 0.1 * number
        out.mkdir()
        (out / "metrics.json").write_text(json.dumps({"metric": "ap", "valid": {"ap": value}}))

    monkeypatch.setattr(TRAIN, train)
    result = search(trials=8, prune=True)
    rows = rows_of(Path("run/trials.csv"))
    assert [row["state"] for row in rows] == ["complete"] * 5 + ["pruned"] * 3
    assert [bool(row["inner_1"]) for row in rows] == [True] * 5 + [False] * 3
    assert result.best == 1


@pytest.mark.usefixtures("stub")
def test_invalid_arguments_are_refused(search: Search, csv: Path) -> None:
    for change, message in (
        ({"trials": 0}, "trials = 0: expected 1 or more"),
        ({"inner_folds": 1}, "inner_folds = 1: expected 2 or more, or 0"),
        ({"inner_folds": -1}, "inner_folds = -1"),
        ({"seeds": 0}, "seeds = 0"),
        ({"seeds": 2}, "seeds = 2: expected 1 with split 'random'"),
        ({"inner": "0/5"}, "inner = '0/5': not available in a search"),
        ({"train_on": "train+valid"}, r"train_on = 'train\+valid': not available in a search"),
        ({"vary": None}, "vary: expected at least one setting"),
        ({"trees": 5}, "vary: trees cannot be varied, because it is fixed to 5"),
        ({"device": "tpu"}, "device = 'tpu'"),
    ):
        with pytest.raises(OptionError, match=message):
            search(**change)
        assert not Path("run").exists()
    with pytest.raises(ValueError, match="fold = all: .*chains.csv' has no folds; give their number"):
        search(fold="all")
    assert not Path("run").exists()
    search(trials=1)
    with pytest.raises(FileExistsError, match="out: run already holds a search; .* with --resume"):
        search()
    Path("full").mkdir()
    Path("full/file").write_text("mine")
    with pytest.raises(FileExistsError, match="full is not empty"):
        search(out="full")
    with pytest.raises(FileNotFoundError, match="resume: full is not the directory of a search"):
        xgraph.search(out="full", resume=True)
    Path("run/search.toml").write_text("trials = 3")
    with pytest.raises(ValueError, match="search.toml is damaged"):
        xgraph.search(out="run", resume=True)


def test_unusable_data_are_refused(search: Search) -> None:
    with pytest.raises(ValueError, match="inner = 0/100: expected at least 100 items"):
        search(inner_folds=100)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        search(dataset="nowhere.csv", out="third")
