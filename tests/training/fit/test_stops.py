"""Runs that are stopped or killed at any step go on to the same bytes."""

import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

import xgraph
from xgraph.options import OptionError
from xgraph.signals import Stopped
from xgraph.training.files.checkpoint import HEADER, read_checkpoint, write_checkpoint
from xgraph.training.fit.resumable import WITHIN
from xgraph.training.fit.task import Task
from xgraph.training.fit.train import Interrupted

Train = Callable[..., xgraph.Run]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends signals")


class Killed(BaseException):
    """Ends a run at once, as SIGKILL would."""


@contextmanager
def before_step(number: int, do: Callable[[], None]) -> Iterator[None]:
    """Do something before a step, counted from 1 over all epochs."""
    step, calls = Task.training_step, 0

    def counted(self: Task, batch: Any, batch_idx: int) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            do()
        return step(self, batch, batch_idx)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Task, "training_step", counted)
        yield


@contextmanager
def before_validation(epoch: int, do: Callable[[], None]) -> Iterator[None]:
    score = Task.score_valid

    def scored(self: Task) -> None:
        if self.current_epoch == epoch:
            do()
        score(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Task, "score_valid", scored)
        yield


def send(signum: int) -> Callable[[], None]:
    return lambda: signal.raise_signal(signum)


def kill() -> None:
    raise Killed


def differing(one: Any, two: Any, where: str = "") -> Iterator[str]:
    """Yield the places of all values that differ in any byte; times are measured, so they may."""
    if isinstance(one, dict) and isinstance(two, dict):
        yield from (f"{where}/{key}" for key in one.keys() ^ two.keys())
        for key in one.keys() & two.keys() - {"seconds"}:
            yield from differing(one[key], two[key], f"{where}/{key}")
    elif isinstance(one, list | tuple) and type(one) is type(two) and len(one) == len(two):
        for number, (a, b) in enumerate(zip(one, two, strict=True)):
            yield from differing(a, b, f"{where}/{number}")
    elif isinstance(one, torch.Tensor) and isinstance(two, torch.Tensor):
        if (one.dtype, one.shape) != (two.dtype, two.shape) or one.numpy().tobytes() != two.numpy().tobytes():
            yield where
    elif type(one) is not type(two) or repr(one) != repr(two):
        yield where


def assert_same_bytes(whole: str, parts: str) -> None:
    """Compare all that two runs have written, apart from times and the directory."""
    for name in ("best.ckpt", "last.ckpt"):
        a, b = (read_checkpoint(Path(run) / name) for run in (whole, parts))
        assert {"global_step", "threads", "optimizer_states", "random_state", "callbacks", HEADER} <= a.keys()
        assert list(differing(a, b)) == []
    for name in ("predictions.csv", "metrics.json"):
        assert (Path(whole) / name).read_bytes() == (Path(parts) / name).read_bytes()
    rows = [[line.rsplit(",", 1)[0] for line in (Path(run) / "metrics.csv").open()] for run in (whole, parts)]
    assert rows[0] == rows[1]


@pytest.fixture
def whole(train: Train) -> str:
    train(out="whole", epochs=3, dropout=0.2, ema_decay=0.9)  # three, and twice four steps
    return "whole"


@pytest.mark.parametrize(("step", "signum"), [(2, signal.SIGTERM), (3, signal.SIGINT), (6, signal.SIGUSR1)])
def test_a_run_is_saved_after_the_step_in_which_a_signal_came(whole: str, train: Train, step: int, signum: int) -> None:
    before = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)]
    with before_step(step, send(signum)), pytest.raises(Interrupted) as stopped:
        train(out="parts", epochs=3, dropout=0.2, ema_decay=0.9)
    assert (stopped.value.signum, stopped.value.path, stopped.value.saved) == (signum, Path("parts"), True)
    assert [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)] == before
    state = read_checkpoint("parts/last.ckpt")
    assert state["epochs_done"] == (step > 3)
    assert state["global_step"] == step
    assert state[WITHIN]["steps"] == step - 3 * (step > 3)
    xgraph.train(out="parts", resume=True)
    assert_same_bytes("whole", "parts")


@pytest.mark.parametrize("epoch", [0, 2])
def test_a_run_that_is_stopped_while_it_validates_goes_on_with_the_validation(
    whole: str, train: Train, epoch: int
) -> None:
    with before_validation(epoch, send(signal.SIGTERM)), pytest.raises(Interrupted):
        train(out="parts", epochs=3, dropout=0.2, ema_decay=0.9)
    state = read_checkpoint("parts/last.ckpt")
    assert (state["epochs_done"], state[WITHIN]["steps"]) == (epoch, 4 if epoch else 3)
    xgraph.train(out="parts", resume=True)
    assert_same_bytes("whole", "parts")


def test_a_killed_run_goes_on_from_the_last_step_that_was_saved(whole: str, train: Train) -> None:
    with before_step(7, kill), pytest.raises(Killed):
        train(out="parts", epochs=3, dropout=0.2, ema_decay=0.9, checkpoint_every=2)
    assert read_checkpoint("parts/last.ckpt")[WITHIN]["steps"] == 2
    with before_step(5, kill), pytest.raises(Killed):
        xgraph.train(out="parts", resume=True, checkpoint_every="0.000001m")
    assert read_checkpoint("parts/last.ckpt")[WITHIN]["steps"] == 2
    assert read_checkpoint("parts/last.ckpt")["epochs_done"] == 2
    Path("parts/config.toml").unlink()  # the settings are in the checkpoint too
    run = xgraph.train(out="parts", resume=True)
    assert run.config.checkpoint_every == "0.000001m"
    for path in (Path("whole"), Path("parts")):
        for name in ("best.ckpt", "last.ckpt"):
            state = read_checkpoint(path / name)
            state[HEADER]["config"].pop("checkpoint_every", None)
            write_checkpoint(state, path / name)
    assert_same_bytes("whole", "parts")


def test_values_of_checkpoint_every(train: Train) -> None:
    for value in ("0", "5h", "-3", "1.5", "m", "x"):
        with pytest.raises(
            OptionError, match=r"checkpoint_every = .*: expected a number of steps, such as 500, or of m"
        ):
            train(out="run", checkpoint_every=value)


def test_a_second_ctrl_c_ends_a_step_at_once(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xgraph.signals._TWICE", -1.0)

    def twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with before_step(2, twice), pytest.raises(Interrupted) as stopped:
        train(out="run")
    assert stopped.value.signum == signal.SIGINT
    assert not Path("run/last.ckpt").exists()
    assert xgraph.train(out="run", resume=True).metrics["epochs"] == 3


def test_handlers_of_the_callers_own_and_ignored_signals_are_left_alone(train: Train) -> None:
    seen: list[int] = []
    before = [signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))]
    before.append(signal.signal(signal.SIGHUP, signal.SIG_IGN))  # as nohup does
    try:
        with before_step(2, lambda: [signal.raise_signal(one) for one in (signal.SIGTERM, signal.SIGHUP)] and None):
            train(out="run", epochs=1, pretrain_epochs=0)
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGHUP, before[1])
    assert seen == [signal.SIGTERM]


def test_a_run_in_a_thread_leaves_signals_to_the_main_thread(train: Train) -> None:
    thread = threading.Thread(target=train, kwargs={"out": "run", "epochs": 1, "pretrain_epochs": 0})
    thread.start()
    thread.join()
    assert xgraph.Run.open("run").metrics["epochs"] == 1


def test_the_number_of_threads_is_kept(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("xgraph.training.fit.machine.threads._SMALL", 0)  # as for a large network
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with before_step(5, kill), pytest.raises(Killed):
            train(out="run", threads=None)
        torch.set_num_threads(1)
        xgraph.train(out="run", resume=True)
    finally:
        torch.set_num_threads(before)
    assert read_checkpoint("run/last.ckpt")["threads"] == 3


def test_a_full_disk_says_how_to_go_on(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    from xgraph.training.files import callback

    def full(state: Any, path: Any) -> None:
        raise OSError(errno.ENOSPC, "cannot write: No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(callback, "write_checkpoint", full)
        with pytest.raises(
            OSError, match="free some space, then `xgraph train --resume --out run` goes on from the st"
        ):
            train(out="run")
    assert xgraph.train(out="run", resume=True).metrics["epochs"] == 3
    with monkeypatch.context() as patch:
        patch.setattr(callback, "write_checkpoint", full)
        with pytest.raises(OSError, match="`xgraph train --resume --out run` goes on: 'run/") as error:
            xgraph.train(out="run", resume=True, epochs=4)
    assert error.value.filename in ("run/last.ckpt", "run/best.ckpt")


def test_a_worker_process_that_inherits_the_handlers_ends_as_others_do() -> None:
    from xgraph.signals import handled

    with handled():
        child = os.fork()
        if not child:
            signal.raise_signal(signal.SIGTERM)
            os._exit(0)
        _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGTERM


def test_a_stop_can_be_sent_to_another_process() -> None:
    stop, run = (pickle.loads(pickle.dumps(one)) for one in (Stopped(15), Interrupted(Path("run"), 15, "its baseline")))
    assert (stop.signum, str(stop)) == (15, "SIGTERM")
    assert (run.path, run.signum, run.lacking, str(run)) == (Path("run"), 15, "its baseline", "run")
