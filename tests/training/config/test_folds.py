import math

import pytest

from xgraph.options import OptionError
from xgraph.training.config.build import build_config
from xgraph.training.config.folds import chosen_folds, summarize_folds


def test_summary_leaves_out_folds_without_a_metric() -> None:
    folds = [{"test": {"ap": value}, "valid": {"ap": math.nan}} for value in (0.5, math.nan, 1.0)]
    summary = summarize_folds(folds)
    assert summary["test"]["mean"]["ap"] == 0.75
    assert math.isnan(summary["valid"]["mean"]["ap"])


def test_chosen_folds() -> None:
    assert chosen_folds(build_config({"dataset": "aicures", "fold": "all"})) == list(range(10))
    assert chosen_folds(build_config({"dataset": "aicures", "fold": "0-2,5"})) == [0, 1, 2, 5]
    assert chosen_folds(build_config({"dataset": "musk1", "fold": "all"})) == list(range(50))
    assert chosen_folds(build_config({"dataset": "birds", "fold": "48-49", "split": "given"})) == [48, 49]
    with pytest.raises(OptionError, match="fold = 8,9,10: 'aicures' has folds 0 to 9, got 10"):
        chosen_folds(build_config({"dataset": "aicures", "fold": "8-10"}))
    with pytest.raises(ValueError, match="fold = 0,1: data set 'birds' with split 'stratified' has no folds"):
        chosen_folds(build_config({"dataset": "birds", "fold": "0-1"}))
    for settings in ({"dataset": "aicures", "split": "random"}, {"dataset": "nci-pains"}, {"dataset": "x.csv"}):
        with pytest.raises(ValueError, match="fold = all: data set .* has no folds; leave out --fold"):
            chosen_folds(build_config({"fold": "all", **settings}))
