"""Parts of one's own, folds and new data from the command line."""

import json
from pathlib import Path

import numpy as np
import pytest

from xgraph.cli import main


@pytest.fixture
def parts(csv: Path) -> Path:
    """The chains with a column of words and one of fold numbers."""
    lines = csv.read_text().splitlines()
    words = [("train", "train", "dev", "Test")[i // 3 % 4] for i in range(len(lines) - 1)]
    rows = [f"{line},{word},{i // 3 % 3}" for i, (line, word) in enumerate(zip(lines[1:], words, strict=True))]
    path = csv.with_name("parts.csv")
    path.write_text("\n".join([f"{lines[0]},set,cv", *rows]) + "\n")
    return path


def own(small: list[str]) -> list[str]:
    """The usual options without the split."""
    if "--split" not in small:
        return small
    place = small.index("--split")
    return small[:place] + small[place + 2 :]


def test_split_column_evaluate_and_predict(
    parts: Path, small: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(parts), *own(small), "--split-column", "set", "--out", "run"]) == 0
    said = capsys.readouterr()
    assert "parts: 30 train, 15 valid, 15 test molecules" in said.err
    (tmp_path / "new.csv").write_text("smiles,amine\nCCCCCO,0\nNCCCCN,1\nC1CC,0\nCC,\n")
    assert main(["evaluate", "run", "--data", str(tmp_path / "new.csv")]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[0].split() == ["metric", "new"]
    assert "new: amine: 1 positive of 2 labelled; 1 rows could not be read" in said.err
    assert json.loads(Path("run/evaluation-new.json").read_text())["labelled"] == {"amine": 2}
    assert len(Path("run/predictions-new.csv").read_text().splitlines()) == 3
    assert main(["evaluate", "run", "--data", str(tmp_path / "new.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["positives"] == {"amine": 1}
    assert main(["evaluate", "run", "--target-columns", "amine"]) == 2
    assert "--target-columns: this option is for a new table" in capsys.readouterr().err


def test_fold_numbers_and_drawn_folds(parts: Path, small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", str(parts), *own(small), "--split-column", "cv", "--fold", "2", "--out", "one"]) == 0
    assert "parts: 18 train, 21 valid, 21 test" in capsys.readouterr().err.replace(
        "21 train, 21 valid, 18", "18 train, 21 valid, 21"
    )
    assert main(["train", str(parts), *own(small), "--split-column", "cv"]) == 1
    assert "choose the one to test on with fold (--fold 0; --fold all" in capsys.readouterr().err
    assert main(["train", str(parts), *own(small), "--folds", "3", "--stratified"]) == 1
    assert "no 'train' part (it has: test); draw other folds (--split random" in capsys.readouterr().err  # one scaffold
    assert main(["train", str(parts), *small, "--folds", "3", "--out", "folds"]) == 0
    assert "±" in capsys.readouterr().out
    assert sorted(path.name for path in Path("folds").glob("fold_*")) == ["fold_0", "fold_1", "fold_2"]


def test_row_numbers_and_wrong_usage(
    parts: Path, small: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.savez(tmp_path / "rows.npz", train=np.arange(30), val=np.arange(30, 45), test=np.arange(45, 60))
    assert main(["train", str(parts), *own(small), "--split-file", str(tmp_path / "rows.npz"), "--out", "run"]) == 0
    assert "parts: 30 train, 15 valid, 15 test molecules" in capsys.readouterr().err
    for options, text in (
        (["--split-column", "set", "--folds", "3"], "each of them defines the parts; give only one"),
        (["--folds", "2"], "folds"),
        (["--valid-fraction", "1"], "valid_fraction"),
    ):
        assert main(["train", str(parts), *own(small), *options]) == 2
        assert text in capsys.readouterr().err
    assert main(["train", str(parts), *own(small), "--split-column", "smiles"]) == 1
    assert "split_column 'smiles' has 'CO' in data row 0; expected train, valid" in capsys.readouterr().err
