"""`xgraph train` with the baseline that it fits by default; elsewhere in this folder it is off."""

import json
from pathlib import Path

import pytest

from xgraph.cli import main
from xgraph.training.fit import baseline as module

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def no_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TREES", 7)


def table_of(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if len(line.split()) in (3, 5)]


def test_the_baseline_is_in_the_same_table(csv: Path, small: list[str], capsys: Capture) -> None:
    assert main(["train", str(csv), *small, "--out", "runs/one"]) == 0
    captured = capsys.readouterr()
    metrics = json.loads(Path("runs/one/metrics.json").read_text())
    own = metrics["baseline"]
    header, ap, *_ = table_of(captured.out)
    assert header == ["metric", "valid", "test", "forest_valid", "forest_test"]
    values = [metrics["valid"]["ap"], metrics["test"]["ap"], own["valid"]["ap"], own["test"]["ap"]]
    assert ap == ["ap", *(f"{value:.4f}" for value in values)]
    assert own["ahead"]
    text = " ".join(captured.out.split())
    ahead = f"it is ahead on validation (ap {own['valid']['ap']:.4f} against {metrics['valid']['ap']:.4f})"
    assert f"baseline: a forest of 7 trees on Morgan counts; {ahead}: predict with it" in text
    assert "xgraph predict runs/one/baseline FILE" in text
    assert main(["runs", "--json"]) == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert (listed["run"], listed["baseline_valid"], listed["baseline_test"]) == ("runs/one", *values[2:])
    assert main(["predict", "runs/one/baseline", str(csv), "-o", "out.csv"]) == 0


def test_it_can_be_turned_off(csv: Path, small: list[str], capsys: Capture) -> None:
    assert main(["train", str(csv), *small, "--no-baseline", "--out", "run"]) == 0
    assert table_of(capsys.readouterr().out)[0] == ["metric", "valid", "test"]
    assert not Path("run/baseline").exists()
    assert main(["train", "--config", "run/config.toml", "--out", "again"]) == 0
    assert not Path("again/baseline").exists()
    Path("own.toml").write_text(Path("run/config.toml").read_text().replace("baseline = false\n", ""))
    assert main(["train", "--config", "own.toml", "--out", "old"]) == 0  # as a run that had none says
    assert not Path("old/baseline").exists()
    assert main(["train", "--config", "own.toml", "--baseline", "--out", "new"]) == 0
    assert Path("new/baseline/best.ckpt").exists()


def test_there_is_none_beside_models_that_are_fitted_themselves(csv: Path, capsys: Capture) -> None:
    argv = ["train", str(csv), "--split", "random", "--model", "forest", "--features", "maccs", "--trees", "3"]
    assert main([*argv, "--out", "run"]) == 0
    assert not Path("run/baseline").exists()
    assert main([*argv, "--baseline", "--out", "other"]) == 2
    assert "baseline = True: model 'forest' is itself fitted in a single step" in capsys.readouterr().err


def test_folds(csv: Path, small: list[str], capsys: Capture) -> None:
    assert main(["train", str(csv), *small, "--folds", "3", "--out", "run"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    own = json.loads(Path("run/metrics.json").read_text())["baseline"]
    assert f"ahead on validation in {own['ahead_in']} of 3 folds" in text
    mean, std = (own["test"][name]["ap"] for name in ("mean", "std"))
    assert f"{mean:.4f} ± {std:.4f}" in text


def test_it_is_evaluated_beside_its_run(csv: Path, small: list[str], capsys: Capture) -> None:
    assert main(["train", str(csv), *small, "--out", "run"]) == 0
    metrics = json.loads(Path("run/metrics.json").read_text())
    capsys.readouterr()
    assert main(["evaluate", "run"]) == 0
    header, ap, *_ = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert header == ["metric", "test", "forest_test"]
    assert ap == ["ap", *(f"{one['test']['ap']:.4f}" for one in (metrics, metrics["baseline"]))]
    assert main(["evaluate", "run", "--json", "--split", "valid"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["baseline"]["model"] == "forest"
    assert shown["baseline"]["valid"]["ap"] == pytest.approx(metrics["baseline"]["valid"]["ap"])
    assert main(["evaluate", "run", "--data", str(csv)]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["metric", "chains", "forest_chains"]


def test_auto_says_what_it_keeps(csv: Path, small: list[str], capsys: Capture) -> None:
    assert main(["train", str(csv), *small, "--model", "auto", "--out", "run"]) == 0
    captured = capsys.readouterr()
    metrics = json.loads(Path("run/metrics.json").read_text())
    best = max(metrics["choice"], key=metrics["choice"].get)
    assert metrics["chosen"] == best
    text = " ".join(captured.out.split())
    assert f"chosen: {best}, by ap on validation (gine {metrics['choice']['gine']:.4f}, forest" in text
    header = captured.out.splitlines()[0].split()
    others = [name for name in ("gine", "forest") if name != best]
    assert header == ["metric", "valid", "test", *(f"{n}_{part}" for n in others for part in ("valid", "test"))]
    assert main(["runs", "--json", "."]) == 0
    assert json.loads(capsys.readouterr().out)[0]["model"] == f"auto ({best})"
    assert main(["train", str(csv), "--model", "auto", "--no-baseline"]) == 2
    assert "baseline = False: with the model auto" in capsys.readouterr().err
    assert main(["train", "cora", "--model", "auto"]) == 2
    assert "model = 'auto': there is no baseline for nodes" in capsys.readouterr().err
    assert main(["train", str(csv), "--model", "autoo"]) == 2
    assert "unknown model 'autoo' (did you mean 'auto'?)" in capsys.readouterr().err


def test_a_run_that_is_stopped_during_its_baseline_says_what_it_lacks(
    csv: Path, small: list[str], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for model, target, lacking in (
        ("gine", "baseline.FittedTask", "its baseline"),
        ("auto", "choice.choose", "the choice among its models"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(f"xgraph.training.fit.{target}", stop)
            assert main(["train", str(csv), *small, "--model", model, "--out", model]) == 130
        said = f"the network is trained and kept; `xgraph train --resume --out {model}` adds {lacking}"
        assert said in capsys.readouterr().err
        assert main(["train", "--resume", "--out", model]) == 0
        assert "baseline" in json.loads(Path(f"{model}/metrics.json").read_text())
