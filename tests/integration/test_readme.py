"""Every code block of the README, as printed; the first one and the gate's are run by `.ci/run`."""

import json
import shutil
from pathlib import Path

import pytest

from tests.docs.blocks import DOCS, ROOT, blocks, run_blocks

README = ROOT / "README.md"
INSTALL, *BLOCKS = blocks(README)


def test_the_gate_runs_the_first_block_and_the_tests():
    assert "pip install" in INSTALL.code
    assert INSTALL.code.endswith("xgraph train\n")
    gate = (ROOT / ".ci/run").read_text()
    assert "block '```bash test'" in gate
    assert README.read_text().count("```bash test\n") == 1


def test_it_is_short_enough_for_a_first_page():
    assert len(README.read_text().splitlines()) <= 160


def test_the_python_blocks_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run_blocks(README, [block for block in BLOCKS if block.kind == "python"])


@pytest.mark.slow
def test_the_commands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(DOCS / "examples", tmp_path / "docs/examples", ignore=shutil.ignore_patterns("runs"))
    run_blocks(README, [block for block in BLOCKS if block.kind == "bash"])
    rows = Path("docs/examples/candidates.csv").read_text().splitlines()
    assert len(Path("predictions.csv").read_text().splitlines()) == len(rows)
    assert "ap" in json.loads(Path("runs/mine/metrics.json").read_text())["test"]
