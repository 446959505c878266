"""Folders of bags through the command: train, evaluate, resume, predict, and what goes wrong."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from xgraph.cli import main

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.data.bag_folders import clam

Capture = pytest.CaptureFixture[str]
SMALL = ["--epochs", "2", "--pretrain-epochs", "1", "--hidden-channels", "8", "--num-layers", "1", "--threads", "1"]


def test_slides_from_training_to_weights_of_patches(capsys: Capture) -> None:
    clam(Path("slides"))
    assert main(["train", "slides", *SMALL, "--instances", "2", "--out", "run"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "run: run"
    config = Path("run/config.toml").read_text()
    assert 'kind = "bag"' in config
    assert main(["evaluate", "run"]) == 0
    first = capsys.readouterr().out
    clam(Path("new"), 5, seed=3, labels=False)
    assert main(["predict", "run", "new/", "-o", "bags.csv", "--instances-out", "patches.csv"]) == 0
    assert Path("bags.csv").read_text().splitlines()[0] == "bag,label_score,error"
    assert len(Path("bags.csv").read_text().splitlines()) == 6
    assert Path("patches.csv").read_text().splitlines()[0] == "bag,row,x,y,weight,score"
    shutil.copytree("slides", "copy")
    shutil.rmtree("slides")
    Path("copy").rename("slides")  # other files with the same content
    capsys.readouterr()
    assert main(["evaluate", "run"]) == 0
    assert capsys.readouterr().out == first
    assert main(["train", "--resume", "--out", "run", "--epochs", "3"]) == 0
    lines = Path("slides/labels.csv").read_text().replace("slide_00,1", "slide_00,0")
    Path("slides/labels.csv").write_text(lines)
    assert main(["evaluate", "run"]) == 1
    assert "the bags, labels or splits of 'slides' have changed" in capsys.readouterr().err


def test_folds_of_the_table_of_labels(capsys: Capture) -> None:
    clam(Path("slides"))
    header, *lines = Path("slides/labels.csv").read_text().splitlines()
    rows = [f"{header},split", *(f"{line},{i // 2 % 3}" for i, line in enumerate(lines))]
    Path("slides/labels.csv").write_text("\n".join(rows))
    assert main(["train", "slides", *SMALL, "--fold", "all", "--out", "run"]) == 1  # a class is in one fold only
    rows = [f"{header},split", *(f"{line},{i // 6 % 3}" for i, line in enumerate(lines))]
    Path("slides/labels.csv").write_text("\n".join(rows))
    capsys.readouterr()
    assert main(["train", "slides", *SMALL, "--fold", "all", "--out", "run"]) == 0
    assert len(list(Path("run").glob("fold_*"))) == 3


def test_runs_are_evaluated_on_other_slides_and_on_slides_that_moved(capsys: Capture) -> None:
    clam(Path("slides"))
    Path("slides/labels.csv").rename("who.csv")
    assert main(["train", "slides", "--labels", "who.csv", *SMALL, "--out", "run"]) == 0
    clam(Path("new"), 12, seed=3)
    capsys.readouterr()
    assert main(["evaluate", "run", "--data", "new", "--json"]) == 0
    report = json.loads(Path("run/evaluation-new.json").read_text())
    assert (report["labelled"], report["positives"]) == ({"label": 12}, {"label": 4})
    assert Path("run/predictions-new.csv").read_text().splitlines()[1].startswith("slide_00,1,")
    capsys.readouterr()
    assert main(["evaluate", "run"]) == 0
    first = capsys.readouterr().out
    Path("slides").rename("moved")
    assert main(["evaluate", "run", "--data", "moved", "--split", "test"]) == 0
    assert capsys.readouterr().out == first
    assert main(["train", "moved", "--labels", "who.csv", "--resume", "--out", "run", "--epochs", "3"]) == 0


def test_a_table_of_labels_elsewhere_with_columns_of_ones_own(capsys: Capture) -> None:
    clam(Path("slides"))
    text = Path("slides/labels.csv").read_text()
    Path("slides/labels.csv").unlink()
    Path("who.csv").write_text(text.replace("case_id,slide_id,label", "woman,section,grade"))
    columns = ["--bag-column", "section", "--case-column", "woman", "--target-columns", "grade"]
    assert main(["train", "slides", "--labels", "who.csv", *columns, *SMALL, "--out", "run"]) == 0
    config = Path("run/config.toml").read_text()
    for line in ('labels = "who.csv"', 'case_column = "woman"', 'bag_column = "section"'):
        assert line in config
    assert main(["evaluate", "run"]) == 0


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (
            ["slides"],
            "slides has no table of labels: expected labels.csv in it with the columns bag and label",
        ),
        (["slides", "--labels", "no.csv"], "no.csv"),
        (["slides", "--labels", "who.csv", "--feature-columns", "a"], "is a folder of bags, whose features are in its"),
        (["empty"], "is a folder"),
        (["who.csv", "--kind", "bag", "--labels", "who.csv"], "it is for a folder of bags"),
        (["empty", "--kind", "bag", "--labels", "who.csv"], "has no files of bags: expected one file per bag"),
    ],
)
def test_invalid_commands_are_refused(argv: list[str], message: str, capsys: Capture) -> None:
    clam(Path("slides"))
    Path("slides/labels.csv").rename("who.csv")
    Path("empty").mkdir()
    assert main(["train", *argv, *SMALL, "--out", "run"]) == 1
    err = " ".join(capsys.readouterr().err.split())
    assert message in err
    assert "Traceback" not in err
    assert not Path("run").exists()
