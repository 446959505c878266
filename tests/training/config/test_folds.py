import math
from pathlib import Path

import pytest

from xgraph.options import OptionError
from xgraph.training.config.build import build_config
from xgraph.training.config.folds import chosen_folds, summarize_folds


def test_summary_leaves_out_folds_without_a_metric() -> None:
    folds = [{"test": {"ap": value}, "valid": {"ap": math.nan}} for value in (0.5, math.nan, 1.0)]
    summary = summarize_folds(folds)
    assert summary["test"]["mean"]["ap"] == 0.75
    assert math.isnan(summary["valid"]["mean"]["ap"])


def test_folds_of_a_column(tmp_path: Path) -> None:
    table = tmp_path / "x.csv"
    table.write_text("smiles,y,cv,set\n" + "\n".join(f"C,0,{fold},train" for fold in (1, 2, 5, "")))
    settings = {"dataset": str(table), "split_column": "cv", "fold": "all"}
    assert chosen_folds(build_config(settings)) == [1, 2, 5]
    with pytest.raises(OptionError, match="has folds 1, 2, 5, got 3"):
        chosen_folds(build_config({**settings, "fold": "2-3"}))
    for column in ("set", "absent"):
        with pytest.raises(ValueError, match=f"column '{column}' of .* has no fold numbers"):
            chosen_folds(build_config({**settings, "split_column": column}))


def test_chosen_folds() -> None:
    assert chosen_folds(build_config({"dataset": "aicures", "fold": "all"})) == list(range(10))
    assert chosen_folds(build_config({"dataset": "aicures", "fold": "0-2,5"})) == [0, 1, 2, 5]
    assert chosen_folds(build_config({"dataset": "musk1", "fold": "all"})) == list(range(50))
    assert chosen_folds(build_config({"dataset": "birds", "fold": "48-49", "split": "given"})) == [48, 49]
    with pytest.raises(OptionError, match="fold = 8,9,10: 'aicures' has folds 0 to 9, got 10"):
        chosen_folds(build_config({"dataset": "aicures", "fold": "8-10"}))
    with pytest.raises(ValueError, match="fold = 0,1: data set 'birds' with split 'stratified' has no folds"):
        chosen_folds(build_config({"dataset": "birds", "fold": "0-1"}))
    assert build_config({"dataset": "x.csv", "folds": 5}).fold == "all"
    assert chosen_folds(build_config({"dataset": "x.csv", "folds": 5})) == [0, 1, 2, 3, 4]
    assert chosen_folds(build_config({"dataset": "x.csv", "folds": 5, "fold": "1,4"})) == [1, 4]
    with pytest.raises(OptionError, match="fold = 5: 'x.csv' has folds 0 to 4, got 5"):
        chosen_folds(build_config({"dataset": "x.csv", "folds": 5, "fold": "5"}).replace(fold=[5]))
    with pytest.raises(ValueError, match=r"fold = all: 'x.csv' has no folds; give their number \(--folds 5\)"):
        chosen_folds(build_config({"dataset": "x.csv", "fold": "all"}))
    for settings in ({"dataset": "aicures", "split": "random"}, {"dataset": "nci-pains"}):
        with pytest.raises(ValueError, match="fold = all: data set .* has no folds; leave out --fold"):
            chosen_folds(build_config({"fold": "all", **settings}))
