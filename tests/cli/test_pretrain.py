import json
import tomllib
from pathlib import Path

import pytest

from xgraph.cli import main

Capture = pytest.CaptureFixture[str]
SMALL = ["--epochs", "1", "--batch-size", "16", "--hidden-channels", "8", "--num-layers", "1", "--threads", "1"]


def test_full_help_groups_the_options_by_objective(capsys: Capture) -> None:
    assert main(["pretrain", "--help-all"]) == 0
    out = capsys.readouterr().out
    groups = {block.splitlines()[0]: block for block in out.split("\n\n")}
    assert "--temperature" in groups["Objective contrastive, two-tower:"]
    assert "--text-column" in groups["Objective two-tower:"]
    assert "--drop-subgraph" in groups["Objective contrastive:"]
    assert "--balance" in groups["Objective multitask:"]
    assert "--virtual-node" in groups["Options of models:"]
    assert "--trees" not in out
    assert "--mean-with-self" not in out
    for option in ("--exclude", "--valid-share", "--epochs"):
        assert option in groups["Pretraining:"]
    assert "--seed" in groups["Run:"]


def test_pretrains_and_a_run_starts_from_it(csv: Path, small: list[str], capsys: Capture) -> None:
    argv = ["pretrain", csv.name, *SMALL, "--objective", "contrastive", "--tau", "0.5", "--drop-atoms", "0.1"]
    assert main([*argv, "--exclude", csv.name, "--out", "none"]) == 1
    assert "error: join: none of the 60 molecules remain (60 were excluded)" in capsys.readouterr().err
    assert main([*argv, "--out", "run"]) == 0
    captured = capsys.readouterr()
    first, epoch = captured.err.splitlines()
    assert first == "chains: 60 molecules, 0 excluded, 0 duplicates; 57 train, 3 valid; run directory run"
    assert dict(pair.split("=") for pair in epoch.split()).keys() == {"epoch", "stage", "loss", "valid_loss", "seconds"}
    lines = captured.out.splitlines()
    assert [line.split()[0] for line in lines] == [
        *("metric", "loss", "alignment", "uniformity", "top1"),
        *("run:", "next:"),
    ]
    assert tomllib.loads(Path("run/config.toml").read_text())["temperature"] == 0.5
    assert main(["pretrain", "--config", "run/config.toml", "--out", "again"]) == 0
    assert json.loads(Path("again/metrics.json").read_text()) == json.loads(Path("run/metrics.json").read_text())
    assert main(["train", str(csv), *small, "--init", "run", "--out", "later"]) == 0
    assert main(["pretrain", "--resume", "--out", "run", "--epochs", "2"]) == 0
    assert json.loads(Path("run/metrics.json").read_text())["epochs"] == 2


@pytest.mark.parametrize(
    ("argv", "code", "text"),
    [
        ([], 2, "datasets = []: expected one or more data sets or CSV files"),
        (["hiv,toxcast"], 1, "unknown data set 'toxcast'"),
        (["hiv,cora"], 1, "'cora' contains the nodes of a graph"),
        (["hiv", "--model", "svm"], 2, "model 'svm' has no molecular encoder"),
        (["hiv", "--tau", "0.5"], 2, "tau: this setting is for objective 'contrastive' or 'two-tower'"),
        (["hiv", "--resume"], 2, "resume: give the directory of the run"),
        (["none.csv"], 1, "file 'none.csv' does not exist"),
    ],
)
def test_mistakes(argv: list[str], code: int, text: str, capsys: Capture) -> None:
    assert main(["pretrain", *argv]) == code
    error = capsys.readouterr().err
    assert text in error
    assert "Traceback" not in error
    assert not Path("runs").exists()


def test_an_interruption_names_the_command_that_resumes(
    csv: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xgraph.training.fit.task import Task

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Task, "training_step", stop)
    assert main(["pretrain", csv.name, *SMALL, "--out", "run"]) == 130
    assert "`xgraph pretrain --resume --out run` resumes" in capsys.readouterr().err
