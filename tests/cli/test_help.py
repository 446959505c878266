import os
import re
import subprocess
import sys

import pytest

from xgraph.cli import main
from xgraph.cli.catalogue import load_catalogue

Capture = pytest.CaptureFixture[str]
HEAVY = {"torch", "numpy", "rdkit", "lightning", "pandas", "sklearn", "ogb", "torch_geometric"}
CODE = """
import sys
from xgraph.cli import main
code = main(sys.argv[1:])
sys.stderr.write(f"\\n{code} " + " ".join(sys.modules))
"""


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def shown(capsys: Capture, *words: str) -> str:
    assert main(list(words)) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--help"], 0, "Commands:"),
        (["train", "--help"], 0, "--epochs"),
        (["train", "--help-all"], 0, "--attention-channels"),
        (["search", "-h"], 0, "--vary"),
        (["pretrain", "--help"], 0, "--exclude"),
        (["runs", "--help"], 0, "--json"),
        (["losses"], 0, "soap"),
        (["losses", "soap"], 0, "--max-lag"),
        (["models"], 0, "gine"),
        (["models", "gat-fm"], 0, "--table-dtype"),
        (["losses", "sap"], 2, "unknown loss 'sap' (did you mean 'soap'?)"),
        (["train", "--nosuch"], 2, "No such option"),
        (["train", "--loss", "sap"], 2, "unknown loss 'sap' (did you mean 'soap'?)"),
        (["train", "--epochs", "many"], 2, "epochs = 'many': expected an integer"),
        (["train", "--loss", "soap", "--loss-gamma", "x"], 2, "gamma = 'x': expected a number"),
        (["pretrain", "hiv", "--model", "gime"], 2, "unknown model 'gime' (did you mean 'gine'?)"),
        (["trian"], 2, "No such command 'trian'"),
        (["--version"], 0, "0."),
    ],
)
def test_help_and_usage_errors_import_nothing_heavy(words: list[str], code: int, text: str) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", CODE, *words], capture_output=True, text=True, env=env, check=True)
    *err, last = done.stderr.splitlines()
    number, *modules = last.split()
    assert int(number) == code, done.stderr
    assert text in "\n".join([done.stdout, *err])
    assert {name.split(".")[0] for name in modules} & HEAVY == set()
    assert not [name for name in modules if name.startswith(("xgraph.nn", "xgraph.losses", "xgraph.training"))]


@pytest.mark.parametrize("command", ["train", "search", "pretrain"])
def test_help_fits_on_a_screen_and_the_full_help_has_everything_once(command: str, capsys: Capture) -> None:
    short, full = shown(capsys, command, "--help"), shown(capsys, command, "--help-all")
    assert len(short.splitlines()) <= (60 if command == "train" else 75)
    assert f"xgraph {command} --help-all" in short
    for text in (short, full):
        assert max(map(len, text.splitlines())) <= 80
        assert "…" not in text
    names = [line.split()[0].split("/")[0] for line in full.splitlines() if line.startswith("  --")]
    assert len(names) == len(set(names))
    catalogue = load_catalogue()
    settings = catalogue.pretrain if command == "pretrain" else catalogue.train
    parts = catalogue.pretrainable if command == "pretrain" else {**catalogue.losses, **catalogue.models}
    options = [
        *(one for some in settings.values() for one in some),
        *(o for part in parts.values() for o in part.options),
    ]
    assert {option.flag for option in options} <= set(names)
    assert set(re.findall(r"^  (--[\w-]+)", short, re.MULTILINE)) <= set(names)


def test_full_help_names_the_owners_of_an_option(capsys: Capture) -> None:
    lines = shown(capsys, "train", "--help-all").splitlines()
    start = lines.index("  --max-fpr FLOAT")
    assert lines[start + 1].startswith("      sopa: ")
    assert any(line.startswith("      staco: ") for line in lines[start + 1 : start + 7])
    start = lines.index("  --hidden-channels INT")
    owners = [line.split(":")[0].strip() for line in lines[start + 1 : start + 5]]
    assert owners == ["models of molecules", "mlp", "models of nodes", "models of bags"]


@pytest.mark.parametrize("command", ["predict", "evaluate", "reproduce", "data", "data show", "data fetch", "losses"])
def test_help_of_a_command(command: str, capsys: Capture) -> None:
    out = shown(capsys, *command.split(), "--help")
    assert out.startswith(f"Usage: xgraph {command}")
    assert "  -h, --help" in out
    assert max(map(len, out.splitlines())) <= 80


def test_help_is_as_wide_as_the_terminal(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    for columns, widest in ((60, 60), (300, 100)):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert widest - 12 < max(map(len, shown(capsys, "train", "--help").splitlines())) <= widest


def test_help_is_written_in_any_encoding() -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "ascii"}
    for words in (["train", "--help-all"], ["losses", "sopa"], ["models"], ["data", "show", "cora"]):
        done = subprocess.run([sys.executable, "-c", CODE, *words], capture_output=True, text=True, env=env, check=True)
        assert done.stderr.splitlines()[-1].startswith("0 "), done.stderr
