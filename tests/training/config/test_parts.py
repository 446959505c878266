"""The parts that a run is trained and scored on: settings, inner folds, and whole runs of every kind."""

import csv as csv_module
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bag_tables import table
from hypothesis import given
from hypothesis import strategies as st
from torch_geometric.data import Data

import xgraph
from xgraph.data import NodeDataset, load
from xgraph.options import OptionError
from xgraph.training.config.build import build_config
from xgraph.training.config.parts import arrange, assign_folds, scored_parts
from xgraph.training.config.sections import inner_fold
from xgraph.training.files.checkpoint import HEADER, read_checkpoint
from xgraph.training.fit.loading import load_data
from xgraph.training.fit.task import Task
from xgraph.training.fit.train import Interrupted
from xgraph.training.scoring.metrics import score_all

Train = Callable[..., xgraph.Run]
LAST: dict[str, Any] = {"keep": "last"}
BOTH: dict[str, Any] = {"keep": "last", "train_on": "train+valid"}
FOREST: dict[str, Any] = {"model": "forest", "trees": 8, "features": ["maccs"], "split": "random"}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv_module.DictReader(file))


def parts_of(run: xgraph.Run) -> dict[str, set[str]]:
    """The SMILES of the parts in the predictions file."""
    result: dict[str, set[str]] = {}
    for row in rows_of(run.path / "predictions.csv"):
        result.setdefault(row["split"], set()).add(row["smiles"])
    return result


@pytest.mark.parametrize("text", ["5/5", "0/1", "1", "a/b", "-1/3", "0/0", "0 / 5", "", "1/2/3", "test"])
def test_malformed_inner_folds_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"inner = .*(expected FOLD/FOLDS, such as 0/5|expected a non-empty string)"):
        build_config({"inner": text})


def test_inner_folds_and_what_is_scored() -> None:
    assert inner_fold("3/7") == (3, 7)
    assert scored_parts(build_config({})) == ("valid", "test")
    assert scored_parts(build_config(BOTH)) == ("test",)
    for inner in ("valid", "0/2"):
        assert scored_parts(build_config({"inner": inner})) == ("valid",)


def test_contradicting_settings_are_refused() -> None:
    with pytest.raises(OptionError, match=r"keep = 'best': expected 'last' with train_on = 'train\+valid'"):
        build_config({"train_on": "train+valid"})
    with pytest.raises(OptionError, match=r"train_on = 'train\+valid': expected 'train' with inner = 0/5"):
        build_config({**BOTH, "inner": "0/5"})
    with pytest.raises(OptionError, match="keep = 'first': expected best or last"):
        build_config({"keep": "first"})
    assert build_config({"model": "forest", "train_on": "train+valid"}).keep == "best"
    with pytest.raises(OptionError, match="keep: model 'forest' is fitted in a single step"):
        build_config({"model": "forest", "keep": "last"})


def test_the_configuration_keeps_these_settings() -> None:
    config = build_config({**LAST, "inner": "1/3"})
    assert build_config({}, config.to_dict()) == config
    assert build_config({"model": "forest"}, build_config(BOTH).to_dict()).train_on == "train+valid"


@given(
    st.lists(st.lists(st.sampled_from([0.0, 1.0, float("nan")]), min_size=2, max_size=2), min_size=1, max_size=60),
    st.integers(2, 8),
)
def test_parts_are_of_equal_size_and_rare_positives_are_spread(labels: list[list[float]], folds: int) -> None:
    y = np.array(labels)
    part = assign_folds(y, folds)
    sizes = np.bincount(part, minlength=folds)
    assert sizes.max() - sizes.min() <= 1
    rare = int(np.argmin((y == 1).sum(0)))  # of the rarest task, every positive counts as one
    counts = np.bincount(part[y[:, rare] == 1], minlength=folds)
    assert counts.max() - counts.min() <= 1
    np.testing.assert_array_equal(part, assign_folds(y, folds))


def test_inner_folds_are_random() -> None:
    part = assign_folds(np.repeat([[0.0], [1.0]], 50, axis=0), 5)
    assert not np.array_equal(part, np.arange(100) % 5)
    assert not np.array_equal(part[:50], part[50:])


def arranged(y: torch.Tensor, **settings: Any) -> dict[str, torch.Tensor]:
    splits = {"train": torch.tensor([9, 1, 3, 5, 7]), "valid": torch.tensor([8, 2, 0]), "test": torch.tensor([6, 4])}
    return arrange(splits, lambda rows: y[rows], build_config(settings))


def test_arranged_parts() -> None:
    y = torch.tensor([0, 1, 0, 0, 1, 0, 1, 1, 1, 0.0])[:, None]
    as_they_are = arranged(y, inner="valid")
    assert [as_they_are[name].tolist() for name in ("train", "valid", "test")] == [[9, 1, 3, 5, 7], [8, 2, 0], [6, 4]]
    both = arranged(y, **BOTH)
    assert set(both) == {"train", "test"}
    assert both["train"].tolist() == [0, 1, 2, 3, 5, 7, 8, 9]
    cuts = [arranged(y, inner=f"{k}/3", seed=k) for k in range(3)]
    assert sorted(torch.cat([one["valid"] for one in cuts]).tolist()) == [0, 1, 2, 3, 5, 7, 8, 9]
    for one in cuts:
        assert sorted([*one["train"].tolist(), *one["valid"].tolist()]) == [0, 1, 2, 3, 5, 7, 8, 9]
        assert one["test"].tolist() == [6, 4]
        assert one["valid"].tolist() == sorted(one["valid"].tolist())
        assert int(y[one["valid"]].sum()) == 1
    with pytest.raises(
        ValueError, match="inner = 0/9: expected at least 9 items in the training and validation parts, got 8"
    ):
        arranged(y, inner="0/9")


def test_the_last_epoch_is_kept(train: Train) -> None:
    step = Task.validation_step

    def worse_each_epoch(self: Task, batch: Any, batch_idx: int) -> None:
        step(self, batch, batch_idx)
        self.valid_metrics["ap"] = 1 / (1 + self.current_epoch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Task, "validation_step", worse_each_epoch)
        run = train(out="run", epochs=5, **LAST)
        assert train(out="best", epochs=5).metrics["best_epoch"] == 2
    assert read_checkpoint("best/best.ckpt")["epochs_done"] == 2
    rows = rows_of(run.path / "metrics.csv")
    assert float(rows[-1]["valid_roc_auc"]) == run.metrics["valid"]["roc_auc"]
    assert (run.metrics["keep"], run.metrics["last_epoch"], run.metrics["metric"]) == ("last", 5, "ap")
    assert not {"best_epoch", "selected_by"} & set(run.metrics)
    assert read_checkpoint("run/best.ckpt")["epochs_done"] == 5
    assert xgraph.evaluate("run") == pytest.approx(run.metrics["test"])
    with pytest.raises(OptionError, match="keep is 'last' in run and cannot become 'best'"):
        xgraph.train(out="run", resume=True, keep="best")
    assert xgraph.train(out="run", resume=True, epochs=6).metrics["last_epoch"] == 6


def test_training_on_the_training_and_validation_parts(train: Train, csv: Path) -> None:
    seen: set[int] = set()
    step = Task.training_step

    def watch(self: Task, batch: Any, batch_idx: int) -> Any:
        seen.update(batch.idx.tolist())
        return step(self, batch, batch_idx)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Task, "training_step", watch)
        run = train(out="run", loss="bce", pretrain_epochs=0, **BOTH)
    splits = load(csv, split="random").splits
    assert seen == {*splits["train"].tolist(), *splits["valid"].tolist()}
    assert "valid" not in run.metrics
    assert "valid" not in json.loads((run.path / "metrics.json").read_text())
    assert not [name for name in rows_of(run.path / "metrics.csv")[0] if name.startswith("valid")]
    assert set(parts_of(run)) == {"test"}
    assert run.metrics["last_epoch"] == 3
    assert xgraph.evaluate("run") == pytest.approx(run.metrics["test"])
    assert "ap" in xgraph.evaluate("run", "train")
    with pytest.raises(OptionError, match="split = 'valid': expected a part of 'chains': train, test"):
        xgraph.evaluate("run", "valid")
    assert len(xgraph.predict("run", ["CCN"])) == 1


def test_divergence_is_detected_without_a_validation_part(train: Train) -> None:
    with pytest.raises(ValueError, match=r"diverged.*learning rate below lr = 1e\+30"):
        train(out="run", lr=1e30, optimizer="sgd", pretrain_epochs=0, batch_size=100, **BOTH)


def test_a_run_on_an_inner_fold(train: Train, csv: Path) -> None:
    runs = [train(out=f"run{k}", inner=f"{k}/3", **LAST) for k in range(3)]
    splits, smiles = load(csv, split="random").splits, load(csv).smiles
    known = {smiles[i] for name in ("train", "valid") for i in splits[name].tolist()}
    parts = [parts_of(run) for run in runs]
    assert all(set(part) == {"valid"} for part in parts)
    assert set.union(*(part["valid"] for part in parts)) == known
    assert sum(len(part["valid"]) for part in parts) == len(known)
    for run in runs:
        assert "test" not in run.metrics
        assert "test" not in json.loads((run.path / "metrics.json").read_text())
        positives = [row for row in rows_of(run.path / "predictions.csv") if row["amine"] == "1"]
        assert 4 <= len(positives) <= 7
    # The test part is only scored on request.
    with_test = xgraph.evaluate("run1", "test")
    test = splits["test"]
    scores = xgraph.predict("run1", [smiles[i] for i in test.tolist()])["amine"]
    assert with_test == pytest.approx(score_all(load(csv).y[test, 0], scores))
    assert xgraph.evaluate("run1", "valid") == pytest.approx(runs[1].metrics["valid"])
    assert read_checkpoint("run1/best.ckpt")[HEADER]["config"]["inner"] == "1/3"
    assert (
        read_checkpoint("run1/best.ckpt")[HEADER]["fingerprint"]
        != read_checkpoint("run0/best.ckpt")[HEADER]["fingerprint"]
    )


def test_a_run_that_does_not_touch_the_test_part(train: Train) -> None:
    inner, whole = train(out="inner", inner="valid"), train(out="whole")
    assert inner.metrics["valid"] == whole.metrics["valid"]
    assert "test" not in inner.metrics
    assert set(parts_of(inner)) == {"valid"}


@pytest.mark.parametrize("settings", [BOTH, {**LAST, "inner": "0/2"}], ids=str)
def test_runs_on_other_parts_resume(train: Train, settings: dict[str, Any]) -> None:
    whole = train(out="whole", **settings)
    step = Task.training_step

    def stop(self: Task, batch: Any, batch_idx: int) -> Any:
        if self.current_epoch == 2 and batch_idx == 1:
            raise KeyboardInterrupt
        return step(self, batch, batch_idx)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Task, "training_step", stop)
        with pytest.raises(Interrupted):
            train(out="parts", **settings)
    parts = xgraph.train(out="parts", resume=True)
    assert parts.metrics == whole.metrics
    one, two = (run.model.state_dict() for run in (whole, parts))
    assert all(torch.equal(one[name], two[name]) for name in one)
    for name, value in (("train_on", "train+valid"), ("inner", "1/4")):
        if settings.get(name) != value:
            with pytest.raises(OptionError, match=f"{name}"):
                xgraph.train(out="parts", resume=True, **{name: value})


def test_progress_lines_name_the_parts(train: Train, csv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(out="both", progress=True, **BOTH)
    first, task, *lines = capsys.readouterr().err.splitlines()
    assert task.startswith("task amine: 18 positive of 54 in train, 2 of 6 in test")
    assert first.startswith("chains: 54 train, 6 test molecules")
    assert len(lines) == 3
    assert not [line for line in lines if "valid" in line]
    train(out="inner", inner="0/3", progress=True)
    first, _, *lines = capsys.readouterr().err.splitlines()
    assert first.startswith("chains: 36 train, 18 valid molecules")
    assert all("valid_ap=" in line for line in lines)
    xgraph.train(csv, out="forest", train_on="train+valid", progress=True, **FOREST)
    assert capsys.readouterr().err.splitlines()[-1].startswith("model=forest seconds=")


def test_models_that_are_fitted_in_a_single_step(csv: Path) -> None:
    both = xgraph.train(csv, out="both", train_on="train+valid", **FOREST)
    assert "valid" not in both.metrics
    assert (both.metrics["keep"], both.metrics["last_epoch"]) == ("last", 1)
    assert not [name for name in rows_of(both.path / "metrics.csv")[0] if name.startswith("valid")]
    assert xgraph.evaluate("both") == pytest.approx(both.metrics["test"])
    inner = xgraph.train(csv, out="inner", inner="0/3", **FOREST)
    assert set(parts_of(inner)) == {"valid"}
    assert "test" not in inner.metrics


def test_ensembles_of_runs_on_different_parts(train: Train, csv: Path) -> None:
    plain, both = train(out="plain"), train(out="both", **BOTH)
    scores = [[float(r["amine_score"]) for r in rows_of(run.path / "predictions.csv") if r["split"] == "test"]
              for run in (plain, both)]  # fmt: skip
    y = [int(r["amine"]) for r in rows_of(both.path / "predictions.csv")]
    assert xgraph.evaluate(["plain", "both"]) == pytest.approx(score_all(y, np.mean(scores, axis=0)))
    assert len(xgraph.predict(["plain", "both"], ["CCN", "CCO"])) == 2
    with pytest.raises(ValueError, match="the train parts of both and plain differ"):
        xgraph.evaluate(["plain", "both"], "train")
    train(out="other", seed=1, **BOTH)
    with pytest.raises(ValueError, match="the test parts of other and plain differ"):
        xgraph.evaluate(["plain", "other"])


@pytest.mark.parametrize(("settings", "scored"), [(BOTH, "test"), ({"inner": "0/4"}, "valid")], ids=str)
def test_parts_over_folds(train: Train, settings: dict[str, Any], scored: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xgraph.training.fit.launch.members.chosen_folds", lambda config, given: [0, 1])
    for module in ("one", "members"):
        monkeypatch.setattr(
            f"xgraph.training.fit.launch.{module}.load_data",
            lambda c, p, g=None: load_data(c.replace(fold=None, seed=c.fold), p),
        )
    run = train(out="run", fold="all", **settings)
    assert {"test", "valid"} & set(run.metrics) == {scored}
    values = [fold.metrics[scored]["ap"] for fold in run.folds]
    assert run.metrics[scored]["mean"]["ap"] == pytest.approx(np.mean(values))


@pytest.mark.parametrize("settings", [BOTH, {"inner": "1/3"}], ids=str)
def test_parts_of_bags(tmp_path: Path, settings: dict[str, Any]) -> None:
    path = tmp_path / "patients.csv"
    table().to_csv(path, index=False)
    small = {"bag_column": "patient", "target_columns": ["ill"], "epochs": 2, "hidden_channels": 4, "num_layers": 1}
    run = xgraph.train(path, out="run", instances=2, threads=1, **small, **settings)
    plain = xgraph.train(path, out="plain", threads=1, **small)
    scored = "test" if settings == BOTH else "valid"
    rows, before = rows_of(run.path / "predictions.csv"), rows_of(plain.path / "predictions.csv")
    assert {row["split"] for row in rows} == {scored}
    test = {row["bag"] for row in before if row["split"] == "test"}
    if settings == BOTH:
        assert {row["bag"] for row in rows} == test
    else:
        assert len(rows) == 16  # a third of 48
        assert not {row["bag"] for row in rows} & test
    assert xgraph.evaluate("run", scored) == pytest.approx(run.metrics[scored])
    assert len(xgraph.predict("run", path)) == 60


@pytest.mark.parametrize("settings", [BOTH, {"inner": "1/3"}], ids=str)
def test_parts_of_nodes(monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]) -> None:
    y = torch.arange(90) % 3
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(90, 6, generator=generator)
    order = torch.randperm(90, generator=generator)
    data = NodeDataset(
        Data(x=x, edge_index=torch.randint(90, (2, 400), generator=generator), num_nodes=90),
        y,
        name="cora",
        task="multiclass",
        task_names=["a", "b", "c"],
        metric="accuracy",
        splits={"train": order[:30], "valid": order[30:45], "test": order[45:60]},
    )
    monkeypatch.setattr("xgraph.data.load", lambda name, **_: data)
    seen: set[int] = set()
    step = Task.training_step

    def watch(self: Task, batch: Any, batch_idx: int) -> Any:
        seen.update(batch.idx.tolist())
        return step(self, batch, batch_idx)

    monkeypatch.setattr(Task, "training_step", watch)
    run = xgraph.train("cora", out="run", epochs=2, hidden_channels=4, threads=1, batch_size=16, **settings)
    part = "test" if settings == BOTH else "valid"
    scored = {int(row["node"]) for row in rows_of(run.path / "predictions.csv")}
    known = set(order[:45].tolist())
    if settings == BOTH:
        assert seen == known
        assert scored == set(order[45:60].tolist())
    else:
        assert len(scored) == 15
        assert seen == known - scored
    assert xgraph.evaluate("run", part) == pytest.approx(run.metrics[part])
    assert len(xgraph.predict("run")) == 90


def test_inner_folds_of_whole_scaffolds() -> None:
    from xgraph.data.molecules.splits import scaffold_groups
    from xgraph.training.sources import make_source

    data = load("nci-pains", split="random")
    groups, seen = scaffold_groups(data.smiles), []
    for number in range(3):
        config = build_config({"dataset": "nci-pains", "split": "random", "inner": f"{number}/3"}).replace(
            inner_groups="scaffold"
        )
        parts = {name: rows.numpy() for name, rows in make_source(data, config).splits.items()}
        assert not set(groups[parts["train"]]) & set(groups[parts["valid"]])
        assert parts["test"].tolist() == data.splits["test"].tolist()
        seen.append(parts["valid"])
    both = np.sort(np.concatenate([data.splits["train"], data.splits["valid"]]))
    np.testing.assert_array_equal(np.sort(np.concatenate(seen)), both)
    actives = [float(data.y[rows].sum()) for rows in seen]
    assert max(actives) - min(actives) <= 2
    for inner in (None, "valid"):
        with pytest.raises(OptionError, match="inner_groups = 'scaffold': expected inner = FOLD/FOLDS with it"):
            build_config({"dataset": "nci-pains", "inner_groups": "scaffold", "inner": inner})


def test_inner_folds_of_scaffolds_need_molecules() -> None:
    config = build_config({"dataset": "musk1", "inner": "0/3", "inner_groups": "scaffold"})
    with pytest.raises(ValueError, match="inner_groups = 'scaffold': this setting is for molecules"):
        arrange(
            {"train": torch.arange(9), "valid": torch.arange(9, 12)}, lambda rows: torch.zeros(len(rows), 1), config
        )
