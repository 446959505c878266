import shlex
from pathlib import Path

import pytest

from xgraph.cli import main
from xgraph.cli.catalogue import load_catalogue
from xgraph.data.cards.named import names

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("command", ["losses", "models"])
def test_all_losses_and_models_are_listed(command: str, capsys: Capture) -> None:
    assert main([command]) == 0
    out = capsys.readouterr().out
    first = [line.split()[0] for line in out.splitlines() if line]
    assert set(getattr(load_catalogue(), command)) <= set(first)
    assert max(map(len, out.splitlines())) <= 80
    assert f"xgraph {command} NAME" in out


@pytest.mark.parametrize("command", ["losses", "models"])
def test_each_loss_and_model_is_described_with_options_and_an_example(command: str, capsys: Capture) -> None:
    for name, part in getattr(load_catalogue(), command).items():
        assert main([command, name]) == 0
        out = capsys.readouterr().out
        assert out.startswith(f"{name}: ")
        assert part.python in out
        for option in part.options:
            assert f"\n  {option.flag}" in out
        words = shlex.split(out.split("Example:\n")[1])
        assert words[:2] == ["xgraph", "train"]
        assert words[2] in names()
        assert words[3:5] == ["--loss" if command == "losses" else "--model", name]
        assert [line for line in out.splitlines() if len(line) > 80] == []


def test_an_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["models", "mean"]) == 0
    words = shlex.split(capsys.readouterr().out.split("Example:\n")[1])
    assert main([*words[1:], "--epochs", "1", "--pretrain-epochs", "0", "--threads", "1", "--out", "run"]) == 0
    assert "metric" in capsys.readouterr().out


@pytest.mark.parametrize(("command", "name", "near"), [("losses", "sap", "soap"), ("models", "gime", "gine")])
def test_an_unknown_name_is_refused_with_the_nearest_one(command: str, name: str, near: str, capsys: Capture) -> None:
    assert main([command, name]) == 2
    err = capsys.readouterr().err
    assert f"unknown {'loss' if command == 'losses' else 'model'} {name!r} (did you mean {near!r}?)" in err
    assert main([command, "something-else"]) == 2
    assert "did you mean" not in capsys.readouterr().err
