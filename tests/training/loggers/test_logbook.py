"""What loggers hold of a run that was stopped within an epoch and resumed, without a network."""

import json
import math
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from csv import DictReader as csv_rows
from pathlib import Path
from typing import Any

import pytest

import xgraph
from xgraph.cli import main
from xgraph.options import OptionError, RunError
from xgraph.training.fit.task import Task
from xgraph.training.fit.train import Interrupted
from xgraph.training.loggers import logbook

Train = Callable[..., xgraph.Run]
SMALL: dict[str, Any] = {"split": "random", "loss": "soap", "batch_size": 16, "hidden_channels": 8, "num_layers": 2}
VARIABLES = ("WANDB_MODE", "WANDB_DIR", "WANDB_PROJECT", "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME")


@pytest.fixture(autouse=True, scope="module")
def _no_network() -> Iterator[None]:
    connect = socket.socket.connect

    def refuse(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and not str(address[0]).startswith("127."):
            raise AssertionError(f"connects to {address}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        for name in VARIABLES:
            patch.delenv(name, raising=False)
        yield


def stopped_and_resumed(csv_file: Path, out: Path, loggers: list[str]) -> xgraph.Run:
    """Train three epochs: stop in the second one, resume two, then one more."""
    step, calls = Task.training_step, 0

    def counted(self: Task, batch: Any, batch_idx: int) -> Any:
        nonlocal calls
        calls += 1
        if calls == 6:  # the second of four steps
            signal.raise_signal(signal.SIGTERM)
        return step(self, batch, batch_idx)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Task, "training_step", counted)
        with pytest.raises(Interrupted):
            xgraph.train(csv_file, **SMALL, epochs=2, pretrain_epochs=1, out=out, logger=loggers)
    xgraph.train(out=out, resume=True)
    return xgraph.train(out=out, resume=True, epochs=3)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[xgraph.Run]:
    folder = tmp_path_factory.mktemp("with a space")
    rows = [f"{'C' * n}{end},{int(end == 'N')}" for n in range(1, 21) for end in "OCN"]
    (folder / "chains.csv").write_text("smiles,amine\n" + "\n".join(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XGRAPH_ROOT", str(folder / "root"))
        patch.chdir(folder)
        finished = stopped_and_resumed(folder / "chains.csv", folder / "run", ["csv", "tensorboard", "mlflow", "wandb"])
        (finished.path / "report.html").write_text("<p>report")
        logbook.attach(finished.path, finished.path / "report.html")
        yield finished


def history(path: Path) -> dict[str, dict[int, float]]:
    """The finite numbers of `metrics.csv` by column and epoch."""
    columns: dict[str, dict[int, float]] = {}
    with (path / "metrics.csv").open() as file:
        for row in csv_rows(file):
            row["stage"] = {"pretrain": "0", "main": "1"}[row["stage"]]
            for name, value in row.items():
                if name != "epoch" and value:
                    columns.setdefault(name, {})[int(row["epoch"])] = float(value)
    return columns


@pytest.mark.slow
def test_csv_has_each_epoch_once(run: xgraph.Run) -> None:
    with (run.path / "logs" / "csv" / "metrics.csv").open() as file:
        *epochs, last = csv_rows(file)
    assert [row["step"] for row in (*epochs, last)] == ["1", "2", "3", "3"]
    for name, values in history(run.path).items():
        assert {int(row["step"]): float(row[name]) for row in epochs if row[name]} == values
    assert float(last["test_ap"]) == run.metrics["test"]["ap"]
    hyperparameters = (run.path / "logs" / "csv" / "hparams.yaml").read_text()
    assert "loss: soap\n" in hyperparameters
    assert "model_hidden_channels: 8\n" in hyperparameters


@pytest.mark.slow
def test_tensorboard_has_each_epoch_once(run: xgraph.Run) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run.path / "logs" / "tensorboard"), size_guidance={"scalars": 0}).Reload()
    for name, values in history(run.path).items():
        logged = [(event.step, event.value) for event in events.Scalars(name)]
        assert logged == [(step, pytest.approx(value, rel=1e-6)) for step, value in values.items()]
    assert [(one.step, one.value) for one in events.Scalars("test_ap")][-1] == (
        3,
        pytest.approx(run.metrics["test"]["ap"], rel=1e-6),
    )
    assert [one.step for one in events.Scalars("test_ap")] == [2, 3]  # it was finished twice
    assert events.PluginTagToContent("hparams")


@pytest.mark.slow
def test_mlflow_has_one_run_in_the_run_directory(run: xgraph.Run) -> None:
    from mlflow.tracking import MlflowClient

    assert "MLFLOW_TRACKING_URI" not in os.environ
    client = MlflowClient((run.path / "logs" / "mlflow").as_uri())
    (logged,) = client.search_runs([client.get_experiment_by_name("xgraph").experiment_id])
    assert (logged.info.status, logged.info.run_name) == ("FINISHED", "run")
    for name, values in history(run.path).items():
        points = client.get_metric_history(logged.info.run_id, name.replace("@", "_at_"))
        assert [(one.step, one.value) for one in points] == list(values.items())
    assert logged.data.metrics["test_ap"] == run.metrics["test"]["ap"]
    assert (logged.data.params["loss"], logged.data.params["epochs"]) == ("soap", "2")
    assert logged.data.tags["resumed.epochs"] == "3"  # MLflow does not let parameters change
    assert "resumed.dataset" not in logged.data.tags
    assert [one.path for one in client.list_artifacts(logged.info.run_id)] == ["report.html"]


def records(file: Path) -> Iterator[Any]:
    """The records of an offline run of wandb: a log as LevelDB writes it, in blocks of 32 KiB, of protobuf messages."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, at, whole = file.read_bytes(), 7, b""
    while at + 7 <= len(content):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        length, kind = struct.unpack("<HB", content[at + 4 : at + 7])
        whole += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last of several pieces
            yield Record.FromString(whole)
            whole = b""


@pytest.mark.slow
def test_wandb_has_one_complete_offline_run(run: xgraph.Run) -> None:
    (folder,) = (run.path / "logs" / "wandb").glob("offline-run-*")
    (file,) = folder.glob("*.wandb")
    rows: list[dict[str, float]] = []
    summary: dict[str, Any] = {}
    for record in records(file):
        if record.HasField("history"):
            items = {one.key or ".".join(one.nested_key): json.loads(one.value_json) for one in record.history.item}
            rows.append(items)
        for one in record.summary.update:
            summary[one.key or ".".join(one.nested_key)] = json.loads(one.value_json)
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    for name, values in history(run.path).items():
        assert {int(row["epoch"]): row[name] for row in rows if name in row} == values
    assert summary["test_ap"] == run.metrics["test"]["ap"]
    report = folder / "files" / "report.html"
    assert report.read_text() == "<p>report"
    assert not report.is_symlink()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="file addresses differ")
def test_mlflow_goes_where_the_environment_says(csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.tracking import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "tracked").as_uri())
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "chains")
    words = ["--split", "random", "--epochs", "1", "--hidden-channels", "8", "--num-layers", "2", "--no-baseline"]
    assert main(["train", str(csv), *words, "--logger", "csv", "--logger", "mlflow", "--report", "--out", "run"]) == 0
    assert os.environ["MLFLOW_TRACKING_URI"] == (tmp_path / "tracked").as_uri()
    assert not (tmp_path / "run" / "logs" / "mlflow").exists()
    client = MlflowClient((tmp_path / "tracked").as_uri())
    (logged,) = client.search_runs([client.get_experiment_by_name("chains").experiment_id])
    assert [one.path for one in client.list_artifacts(logged.info.run_id)] == ["report.html"]
    assert logged.info.status == "FINISHED"
    assert len(client.get_metric_history(logged.info.run_id, "test_ap")) == 1


def test_folds_of_a_forest_and_their_summary(csv: Path) -> None:
    settings: dict[str, Any] = {"model": "forest", "trees": 2, "features": ["maccs"]}
    run = xgraph.train(csv, **settings, folds=3, split="random", out="run", logger="csv")
    for member in ("", "fold_0", "fold_2"):
        file = Path("run") / "logs" / "csv" / member / "metrics.csv"
        last = dict(
            zip(*(line.split(",") for line in (file.read_text().splitlines()[k] for k in (0, -1))), strict=True)
        )
        own = run.metrics if not member else xgraph.Run.open(Path("run") / member).metrics
        assert float(last["test_ap"]) == own["test"]["ap"]
    assert not (Path("run") / "fold_0" / "logs").exists()


class Own:
    """A logger of the caller's own, with what Lightning's have."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, dict[str, float]]] = []
        self.status = ""

    def log_hyperparams(self, params: dict[str, Any]) -> None:
        self.params = params

    def log_metrics(self, metrics: dict[str, float], step: int) -> None:
        if self.rows and step == 2:
            raise OSError("no space")
        self.rows.append((step, metrics))

    def save(self) -> None: ...

    def finalize(self, status: str) -> None:
        self.status = status


def test_a_logger_of_the_callers_own_that_fails_is_left_out(train: Train) -> None:
    own = Own()
    with pytest.warns(UserWarning, match="logger Own has failed, and gets no more of this run: no space"):
        run = train(out="run", logger=[own])
    assert [step for step, _ in own.rows] == [1]
    assert own.params["epochs"] == 3
    assert run.metrics["epochs"] == 3
    assert run.config.logger is None
    with pytest.raises(OptionError, match="an object logs a single run"):
        train(out="folds", folds=3, logger=own)


def test_a_logger_that_cannot_be_opened_ends_the_run_before_it_begins(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("not logged in")

    monkeypatch.setattr(logbook, "_make", refuse)
    with pytest.raises(RunError, match="logger csv cannot be opened: not logged in"):
        train(out="run", logger="csv")
    assert not Path("run").exists()


def test_a_run_that_fails_leaves_no_logs(train: Train) -> None:
    with pytest.raises(ValueError, match="diverged"):
        train(out="run", logger="csv", lr=1e25, loss="bce", pretrain_epochs=0)
    assert not Path("run").exists()


def test_loggers_may_change_when_a_run_is_resumed(train: Train) -> None:
    train(out="run", epochs=2, logger="csv")
    run = xgraph.train(out="run", resume=True, epochs=3, logger=None)
    assert run.config.logger is None
    assert len(Path("run/logs/csv/metrics.csv").read_text().splitlines()) == 1 + 2 + 1
    assert all(math.isfinite(value) for value in history(Path("run"))["train_loss"].values())
