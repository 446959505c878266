import math

import pytest

from xgraph.training.config import build_config
from xgraph.training.folds import number_of_folds, summarize_folds


def test_summary_leaves_out_folds_without_a_metric() -> None:
    folds = [{"test": {"ap": value}, "valid": {"ap": math.nan}} for value in (0.5, math.nan, 1.0)]
    summary = summarize_folds(folds)
    assert summary["test"]["mean"]["ap"] == 0.75
    assert math.isnan(summary["valid"]["mean"]["ap"])


def test_number_of_folds() -> None:
    assert number_of_folds(build_config({"dataset": "aicures"})) == 10
    for settings in ({"dataset": "aicures", "split": "random"}, {"dataset": "nci-pains"}, {"dataset": "x.csv"}):
        with pytest.raises(ValueError, match="has no folds, so 'all' means nothing here"):
            number_of_folds(build_config(settings))
