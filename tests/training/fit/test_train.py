import csv as csv_module
import json
import math
import random
import shutil
import signal
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import xgraph
from xgraph.losses import LOSSES
from xgraph.options import OptionError, options_of
from xgraph.training.files.checkpoint import read_checkpoint, write_checkpoint
from xgraph.training.fit.task import Task
from xgraph.training.fit.train import Interrupted
from xgraph.training.scoring.metrics import METRICS, score_all

Train = Callable[..., xgraph.Run]


def without_time(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv_module.DictReader(file)]


def assert_same(a: Any, b: Any, where: str = "") -> None:
    """Compare nested dicts and lists bit by bit."""
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            if key != "seconds":
                assert_same(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same(x, y, f"{where}[{i}]")
    else:
        assert a == b or (a != a and b != b), f"{where}: {a} != {b}"


def test_fills_the_run_directory(train: Train, csv: Path) -> None:
    run = train(out="run", loss="soap", gamma=0.5)
    assert {file.name for file in run.path.iterdir()} == {
        "config.toml", "metrics.csv", "metrics.json", "predictions.csv", "best.ckpt", "last.ckpt", "env.json",
    }  # fmt: skip
    assert json.loads((run.path / "metrics.json").read_text()) == run.metrics
    assert set(run.metrics["test"]) == set(METRICS)
    config = tomllib.loads((run.path / "config.toml").read_text())
    assert config["loss"]["name"] == "soap"
    assert config["loss"]["gamma"] == 0.5
    assert Path(config["data"]["dataset"]) == csv
    rows = without_time(run.path / "metrics.csv")
    assert [(row["epoch"], row["stage"]) for row in rows] == [("1", "pretrain"), ("2", "main"), ("3", "main")]
    env = json.loads((run.path / "env.json").read_text())
    assert env["versions"]["torch"] == torch.__version__
    assert env["machine"]["threads"] == 1


def test_predictions_give_the_metrics(train: Train) -> None:
    run = train(out="run")
    with (run.path / "predictions.csv").open() as file:
        rows = list(csv_module.DictReader(file))
    assert {row["split"] for row in rows} == {"valid", "test"}
    for split in ("valid", "test"):
        part = [row for row in rows if row["split"] == split]
        y, s = ([float(row[c]) for row in part] for c in ("amine", "amine_score"))
        expected = score_all(y, s)
        assert run.metrics[split] == pytest.approx({k: None if math.isnan(v) else v for k, v in expected.items()})
        assert all(int(row["amine"]) == row["smiles"].endswith("N") for row in part)
    assert xgraph.evaluate(run.path, "test") == pytest.approx(run.metrics["test"], nan_ok=True)


def test_best_epoch_is_the_best_of_the_main_stage(train: Train) -> None:
    run = train(out="run", pretrain_epochs=2, epochs=6)
    rows = without_time(run.path / "metrics.csv")
    main = [row for row in rows if row["stage"] == "main"]
    best = max(main, key=lambda row: float(row["valid_ap"]))
    assert run.metrics["best_epoch"] == int(best["epoch"])
    assert run.metrics["valid"]["ap"] == pytest.approx(float(best["valid_ap"]))
    assert read_checkpoint(run.path / "best.ckpt")["epochs_done"] == int(best["epoch"])


def test_another_metric_can_select_the_epoch(train: Train) -> None:
    name = "pauc_area_fpr0.3"
    run = train(out="run", epochs=6, pretrain_epochs=0, metric=name, lr=0.02)
    rows = without_time(run.path / "metrics.csv")
    values, aps, areas = ([float(row[f"valid_{metric}"]) for row in rows] for metric in (name, "ap", "roc_auc"))
    assert run.metrics["selected_by"] == name
    standing = list(zip(values, aps, areas, strict=True))  # equal epochs: by AP, then by ROC-AUC, then the first
    assert run.metrics["best_epoch"] == standing.index(max(standing)) + 1
    assert run.metrics["valid"][name] == max(values)
    assert values != aps
    other = train(out="other", epochs=6, pretrain_epochs=0, lr=0.02)
    assert other.metrics["selected_by"] == "ap"
    standing = list(zip(aps, areas, strict=True))
    assert other.metrics["best_epoch"] == standing.index(max(standing)) + 1
    with pytest.raises(OptionError, match="metric = 'auc': expected ap, prc_auc"):
        train(out="third", metric="auc")
    with pytest.raises(OptionError, match=f"metric is '{name}' in run and cannot become 'ap'"):
        xgraph.train(out="run", resume=True, metric="ap")


def test_a_kept_epoch_without_a_ranking_is_named(train: Train, csv: Path) -> None:
    """A strong weight decay removes what the network knows of its input, and leaves the bias of its last layer."""
    with pytest.warns(
        UserWarning, match="same score in the task amine, .* no ranking at all; try a lower weight_decay"
    ):
        run = train(out="run", epochs=12, pretrain_epochs=0, weight_decay=1000.0, lr=0.05, keep="last")
    share = run.metrics["positive_rate"]
    for part in ("valid", "test"):
        values = run.metrics[part]
        assert (values["tied"], values["roc_auc"]) == (1.0, 0.5)
        assert values["prc_auc"] == values["ap"] == pytest.approx(share[part])
        assert run.metrics["details"][part]["tasks"]["amine"]["tied"] == 1.0
    assert "tied" in (run.path / "metrics.csv").read_text().splitlines()[0]
    with pytest.raises(OptionError, match="metric = 'tied': expected ap"):
        train(out="other", metric="tied")


def test_a_run_with_fewer_metrics_from_an_old_version_resumes(train: Train) -> None:
    run = train(out="run", epochs=1, pretrain_epochs=0)
    state = read_checkpoint(run.path / "last.ckpt")
    (callback,) = state["callbacks"].values()
    for row in callback["history"]:
        del row["valid_pauc_area_fpr0.3"]
    write_checkpoint(state, run.path / "last.ckpt")
    xgraph.train(out="run", resume=True, epochs=2)
    assert [bool(row["valid_pauc_area_fpr0.3"]) for row in without_time(run.path / "metrics.csv")] == [False, True]


def test_head_and_optimizer_are_reset_in_the_main_stage(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    from xgraph.nn.layers.head import Head

    seen = []
    reset = Head.reset_parameters
    monkeypatch.setattr(Head, "reset_parameters", lambda self: (seen.append(1), reset(self))[1])
    train(out="one", pretrain_epochs=1, epochs=2)
    in_init = len(seen)
    seen.clear()
    train(out="two", pretrain_epochs=0, epochs=1)
    assert in_init == len(seen) + 1
    one, two = (
        {float(s["step"]) for s in read_checkpoint(Path(f"{run}/last.ckpt"))["optimizer_states"][0]["state"].values()}
        for run in ("one", "two")
    )
    assert one == two, "the optimiser has counted the steps of the main stage only"


def test_fine_tuning_is_a_run_from_the_weights_of_another(train: Train) -> None:
    common = {"lr_schedule": "constant", "keep": "last", "optimizer": "sgd", "sampler": "shuffle", "dropout": 0.0}
    common |= {"batch_size": 100}  # all molecules
    whole = train(out="whole", schedule="finetune", loss="soap", epochs=3, pretrain_epochs=1, lr=0.01, **common)
    train(out="first", loss="bce", epochs=1, pretrain_epochs=0, lr=0.01, **common)
    second = train(out="second", init="first", loss="soap", epochs=2, pretrain_epochs=0, lr=0.003, **common)
    one, two = (run.model.state_dict() for run in (whole, second))
    assert all(torch.allclose(one[name], two[name], atol=1e-5) for name in one)


def test_schedules_count_the_epochs_of_their_stage(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    from xgraph.losses import SOAPLoss

    gammas: list[tuple[int, float]] = []
    forward = SOAPLoss.forward

    def record(self: SOAPLoss, *args: Any) -> torch.Tensor:
        gammas.append((self.track.epoch, self.track.gamma))
        return forward(self, *args)

    monkeypatch.setattr(SOAPLoss, "forward", record)
    run = train(
        out="run", pretrain_epochs=2, epochs=4, lr=0.1, lr_schedule="cosine", gamma_schedule="cosine", gamma=0.5
    )
    rates = [float(row["lr"]) for row in without_time(run.path / "metrics.csv")]
    assert rates == pytest.approx([0.1, 0.05, 0.1, 0.05])
    assert sorted(set(gammas)) == [(0, 1.0), (1, pytest.approx(0.75))]


@contextmanager
def interrupted(epoch: int, error: BaseException, run: int = 1) -> Iterator[None]:
    """Stop training in the middle of an epoch (counted from 0), in the first run or a later one."""
    step = Task.training_step
    seen: list[Task] = []

    def stop(self: Task, batch: Any, batch_idx: int) -> torch.Tensor:
        if self not in seen:
            seen.append(self)
        if len(seen) == run and self.current_epoch == epoch and batch_idx == 1:
            raise error
        return step(self, batch, batch_idx)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Task, "training_step", stop)
        yield


@pytest.mark.parametrize(("loss", "epoch"), [("bce", 0), ("soap", 1), ("soap", 2), ("soap", 3)])
def test_resumed_run_equals_an_uninterrupted_one(train: Train, loss: str, epoch: int) -> None:
    settings: dict[str, Any] = {"loss": loss, "pretrain_epochs": 2, "epochs": 5, "lr_schedule": "cosine"}
    if loss == "soap":
        settings["gamma_schedule"] = "cosine"
    tables = assert_resumes(train, epoch, **settings)
    assert bool(tables) == (loss == "soap"), "the comparison covers the tables"


@pytest.mark.parametrize(
    "loss",
    [
        pytest.param(loss, marks=[] if loss in ("staco", "kl-dro", "auc-margin") else [pytest.mark.slow])
        for loss in sorted(set(LOSSES) - {"soap", "bce", "ce", "scent", "mae", "huber"})
    ],
)
@pytest.mark.filterwarnings("ignore:groups:UserWarning")
def test_every_loss_resumes(train: Train, loss: str) -> None:
    settings: dict[str, Any] = {"loss": loss, "pretrain_epochs": 0, "epochs": 2}
    if "gamma" in {option.name for option in options_of(LOSSES[loss])}:
        settings["gamma_schedule"] = "cosine"
    if LOSSES[loss].link == "identity":
        settings["task"] = "regression"  # on the numbers 0 and 1
    tables = assert_resumes(train, 1, **settings)
    assert bool(tables) == (loss not in ("focal", "mse"))


@pytest.mark.parametrize(
    "settings",
    [
        {"sampler": "tri", "metric": "tpauc_tpr0.5_fpr0.5"},
        {"sampler": "shuffle", "ema_decay": 0.8},
        {"loss": "group-dro", "groups": "label", "items_per_group": 4},
        {"loss": "group-dro", "sampler": "dual", "groups": "label"},
        {"schedule": "compositional", "inner_lr": 0.05, "inner_gamma": 0.5},
        {"schedule": "compositional", "pretrain_epochs": 1, "loss": "sopa"},
        {"loss": "ndcg", "pretrain_loss": "listwise", "pretrain_epochs": 2, "epochs": 3},
    ],
    ids=str,
)
def test_every_training_mode_resumes(train: Train, settings: dict[str, Any]) -> None:
    tables = assert_resumes(train, 1, **{"pretrain_epochs": 0, **settings})
    assert ("after_step.track.value" in tables) == ("schedule" in settings)


def assert_resumes(train: Train, epoch: int, **settings: Any) -> list[str]:
    """Stop a run in an epoch, resume it, and compare it with an uninterrupted run; return the names of its tables."""
    whole = train(out="whole", **settings)
    handler = signal.getsignal(signal.SIGINT)
    with interrupted(epoch, KeyboardInterrupt()), pytest.raises(Interrupted) as stopped:
        train(out="parts", **settings)
    assert stopped.value.path == Path("parts")
    assert signal.getsignal(signal.SIGINT) is handler
    assert not Path("parts/metrics.json").exists()

    parts = xgraph.train(out="parts", resume=True)
    assert parts.metrics == whole.metrics
    assert without_time(parts.path / "metrics.csv") == without_time(whole.path / "metrics.csv")
    assert (parts.path / "predictions.csv").read_text() == (whole.path / "predictions.csv").read_text()
    for name in ("best.ckpt", "last.ckpt"):
        a, b = (read_checkpoint(run.path / name) for run in (whole, parts))
        assert_same({**a, "global_step": 0}, {**b, "global_step": 0})
    return [name for name in a["state_dict"] if not name.startswith("model.")]


def test_a_run_resumes_after_an_error(train: Train) -> None:
    with interrupted(2, RuntimeError("lost")), pytest.raises(RuntimeError, match="lost"):
        train(out="run")
    assert xgraph.train(out="run", resume=True).metrics["epochs"] == 3


def test_resuming_can_add_epochs_but_not_change_settings(train: Train) -> None:
    train(out="run", epochs=2)
    run = xgraph.train(out="run", resume=True, epochs=3)
    assert [row["epoch"] for row in without_time(run.path / "metrics.csv")] == ["1", "2", "3"]
    assert run.config.epochs == 3
    with pytest.raises(OptionError, match="epochs = 2: run has already done 3"):
        xgraph.train(out="run", resume=True, epochs=2)
    with pytest.raises(OptionError, match=r"lr is 0.001 in run and cannot become 0.1"):
        xgraph.train(out="run", resume=True, lr=0.1)
    with pytest.raises(OptionError, match="--out"):
        xgraph.train(resume=True)
    with pytest.raises(FileNotFoundError, match="is not a run directory"):
        xgraph.train(resume=True, out="other")


def test_resuming_on_changed_data_is_refused(train: Train, csv: Path) -> None:
    train(out="run", epochs=2)
    lines = csv.read_text().splitlines()
    csv.write_text("\n".join(lines[:-3]))
    with pytest.raises(ValueError, match="num_items = 60, but this run has 57"):
        xgraph.train(out="run", resume=True, epochs=3)
    csv.write_text("\n".join([lines[0], *reversed(lines[1:])]))
    with pytest.raises(ValueError, match="the molecules, labels or splits of 'chains' have changed"):
        xgraph.train(out="run", resume=True, epochs=3)


def test_the_same_seed_or_config_repeats_a_run(train: Train) -> None:
    one = train(out="one", seed=3)
    two = xgraph.train(config="one/config.toml", out="two")
    assert two.metrics == one.metrics
    assert two.config == one.config
    assert_same(one.model.state_dict(), two.model.state_dict())
    other = train(out="three", seed=4)
    assert not torch.equal(other.model.state_dict()["head.mlp.0.weight"], one.model.state_dict()["head.mlp.0.weight"])


def test_leaves_the_callers_random_streams_and_threads_alone(train: Train) -> None:
    def draw() -> tuple[float, float, float]:
        return random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002

    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    expected = [draw(), draw()]
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)
    threads = torch.get_num_threads()
    seen = [draw()]
    train(out="run", epochs=2, threads=1 if threads > 1 else 2)
    seen.append(draw())
    assert seen == expected
    assert torch.get_num_threads() == threads


def test_an_existing_directory_is_never_overwritten(train: Train, csv: Path) -> None:
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"mine is not empty.*--resume"):
        train(out="mine")
    assert [file.name for file in Path("mine").iterdir()] == ["notes.txt"]
    names = [train(epochs=1, pretrain_epochs=0).path for _ in range(2)]
    assert names == [Path("runs/chains-soap-gine-s0"), Path("runs/chains-soap-gine-s0-2")]


def test_a_failure_before_training_leaves_no_directory(train: Train) -> None:
    with pytest.raises(ValueError, match="gamma"):
        train(out="run", gamma=2.0)
    with pytest.raises(OptionError, match="option of loss 'focal'"):
        train(out="run", focusing=2.0)
    assert not Path("run").exists()


def write(path: Path, rows: list[str]) -> Path:
    path.write_text("smiles,y\n" + "\n".join(rows))
    return path


def test_a_training_part_with_one_class_is_refused(train: Train, tmp_path: Path) -> None:
    path = write(tmp_path / "one.csv", ["C" * n + ",0" for n in range(1, 30)])
    with pytest.raises(ValueError, match=r"0 positive and 23 negative"):
        train(dataset=path, out="run")
    assert not Path("run").exists()


RARE = ["C" * n + f",{int(n == 7)}" for n in range(1, 31)]


def test_validation_without_positives_falls_back_to_the_last_epoch(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # as it may be in a published split, which nobody can choose
    monkeypatch.setattr("xgraph.training.fit.labels.check._is_own", lambda config: False)
    path = write(tmp_path / "rare.csv", RARE)
    with pytest.warns(UserWarning, match="only one class, so ap is undefined .* the last epoch is kept"):
        run = train(dataset=path, out="run")
    assert run.metrics["valid"]["ap"] is None or math.isnan(run.metrics["valid"]["ap"])
    assert run.metrics["best_epoch"] == 3
    assert json.loads((run.path / "metrics.json").read_text())["valid"]["ap"] is None


def test_parts_without_both_classes_are_refused_before_training(train: Train, tmp_path: Path) -> None:
    path = write(tmp_path / "rare.csv", RARE)
    with pytest.raises(
        ValueError,
        match=r"no task of 'rare' has both labels, 0 and 1, in the validation part, .* \(positives of 'y': 1 of 24 "
        r"in train, 0 of 3 in valid, 0 of 3 in test\); split it in another way \(--split scaffold-balanced, cluster or "
        r"random\), say which rows .* \(--folds 5\); or keep the last epoch",
    ):
        train(dataset=path, out="run")
    assert not Path("run").exists()
    with pytest.warns(UserWarning, match="the test part of 'rare' has only one class"):
        assert math.isnan(train(dataset=path, out="run", keep="last").metrics["valid"]["ap"])
    few = write(tmp_path / "few.csv", ["C,0", "N,1", "CC,0", "CN,1"])
    with pytest.raises(ValueError, match=r"'few' has no validation part, .* \(--valid-fraction 0.1\), or keep"):
        train(dataset=few, out="few")


def test_tasks_without_labels_and_missing_labels(train: Train, tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    rows = [f"{'C' * n}{e},{int(e == 'N')},{'' if n % 2 else int(e == 'O')}" for n in range(1, 25) for e in "ONF"]
    path.write_text("smiles,amine,alcohol\n" + "\n".join(rows))
    run = train(dataset=path, out="run")
    assert not math.isnan(run.metrics["test"]["ap"])
    frame = xgraph.predict(run.path, ["CCO"])
    assert list(frame.columns) == ["smiles", "amine", "alcohol", "error"]
    with (run.path / "predictions.csv").open() as file:
        cells = [row["alcohol"] for row in csv_module.DictReader(file)]
    assert set(cells) == {"", "0", "1"}
    only = train(dataset=path, out="only", target_columns=["amine"])
    assert list(xgraph.predict(only.path, ["CCO"]).columns) == ["smiles", "amine", "error"]


def test_the_tri_sampler_trains_on_some_tasks_per_batch(train: Train, tmp_path: Path) -> None:
    path = tmp_path / "three.csv"
    rows = [f"{'C' * n}{e},{int(e == 'N')},{int(e == 'O')},1" for n in range(1, 25) for e in "ONF"]
    path.write_text("smiles,amine,alcohol,molecule\n" + "\n".join(rows))
    with pytest.warns(
        UserWarning, match="tasks with labels of one class only in the training part cannot be learned: 'molecule'"
    ):
        run = train(dataset=path, out="run", loss="sopa", sampler="tri", sampled_tasks=9, batch_size=20)
    sampler = read_checkpoint(run.path / "last.ckpt")["sampler"]
    assert (sampler["tasks_per_batch"], sampler["batch_size_per_task"]) == (2, 10)
    assert not math.isnan(run.metrics["test"]["pauc_mcclish_fpr0.3"])


@pytest.mark.parametrize("schedule", ["two-stage", "compositional"])
def test_diverging_training_is_an_error(train: Train, schedule: str) -> None:
    with pytest.raises(ValueError, match=r"diverged.*epoch.*learning rate below lr = 1e\+30"):
        train(out="run", lr=1e30, optimizer="sgd", schedule=schedule, pretrain_epochs=0)
    assert not Path("run").exists(), "a run that failed in its first epoch leaves nothing"


def test_folds_that_fail_before_training_leave_nothing(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xgraph.training.fit.launch.members.chosen_folds", lambda config, given: [0, 1])
    with pytest.raises(ValueError, match="has no folds"):
        train(out="run", fold="all")
    assert not Path("run").exists()


def test_a_directory_in_use_by_another_run_is_refused(train: Train) -> None:
    from xgraph.training.files.lock import locked

    Path("run").mkdir()
    with locked(Path("run")), pytest.raises(FileExistsError, match="out: another run is writing to run"):
        train(out="run")
    assert list(Path("run").iterdir()) == []
    train(out="run", epochs=1, pretrain_epochs=0)
    with locked(Path("run")), pytest.raises(FileExistsError, match="another run"):
        xgraph.train(out="run", resume=True, epochs=2)
    assert xgraph.train(out="run", resume=True, epochs=2).metrics["epochs"] == 2


def test_a_batch_larger_than_the_data_set(train: Train) -> None:
    many = train(out="many", epochs=1, pretrain_epochs=0, batch_size=10**9)
    all_ = train(out="all", epochs=1, pretrain_epochs=0, batch_size=48)
    assert many.metrics == all_.metrics


def test_cuda_without_a_gpu_is_refused(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="no usable GPU"):
        train(out="run", device="cuda")


def test_init_takes_the_encoder_and_the_head_only_for_the_same_tasks(train: Train, tmp_path: Path, csv: Path) -> None:
    from xgraph.training.fit.engine import prepare
    from xgraph.training.fit.loading import load_data

    first = train(out="first", epochs=2)
    encoder = {name: w for name, w in first.model.state_dict().items() if not name.startswith("head.")}
    head = {name: w for name, w in first.model.state_dict().items() if name.startswith("head.")}
    other = tmp_path / "other.csv"
    other.write_text(csv.read_text().replace("amine", "another"))
    for path, same in ((csv, True), (other, False)):
        config = first.config.replace(dataset=str(path), init="first")
        weights = prepare(config, load_data(config, False)).model.state_dict()
        assert all(torch.equal(weights[name], w) for name, w in encoder.items())
        assert all(torch.equal(weights[name], w) for name, w in head.items()) == same
    with pytest.raises(ValueError, match="differs from this run's"):
        train(out="second", init="first", hidden_channels=16)
    with pytest.raises(FileNotFoundError, match="expected a run directory or a checkpoint"):
        train(out="second", init="nowhere")
    assert not Path("second").exists()


def test_all_folds(train: Train) -> None:
    with interrupted(1, KeyboardInterrupt(), run=2), pytest.raises(Interrupted) as stopped:
        train(out="run", folds=3, fold="0-1")
    assert stopped.value.path == Path("run")
    first = Path("run/fold_0/metrics.json").stat().st_mtime_ns
    run = xgraph.train(out="run", resume=True)
    assert Path("run/fold_0/metrics.json").stat().st_mtime_ns == first
    values = [fold.metrics["test"]["ap"] for fold in run.folds]
    assert len(values) == 2
    assert run.metrics["test"]["mean"]["ap"] == run.metrics["test"]["ap"] == pytest.approx(np.mean(values))
    assert run.metrics["test"]["std"]["ap"] == pytest.approx(np.std(values, ddof=1))
    assert [fold["test"]["ap"] for fold in run.metrics["folds"]] == values
    single = [xgraph.predict(fold.path, ["CCN", "CCO"])["amine"] for fold in run.folds]
    assert list(xgraph.predict(run.path, ["CCN", "CCO"])["amine"]) == pytest.approx(list((single[0] + single[1]) / 2))


def test_folds_of_a_data_set_without_folds_are_refused(train: Train) -> None:
    with pytest.raises(ValueError, match="has no folds"):
        train(out="run", fold="all")
    assert not Path("run").exists()


def killed_at_start(folder: Path) -> None:
    """Leave a directory as a process does that is killed while it writes `config.toml`."""
    folder.mkdir(parents=True)
    (folder / ".config.toml.0123456789ab.part").write_text("[data]\ndata")


def test_a_run_that_was_killed_while_its_settings_were_written_starts_anew(train: Train) -> None:
    killed_at_start(Path("run"))
    with pytest.raises(FileNotFoundError, match="run is not a run directory"):
        xgraph.train(out="run", resume=True)
    train(out="run", epochs=1, pretrain_epochs=0)
    assert not [file.name for file in Path("run").iterdir() if file.name.startswith(".")]


def test_a_fold_that_was_killed_while_its_settings_were_written_starts_anew(train: Train) -> None:
    with interrupted(1, KeyboardInterrupt(), run=2), pytest.raises(Interrupted):
        train(out="run", folds=3, fold="0-1")
    shutil.rmtree("run/fold_1")
    killed_at_start(Path("run/fold_1"))
    run = xgraph.train(out="run", resume=True)
    assert [fold.metrics["epochs"] for fold in run.folds] == [3, 3]
