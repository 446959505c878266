import json
from pathlib import Path

import pytest

import xgraph
from xgraph.cli import main
from xgraph.cli.tables import closing_lines

Capture = pytest.CaptureFixture[str]


def finished(dataset: str, **metrics: object) -> xgraph.Run:
    """A run directory as far as its closing lines read it."""
    Path("run").mkdir(exist_ok=True)
    Path("run/config.toml").write_text(f'[data]\ndataset = "{dataset}"\n')
    return xgraph.Run(Path("run"), metrics)


def test_a_run_says_what_a_random_ranking_has(csv: Path, small: list[str], capsys: Capture) -> None:
    assert main(["train", str(csv), *small, "--out", "run"]) == 0
    *_, run = out = capsys.readouterr().out.splitlines()
    header, *rows = [line.split(",") for line in Path("run/predictions.csv").read_text().splitlines()]
    labels = [float(row[header.index("amine")]) for row in rows if row[0] == "test"]
    share = sum(labels) / len(labels)
    assert f"random ranking: ap {share:.4f} (the share of positives in test), roc_auc 0.5" in out
    assert run == "run: run"
    assert json.loads(Path("run/metrics.json").read_text())["positive_rate"]["test"] == pytest.approx(share)


def test_a_named_data_set_says_what_its_label_means() -> None:
    text = " ".join(closing_lines(finished("nci-pains", test={}, positive_rate={"test": 0.25})))
    assert "label: A positive molecule matches a PAINS filter" in text
    assert "random ranking: ap 0.2500 (the share" in text
    assert "next:" not in text
    assert closing_lines(finished("own.csv", test={})) == ["run: run"]


def test_folds_are_averaged_and_undefined_ones_left_out() -> None:
    folds = [{"positive_rate": {"test": rate}} for rate in (0.1, float("nan"), 0.3)]
    assert "ap 0.2000" in " ".join(closing_lines(finished("own.csv", test={}, folds=folds)))
    nothing = [{"positive_rate": {"test": float("nan")}}]
    assert closing_lines(finished("own.csv", test={}, folds=nothing)) == ["run: run"]


@pytest.mark.parametrize(
    ("argv", "demo"), [([], True), (["--seed", "1"], True), (["nci-pains"], False), (["--lr", "0.01"], False)]
)
def test_the_demo_says_what_comes_next(
    argv: list[str], demo: bool, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    seen = {}

    def run(dataset: str | None, **settings: object) -> xgraph.Run:
        seen.update(settings)
        return finished("nci-pains", test={"ap": 0.5}, positive_rate={"test": 0.1})

    monkeypatch.setattr("xgraph.training.fit.train.train", run)
    assert main(["train", *argv]) == 0
    out, err = capsys.readouterr()
    assert ("next: xgraph predict run molecules.csv -o predictions.csv" in out) == demo
    assert ("demo: the same as `xgraph train nci-pains --epochs 25`" in err) == demo
    assert (seen.get("epochs") == 25) == demo
