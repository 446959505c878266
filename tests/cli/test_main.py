import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import xgraph.training
from xgraph import __version__
from xgraph.cli import main


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for command in ("train", "predict", "evaluate", "reproduce", "data"):
        assert command in out


def python(code: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)


def test_the_command_sets_how_threads_wait_and_the_import_does_not() -> None:
    code = (
        "import os, sys; from xgraph.cli.startup import WAIT_POLICY as policy\n"
        "[os.environ.pop(name, None) for name in policy]; before = dict(os.environ)\n"
        "import xgraph; from xgraph.cli import main; same = dict(os.environ) == before\n"
        "main(['--version']); sys.exit(0 if same and policy.items() <= os.environ.items() else str(os.environ))"
    )
    done = python(code)
    assert done.returncode == 0, done.stderr


def test_import_xgraph_is_lazy() -> None:
    assert python("import sys, xgraph; sys.exit('torch' in sys.modules)").returncode == 0


def test_looking_at_runs_does_without_torch() -> None:
    run = str(Path(__file__).parents[1] / "fixtures" / "old_runs" / "gine")
    code = f"import sys; from xgraph.cli import main; done = main(['show', {run!r}]) or main(['runs', {run!r}])"
    done = python(f"{code}; sys.exit(done or 'torch' in sys.modules)")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("argv", [["trian"], ["train", "--epochz", "3"], ["predict"], ["train", "a", "b"], ["--nope"]])
def test_wrong_usage_exits_with_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    err = capsys.readouterr().err
    assert "Usage" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (ValueError("gamma: expected 0"), 1, "error: gamma: expected 0\n"),
        (OSError(28, "cannot write: No space left", "run/a"), 1, "error: run/a: cannot write: No space left\n"),
        (FileNotFoundError("no file x"), 1, "error: no file x\n"),
        (KeyError("x"), 1, "error: unexpected KeyError: 'x' (--debug shows the traceback)\n"),
        (ValueError(), 1, "error: ValueError\n"),
        (MemoryError(), 1, "error: not enough memory; try a smaller batch or model\n"),
        (
            RuntimeError("CUDA out of memory. Tried\nmore"),
            1,
            "error: not enough memory (CUDA out of memory. Tried); try a smaller batch or model\n",
        ),
    ],
)
def test_errors_are_one_line_on_stderr(
    error: Exception, code: int, text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(sys.modules[xgraph.training.evaluate.__module__], "evaluate_in_detail", fail)
    assert main(["evaluate", "run"]) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", text)
    for argv in (["--debug", "evaluate", "run"], ["evaluate", "run", "--debug"]):
        with pytest.raises(type(error)):
            main(argv)


def test_warnings_are_one_line_and_the_hook_is_restored(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def warn(*_: object, **__: object) -> tuple[dict[str, float], dict[str, object], dict[str, object], str]:
        warnings.warn("look out", stacklevel=1)
        return {"ap": 0.5}, {}, {}, "graph"

    monkeypatch.setattr(sys.modules[xgraph.training.evaluate.__module__], "evaluate_in_detail", warn)
    before = warnings.showwarning
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        hook = warnings.showwarning
        assert main(["evaluate", "run"]) == 0
        assert warnings.showwarning is hook
    assert warnings.showwarning is before
    assert capsys.readouterr().err == "warning: look out\n"


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_closed_streams_are_no_error(closed: str) -> None:
    # As the interpreter does where the caller closed them.
    code = f"import sys; sys.{closed} = None; from xgraph.cli import main; sys.exit(main(sys.argv[1:]))"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for argv, expected in ((["data", "list"], 0), (["data", "show", "tox22"], 1)):
        done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True, env=env, check=False)
        assert done.returncode == expected
        assert "Traceback" not in done.stderr
        assert "unexpected" not in done.stderr


def test_an_interruption_before_a_command_runs_exits_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("xgraph.cli.app.app", interrupt)
    assert main(["data", "list"]) == 130


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGBUS")
def test_a_mapped_file_that_is_cut_ends_the_process_with_a_message(tmp_path: Path) -> None:
    code = (
        "import mmap, os, sys\n"
        "from xgraph.cli import main\n"
        "main(['--version'])\n"
        "file = open(sys.argv[1], 'w+b')\n"
        "file.truncate(1 << 20)\n"
        "mapped = mmap.mmap(file.fileno(), 0)\n"
        "file.truncate(0)\n"
        "mapped[1 << 19]\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "cache")], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == -signal.SIGBUS
    assert "Fatal Python error: Bus error" in done.stderr
