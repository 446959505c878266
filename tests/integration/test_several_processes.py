"""`xgraph train` with two processes, from the command: the results of one process, errors, and processes that die."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from xgraph import train
from xgraph.options import OptionError
from xgraph.training.files.checkpoint import read_checkpoint
from xgraph.training.fit.resumable import WITHIN

SMALL = "--epochs 2 --pretrain-epochs 1 --dropout 0 --hidden-channels 8 --num-layers 2 --device cpu --no-baseline"
SMALL += " --optimizer sgd"  # Adam enlarges differences of rounding
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
XGRAPH = [sys.executable, "-m", "xgraph"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "-m", "xgraph"]


def table(folder: Path) -> Path:
    file = folder / "amines.csv"
    rows = [
        f"{'C' * n}{middle}{'C' * (n % 3)}{end},{int(end == 'N')}"
        for n in range(1, 12)
        for middle in "CO"
        for end in "OCNFS"
    ]
    file.write_text("smiles,amine\n" + "\n".join(rows) + "\n")
    return file


def run(command, *words, cwd, check=True):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, *map(str, words)], cwd=cwd, env=environment, capture_output=True, text=True, timeout=500, check=False
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def history(folder):
    with (folder / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        del row["seconds"]
    return [{name: float(value) if name != "stage" else 0.0 for name, value in row.items()} for row in rows]


def same(one, two):
    assert len(one) == len(two) > 0
    for own, other in zip(one, two, strict=True):
        assert own == pytest.approx(other, abs=1e-6, nan_ok=True)


@pytest.mark.slow
def test_two_processes_end_with_the_results_of_one(tmp_path):
    file = table(tmp_path)
    words = ("train", file, "--split", "random", "--batch-size", "13", *SMALL.split())  # the last batch is smaller
    run(XGRAPH, *words, "--out", "one", cwd=tmp_path)
    done = run(XGRAPH, *words, "--out", "two", "--devices", "2", cwd=tmp_path)
    assert done.stderr.count("epoch=2/2") == 1  # only the first process speaks
    assert "W1" not in done.stderr
    same(history(tmp_path / "one"), history(tmp_path / "two"))
    done = run(TORCHRUN, *words, "--out", "three", cwd=tmp_path)
    assert done.stdout.count("roc_auc") == 2  # the table, and the line on random ranking
    same(history(tmp_path / "one"), history(tmp_path / "three"))
    # The run goes on with another number of processes.
    run(XGRAPH, "train", file, "--resume", "--out", "two", "--epochs", "3", "--devices", "1", cwd=tmp_path)
    run(XGRAPH, "train", file, "--resume", "--out", "one", "--epochs", "3", "--devices", "2", cwd=tmp_path)
    same(history(tmp_path / "one"), history(tmp_path / "two"))
    assert len(history(tmp_path / "one")) == 3


@pytest.mark.slow
def test_several_seeds_end_with_the_results_of_one_process(tmp_path):
    file = table(tmp_path)
    words = ("train", file, "--split", "random", "--batch-size", "13", *SMALL.split(), "--seeds", "2")
    run(XGRAPH, *words, "--out", "one", cwd=tmp_path)
    done = run(XGRAPH, *words, "--out", "two", "--devices", "2", cwd=tmp_path)
    assert [done.stderr.count(f"seed={seed}\n") for seed in (0, 1)] == [1, 1]
    for name in ("seed_0", "seed_1"):
        same(history(tmp_path / "one" / name), history(tmp_path / "two" / name))
    assert (tmp_path / "two/predictions.csv").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        "digits-bags --instances 3 --batch-size 16 --epochs 1 --model smoothed-max --optimizer sgd",
        "nci-pains --loss soap --schedule compositional --optimizer sgd --epochs 1 --batch-size 256 --dropout 0 "
        "--hidden-channels 8 --num-layers 2",
        f"{EXAMPLES / 'graph'} --target-columns club --model sage --num-neighbors -1 --epochs 2 --batch-size 16 "
        "--dropout 0 --optimizer sgd --norm layer",
    ],
)
def test_kinds_and_schedules(words, tmp_path):
    """Nodes with all neighbours and steps within a step give the same; a bag's sample depends on the share.

    Neighbours that two shares have in common would count twice in a batch normalisation of nodes.
    """
    words = ("train", *words.split(), "--device", "cpu", "--no-baseline")
    run(XGRAPH, *words, "--out", "one", cwd=tmp_path)
    run(XGRAPH, *words, "--out", "two", "--devices", "2", cwd=tmp_path)
    one, two = history(tmp_path / "one"), history(tmp_path / "two")
    if "digits-bags" not in words:
        same(one, two)
    assert len(one) == len(two) > 0


@pytest.mark.slow
def test_folds(tmp_path):
    words = ["train", table(tmp_path), "--folds", "3", "--split", "random", *SMALL.split(), "--epochs", "2"]
    run(XGRAPH, *words, "--out", "one", cwd=tmp_path)
    run(XGRAPH, *words, "--out", "two", "--devices", "2", cwd=tmp_path)
    for fold in ("fold_0", "fold_1", "fold_2"):
        one, two = history(tmp_path / "one" / fold), history(tmp_path / "two" / fold)
        losses = [[row["train_loss"] for row in rows] for rows in (one, two)]  # rounding changes ranks of equal scores
        assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    assert (tmp_path / "two" / "metrics.json").is_file()


@pytest.mark.slow
def test_a_process_that_is_killed_stops_the_run_and_it_resumes(tmp_path):
    file, out = table(tmp_path), tmp_path / "run"
    words = ["train", file, "--split", "random", *SMALL.split(), "--epochs", "300", "--devices", "2", "--out", out]
    process = subprocess.Popen([*XGRAPH, *map(str, words)], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 300
    while not (out / "last.ckpt").exists() and time.monotonic() < until:
        time.sleep(0.2)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[-1]), signal.SIGKILL)
    killed = time.monotonic()
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 1
    assert time.monotonic() - killed < 60
    assert "was ended by SIGKILL" in said
    assert "--resume continues after the last checkpoint" in said
    rows = len(history(out))
    run(XGRAPH, "train", file, "--resume", "--out", out, "--epochs", rows + 1, cwd=tmp_path)
    assert len(history(out)) == rows + 1


@pytest.mark.slow
def test_two_processes_that_are_stopped_within_an_epoch_end_with_the_same_bytes(tmp_path):
    words = ["train", table(tmp_path), "--split", "random", *SMALL.split(), "--loss", "soap", "--dropout", "0.2"]
    words += [
        "--optimizer",
        "adam",
        "--batch-size",
        "4",
        "--devices",
        "2",
        "--checkpoint-every",
        "1",
        "--logger",
        "csv",
    ]
    run(XGRAPH, *words, "--out", "whole", cwd=tmp_path)
    last = tmp_path / "parts" / "last.ckpt"
    process = subprocess.Popen([*XGRAPH, *map(str, words), "--out", "parts"], cwd=tmp_path, stderr=subprocess.PIPE)
    until = time.monotonic() + 300
    while not last.exists() and time.monotonic() < until:
        time.sleep(0.005)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=300)
    assert process.returncode == 128 + signal.SIGTERM
    state = read_checkpoint(last)
    assert 0 < state[WITHIN]["steps"] < 22
    run(XGRAPH, "train", "--resume", "--out", "parts", cwd=tmp_path)
    for name in ("predictions.csv", "metrics.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()
    assert history(tmp_path / "whole") == history(tmp_path / "parts")
    ends = [read_checkpoint(tmp_path / name / "last.ckpt")["state_dict"] for name in ("whole", "parts")]
    assert ends[0].keys() == ends[1].keys()
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    with (tmp_path / "parts" / "logs" / "csv" / "metrics.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["1", "2", "2"]  # by the first process alone


def test_settings_that_several_processes_cannot_have(tmp_path, monkeypatch):
    file = table(tmp_path)
    for settings, text in (
        ({"devices": 0}, "devices"),
        ({"nodes": 2}, "nodes = 2: one machine cannot start processes on others; .* torchrun or srun"),
        ({"devices": 2, "model": "forest"}, "devices = 2: model 'forest' is fitted in a single step by one process"),
    ):
        with pytest.raises(OptionError, match=text):
            train(file, device="cpu", out=tmp_path / "run", split="random", **settings)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(
        OptionError, match=r"devices = 2: this machine has 1 GPU\(s\); use --devices 1, or --device cpu"
    ):
        train(file, device="cuda", devices=2)
    for name, value in {"RANK": 0, "WORLD_SIZE": 4}.items():
        monkeypatch.setenv(name, str(value))
    with pytest.raises(OptionError, match="devices = 2, nodes = 1: torchrun has started 4 processes; leave both"):
        train(file, device="cpu", devices=2)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_processes_with_different_settings_are_refused(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        "import os\nfrom xgraph import train\n"
        f"train({str(table(tmp_path))!r}, device='cpu', split='random', lr=0.1 * (1 + int(os.environ['RANK'])))\n"
    )
    done = run([*TORCHRUN[:-2], str(script)], cwd=tmp_path, check=False)
    assert done.returncode
    assert "lr is 0.1 in process 0 and 0.2 in process 1: all processes of a run need the same settings" in done.stderr


def test_other_commands_are_refused_under_torchrun(tmp_path):
    environment = {**os.environ, "RANK": "0", "WORLD_SIZE": "2"}
    done = subprocess.run(
        [*XGRAPH, "models"], env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 2
    assert done.stderr == (
        "error: xgraph models runs in one process, but torchrun has started 2; only `xgraph train` uses several\n"
    )
