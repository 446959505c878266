import io
import json
import re
import signal
import sys
import tomllib
from pathlib import Path

import pytest

from xgraph.cli import main
from xgraph.cli.catalogue import load_catalogue

Capture = pytest.CaptureFixture[str]


OPTIONS = {
    "bce": ["--pos-weight", "2"],
    "focal": ["--focusing", "1"],
    "soap": ["--max-lag", "inf"],
    "sopa": ["--max-fpr", "0.3"],
    "sopa-s": ["--temperature", "1.0"],
    "sota-s": ["--pos-temperature", "2.0", "--neg-temperature", "0.5", "--task-gamma", "0.5", "--max-lag", "20"],
    "staco": ["--max-fpr", "0.4", "--min-tpr", "0.6"],
    "auc-margin": ["--dual-lr", "0.2"],
    "auc-pairwise": ["--surrogate", "logistic", "--activation", "none"],
    "kl-dro": ["--learnable", "--rho", "0.2", "--max-lag", "inf"],
    "group-dro": ["--alpha", "0.5", "--groups", "label", "--items-per-group", "4"],
    "cvar-dro": ["--alpha", "0.5", "--dual-lr", "0.2"],
    "ce": ["--label-smoothing", "0.1"],
    "scent": ["--classes", "both", "--num-sampled", "8"],
    "ndcg": ["--k", "3", "--top", "full", "--strata", "pooled"],
    "listwise": ["--max-lag", "inf"],
    "recall": ["--k", "3", "--measure", "precision"],
}
WITHOUT_GAMMA = {"bce", "focal", "ce"}


@pytest.mark.parametrize("loss", OPTIONS)
def test_a_loss_is_described_with_its_options(loss: str, capsys: Capture) -> None:
    assert main(["losses", loss]) == 0
    out = capsys.readouterr().out
    for option in load_catalogue().losses[loss].options:
        assert f"\n  {option.flag}" in out
    flags = OPTIONS[loss][::2] if loss != "kl-dro" else ["--learnable", "--no-learnable", "--rho", "--max-lag"]
    for flag in set(flags) - {"--groups", "--items-per-group"}:
        assert flag in out
    assert ("\n  --gamma FLOAT" in out) == (loss not in WITHOUT_GAMMA)
    assert f"--loss {loss}" in out


@pytest.mark.parametrize("loss", sorted(set(OPTIONS) - {"ce", "scent"}))
def test_every_loss_by_name(loss: str, csv: Path, small: list[str], capsys: Capture) -> None:
    argv = [str(csv), *small, "--loss", loss, *OPTIONS[loss]]
    if loss not in WITHOUT_GAMMA:
        argv += ["--gamma", "0.25", "--gamma-schedule", "cosine"]
    assert main(["train", *argv, "--out", "run"]) == 0
    fields = dict(pair.split("=") for pair in capsys.readouterr().err.splitlines()[-1].split())
    assert abs(float(fields["loss"])) < 100
    table = tomllib.loads(Path("run/config.toml").read_text())
    assert table["loss"]["name"] == loss
    words = iter(OPTIONS[loss])
    for flag in words:
        name = flag[2:].replace("-", "_")
        expected = "True" if name == "learnable" else next(words)
        found = {**table["batches"], **table["loss"]}[name]
        assert str(found) == expected or float(found) == float(expected)
    assert main(["train", "--config", "run/config.toml", "--out", "again"]) == 0
    assert json.loads(Path("again/metrics.json").read_text()) == json.loads(Path("run/metrics.json").read_text())


def test_compositional_training(csv: Path, small: list[str], capsys: Capture) -> None:
    del small[small.index("--pretrain-epochs") : small.index("--pretrain-epochs") + 2]
    argv = ["train", str(csv), *small, "--epochs", "2", "--loss", "auc-margin"]
    assert main([*argv, "--schedule", "compositional", "--inner-lr", "0.05", "--out", "run"]) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("epoch=")]
    assert [line.split()[1] for line in lines] == ["stage=main", "stage=main"]
    table = tomllib.loads(Path("run/config.toml").read_text())
    expected = {"schedule": "compositional", "inner_lr": 0.05, "pretrain_epochs": 0}
    assert table["optimizer"].items() >= expected.items()
    assert main(["predict", "run", str(csv), "-o", "out.csv"]) == 0
    assert main([*argv, "--schedule", "joint"]) == 2
    assert "schedule = 'joint': expected two-stage, finetune or compositional" in capsys.readouterr().err


def test_a_metric_by_name(csv: Path, small: list[str], capsys: Capture) -> None:
    assert main(["train", str(csv), *small, "--metric", "roc_auc", "--out", "run"]) == 0
    assert "valid_roc_auc=" in capsys.readouterr().err
    assert json.loads(Path("run/metrics.json").read_text())["selected_by"] == "roc_auc"


def test_metrics_of_ranked_lists_are_for_several_label_columns(csv: Path, small: list[str], capsys: Capture) -> None:
    assert main(["train", str(csv), *small, "--metric", "ndcg@10"]) == 2
    assert "metrics of ranked lists are for several label columns, and 'chains' has one" in capsys.readouterr().err
    header, *rows = csv.read_text().splitlines()
    csv.write_text("\n".join([f"{header},carbon"] + [f"{row},{int('O' in row)}" for row in rows]))
    argv = [*small, "--loss", "ndcg", "--metric", "ndcg@10", "--sampler", "tri"]
    assert main(["train", str(csv), *argv, "--target-columns", "amine,carbon", "--out", "run"]) == 0
    assert "valid_ndcg@10=" in capsys.readouterr().err
    metrics = json.loads(Path("run/metrics.json").read_text())
    assert metrics["selected_by"] == "ndcg@10"
    assert 0 < metrics["test"]["map@10"] <= 1
    assert main(["evaluate", "run", "--all-metrics"]) == 0
    assert "recall@20" in capsys.readouterr().out


def test_quiet_and_parseable_when_not_a_terminal(csv: Path, small: list[str], capsys: Capture) -> None:
    assert main(["train", str(csv), *small, "--out", "run", "--epochs", "2", "--loss", "soap", "--gamma", "0.5"]) == 0
    captured = capsys.readouterr()
    first, task, *epochs = captured.err.splitlines()
    assert first == "chains: 48 train, 6 valid, 6 test molecules; run directory run"
    assert re.fullmatch(r"task \w+: \d+ positive of 48 in train, \d of 6 in valid, \d of 6 in test", task)
    fields = [dict(pair.split("=") for pair in line.split()) for line in epochs]
    assert [(f["epoch"], f["stage"]) for f in fields] == [("1/2", "main"), ("2/2", "main")]
    assert all(float(f["loss"]) < 0 and 0 <= float(f["valid_ap"]) <= 1 for f in fields)
    header, *rows, random, run = (line.split() for line in captured.out.splitlines())
    assert header == ["metric", "valid", "test"]
    assert [row[0] for row in rows] == ["ap", "prc_auc", "roc_auc", "ef_1"]
    assert all(0 <= float(value) <= 1 for row in rows[:3] for value in row[1:])
    assert random[:3] == ["random", "ranking:", "ap"]
    assert run == ["run:", "run"]
    assert {entry.name for entry in Path().iterdir()} <= {"chains.csv", "run", "root"}
    assert "gamma = 0.5" in Path("run/config.toml").read_text()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (
            ["--loss", "bce", "--gamma", "0.5"],
            "model 'gine' have no such option; it is an option of loss 'soap'",
        ),
        (["--loss", "soaap"], "unknown loss 'soaap' (did you mean 'soap'?)"),
        (
            ["--loss", "sopa", "--temperature", "1"],
            "no such option; it is an option of loss 'sopa-s'",
        ),
        (["--loss", "sopa", "--max-fpr", "2", "--split", "random"], "max_fpr must lie in (0, 1], got 2.0"),
        (
            ["--loss", "group-dro", "--groups", "label", "--batch-size", "4", "--split", "random"],
            "items_per_group = 8: expected at most the batch size, batch_size = 4",
        ),
        (["--sampler", "tri", "--batch-size", "1", "--split", "random"], "batch_size = 1: expected 2 or more"),
        (["--metric", "auc"], "metric = 'auc': expected ap, prc_auc, roc_auc"),
        (["--epochs", "x"], "epochs = 'x': expected an integer"),
        (["--resume"], "give the directory of the run"),
        (
            ["--loss", "soap", "--gamma", "7", "--split", "random"],
            "gamma is the weight of the new value and must lie in (0, 1], got 7.0",
        ),
        (["--batch-size", "1", "--split", "random"], "batch_size = 1: expected 2 or more"),
        (["--threads", "100000"], "threads = 100000: expected 1024 or less"),
        (["--lr", "1e300"], "lr = 1e+300: expected 1e+30 or less"),
        (["--config", "bad.toml"], "unknown key 'epochz' (did you mean 'epochs'?) (in bad.toml)"),
    ],
)
def test_wrong_usage(csv: Path, argv: list[str], message: str, capsys: Capture) -> None:
    Path("bad.toml").write_text("epochz = 3\n")
    assert main(["train", str(csv), *argv]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not Path("runs").exists()


def test_a_table_with_its_own_separator_and_encoding(csv: Path, small: list[str], capsys: Capture) -> None:
    text = csv.read_text().replace(",", "|").replace("amine", "Größe")
    csv.write_bytes(text.encode("cp1252"))
    assert main(["train", str(csv), *small]) == 1
    assert "is not UTF-8 text; save it as UTF-8" in capsys.readouterr().err
    assert main(["train", str(csv), *small, "--separator", "bar"]) != 0
    assert "separator must be a single character, or comma, tab, semicolon, space" in capsys.readouterr().err
    options = ["--separator", "|", "--encoding", "cp1252", "--out", "run"]
    assert main(["train", str(csv), *small, *options]) == 0, capsys.readouterr().err
    config = Path("run/config.toml").read_text()
    assert 'separator = "|"' in config
    assert 'encoding = "cp1252"' in config
    assert main(["evaluate", "run"]) == 0, capsys.readouterr().err


def test_standard_input(csv: Path, small: list[str], capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(csv.read_bytes())))
    assert main(["train", "-", *small, "--out", "run"]) == 0
    kept = next((Path("root") / "standard-input").iterdir())
    assert kept.read_bytes() == csv.read_bytes()
    assert f"standard input is kept as {kept.absolute()}, which the run needs" in capsys.readouterr().err
    csv.unlink()
    assert main(["evaluate", "run"]) == 0, capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    assert main(["train", "-", *small]) == 1
    assert "standard input is empty; expected a table" in capsys.readouterr().err


BAD_FILES = {
    "no_smiles.csv": b"a,b\n1,2\n3,4\n",
    "text_labels.csv": b"smiles,y\nC,yes please\nCC,no\nCCC,perhaps\n",
    "one_class.csv": b"smiles,y\n" + b"".join(b"C" * n + b",1\n" for n in range(1, 20)),
    "empty.csv": b"",
    "header.csv": b"smiles,y\n",
    "binary.csv": bytes(range(256)) * 40,
    "broken.csv": b"smiles,y\nxx,0\nyy,1\nC1C,0\n",
}


@pytest.mark.parametrize("name", BAD_FILES)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_bad_files(name: str, small: list[str], capsys: Capture) -> None:
    Path(name).write_bytes(BAD_FILES[name])
    assert main(["train", name, *small]) == 1
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if not line.startswith("warning: ")]
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("error: ")
    assert "unexpected" not in lines[0]
    assert captured.out == ""
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["nci-pain"], "nci-pains"),
        (["nowhere.csv"], "nowhere.csv"),
        (["nci-pains", "--fold", "1"], "fold"),
        (["nci-pains", "--fold", "all"], "has no folds"),
        (["chains.csv", "--device", "cuda"], "no usable GPU"),
        (["chains.csv", "--out", "taken"], "taken is not empty"),
        (["chains.csv", "--out", "chains.csv"], "out: chains.csv is a file; expected a new or empty directory"),
        (
            ["chains.csv", "--split", "random", "--out", "chains.csv/run"],
            "out: cannot create directory chains.csv/run",
        ),
        (["chains.csv", "--target-columns", "amine,amine"], "without duplicates, got 'amine' twice"),
        (["--resume", "--out", "nowhere"], "nowhere is not a run directory"),
        (["chains.csv", "--config", "none.toml"], "no file none.toml"),
        (["chains.csv", "--split", "random", "--init", "nowhere"], "expected a run directory or a checkpoint"),
    ],
)
def test_failures(csv: Path, argv: list[str], message: str, capsys: Capture) -> None:
    Path("taken").mkdir()
    Path("taken/file").write_text("")
    assert main(["train", *argv]) == 1
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert message in err
    assert not Path("runs").exists()


def test_an_interrupted_run_resumes(
    csv: Path, small: list[str], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xgraph.training.fit.task import Task

    step = Task.training_step

    def stop(self: Task, batch: object, batch_idx: int) -> object:
        if self.current_epoch == 1:
            raise KeyboardInterrupt
        return step(self, batch, batch_idx)

    handler = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(Task, "training_step", stop)
        assert main(["train", str(csv), *small, "--epochs", "3", "--out", "run"]) == 130
    assert signal.getsignal(signal.SIGINT) is handler
    err = capsys.readouterr().err
    assert "xgraph train --resume --out run" in err
    assert "Traceback" not in err
    assert main(["train", "--resume", "--out", "run"]) == 0
    captured = capsys.readouterr()
    assert [line.split()[0] for line in captured.err.splitlines()[2:]] == ["epoch=2/3", "epoch=3/3"]


def test_live_bar_on_a_terminal(csv: Path, small: list[str], capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "140")
    assert main(["train", str(csv), *small, "--out", "run", "--epochs", "2"]) == 0
    err = capsys.readouterr().err
    assert "main 2/2" in err
    assert "valid ap" in err
    assert "epoch=" not in err


def test_training_on_other_parts_and_keeping_the_last_epoch(
    csv: Path, small: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*small, "--keep", "last", "--train-on", "train+valid", "--out", "both"]
    assert main(["train", str(csv), *options]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[0].split() == ["metric", "test"]
    assert captured.err.startswith("chains: 54 train, 6 test molecules")
    assert main(["train", str(csv), *small, "--inner", "0/5", "--out", "inner"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["metric", "valid"]
    assert main(["evaluate", "inner", "--split", "test"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["metric", "test"]
    assert main(["evaluate", "both", "--split", "valid"]) == 2
    assert "split = 'valid': expected a part of 'chains': train, test" in capsys.readouterr().err
    assert main(["train", str(csv), *small, "--train-on", "train+valid"]) == 2
    assert "keep = 'best': expected 'last' with train_on = 'train+valid'" in capsys.readouterr().err
    assert main(["train", str(csv), *small, "--inner", "5/5"]) == 2
    assert "inner = '5/5': expected FOLD/FOLDS" in capsys.readouterr().err


def test_a_long_smiles_is_cut_in_every_message(csv: Path, small: list[str], capsys: Capture) -> None:
    bad = "C" * 3000 + "("
    csv.write_text(csv.read_text() + f"{bad},1\n")
    assert main(["train", str(csv), *small, "--out", "run"]) == 0
    assert main(["predict", "run", bad]) == 1
    Path("wrong.csv").write_text(f"smiles,amine\n{bad},1\n")
    assert main(["train", "wrong.csv", *small]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert any("no file 'CCCC" in line for line in lines)
    assert any("left out 1 row" in line and "'CCCC" in line for line in lines)
    assert max(map(len, lines)) < 400


def test_repeated_molecules(csv: Path, small: list[str], capsys: Capture) -> None:
    csv.write_text(csv.read_text() + "[CH3:1]CCN,0\n")  # CCCN is in row 8, with the label 1
    assert main(["train", str(csv), *small, "--duplicates", "error"]) == 1
    said = "chains: 1 molecule is repeated in 1 further row, such as 'CCCN' in rows 8 and 60; 1 with opposite labels"
    assert said in capsys.readouterr().err
    assert main(["train", str(csv), *small, "--duplicates", "mean", "--out", "run"]) == 0
    err = capsys.readouterr().err
    assert f"{said}, such as 'CCCN': amine is 1 in row 8 and 0 in row 60; each is one row" in err
    assert 'duplicates = "mean"' in Path("run/config.toml").read_text()
    assert 'atom_order = "canonical"' in Path("run/config.toml").read_text()
