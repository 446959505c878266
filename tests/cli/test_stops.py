"""Exit codes and messages of commands that a signal, a full disk or a folder of another user stops."""

import errno
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from xgraph.cli import main
from xgraph.training.fit.task import Task

Capture = pytest.CaptureFixture[str]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends signals")


@pytest.fixture
def usual() -> Iterator[dict[int, Any]]:
    """The handlers that a process has unless it was started to ignore signals, as by nohup."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP)
    handlers = {n: signal.default_int_handler if n == signal.SIGINT else signal.SIG_DFL for n in numbers}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield handlers
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130), ("SIGUSR1", 138), ("SIGHUP", 129)])
def test_the_exit_code_is_that_of_the_signal(
    csv: Path,
    small: list[str],
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    usual: dict[int, Any],
    name: str,
    code: int,
) -> None:
    number = getattr(signal, name)
    with monkeypatch.context() as patch:
        step = Task.training_step

        def signalled(self: Task, batch: object, batch_idx: int) -> object:
            signal.raise_signal(number)
            return step(self, batch, batch_idx)

        patch.setattr(Task, "training_step", signalled)
        assert main(["train", str(csv), *small, "--no-baseline", "--out", "run"]) == code
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "interrupted: `xgraph train --resume --out run` resumes after the last saved step"
    assert signal.getsignal(number) is usual[number]
    assert main(["train", "--resume", "--out", "run"]) == 0


def test_a_signal_while_the_data_are_read(
    csv: Path, small: list[str], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*arguments: object, **options: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("xgraph.training.fit.launch.one.load_data", read)
    assert main(["train", str(csv), *small, "--out", "run"]) == 143
    assert "interrupted before the first step" in capsys.readouterr().err
    assert not Path("run").exists()


def test_a_signal_to_another_command(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def show(*arguments: object) -> None:
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("xgraph.cli.runs.run_directories", show)
    Path("runs").mkdir()
    assert main(["runs"]) == 143


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_to_a_full_device(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "xgraph", "runs", "--json", str(tmp_path)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=300,
            check=False,
        )
    assert done.returncode == 1
    text = "error: cannot write the output: No space left on device; free some space, or write to another place\n"
    assert done.stderr == text


def test_a_root_of_another_user(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "root/planetoid/cora.npz"))

    Path("runs").mkdir()
    monkeypatch.setenv("XGRAPH_ROOT", str(tmp_path / "root"))
    monkeypatch.setattr("xgraph.cli.runs.run_directories", refuse)
    assert main(["runs"]) == 1
    assert capsys.readouterr().err.endswith(
        "cora.npz: Permission denied; set XGRAPH_ROOT to a folder that you can read and write\n"
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metrics.json", "[" * 100_000),
        ("metrics.json", "[3]"),
        ("config.toml", "a = " + "[" * 100_000),
        ("config.toml", "seed = " + "9" * 5000),
        ("config.toml", "data = 3"),
    ],
    ids=range(5),
)
def test_runs_with_odd_files_are_listed_as_unreadable(name: str, content: str, capsys: Capture) -> None:
    run = Path("runs/one")
    run.mkdir(parents=True)
    (run / "config.toml").write_text("")
    (run / name).write_text(content)
    assert main(["runs"]) == 0
    assert "unreadable" in capsys.readouterr().out
