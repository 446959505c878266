"""The command in its own process, as a user starts it: streams, exit codes, Ctrl-C."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from xgraph.cli import main

SMALL = ["--split", "random", "--hidden-channels", "8", "--num-layers", "1", "--threads", "1"]


def environment(cwd: Path) -> dict[str, str]:
    own = {"XGRAPH_ROOT": str(cwd / "root"), "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    return {**os.environ, **own}


def xgraph(*argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "xgraph", *argv]
    env = environment(cwd)
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=600, check=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("user")
    rows = [f"{'C' * n + end},{int(end == 'N')}\n" for n in range(1, 21) for end in "OCN"]
    (path / "chains.csv").write_text("smiles,amine\n" + "".join(rows))
    return path


def test_train_and_predict(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    done = xgraph("train", "chains.csv", *SMALL, "--epochs", "3", "--pretrain-epochs", "1", cwd=place)
    assert done.returncode == 0, done.stderr
    begins = [line.split()[0] for line in done.stderr.splitlines()[2:]]
    assert begins == ["epoch=1/3", "epoch=2/3", "epoch=3/3", "model=forest"]
    assert done.stdout.splitlines()[-1] == "run: runs/chains-bce-gine-s0"
    assert {entry.name for entry in place.iterdir()} <= {"chains.csv", "runs", "root"}
    (place / "new.csv").write_text("smiles\nCCO\n\nbad\nCCN\n")
    monkeypatch.chdir(place)
    monkeypatch.setenv("XGRAPH_ROOT", str(place / "root"))
    assert main(["predict", "runs/chains-bce-gine-s0", "new.csv", "-o", "preds.csv"]) == 0
    assert capsys.readouterr().err.endswith("2 of 4 rows have no score: see the column `error`\n")
    assert len((place / "preds.csv").read_text().splitlines()) == 5


def test_a_run_resumes_after_ctrl_c(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = [
        "train",
        "chains.csv",
        *SMALL,
        "--epochs",
        "2000",
        "--pretrain-epochs",
        "0",
        "--no-baseline",
        "--out",
        "runs/long",
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "xgraph", *argv],
        cwd=place,
        env=environment(place),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("epoch=3/"):
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read().splitlines()
    assert process.returncode == 130
    assert rest[-1].startswith("interrupted: `xgraph train --resume --out runs/long`")
    assert all(line.startswith("epoch=") for line in rest[:-1])
    done = 3 + len(rest) - 1
    monkeypatch.chdir(place)
    monkeypatch.setenv("XGRAPH_ROOT", str(place / "root"))
    assert main(["train", "--resume", "--out", "runs/long", "--epochs", str(done + 1)]) == 0
    lines = capsys.readouterr().err.splitlines()[2:]
    assert [line.split()[0] for line in lines] == [f"epoch={done + 1}/{done + 1}"]


def test_errors_print_one_line_and_set_the_exit_code(place: Path) -> None:
    done = xgraph("data", "show", "nowhere", cwd=place)  # the commands that import torch take seconds to start
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
