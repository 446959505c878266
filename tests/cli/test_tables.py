import math

from xgraph.cli.tables import metrics_table


def test_folds_show_their_deviation_and_missing_values_a_dash() -> None:
    split = {"ap": 0.5, "roc": math.nan, "mean": {"ap": 0.5, "roc": math.nan}, "std": {"ap": 0.125, "roc": None}}
    lines = metrics_table({"test": split, "valid": split, "folds": []}).splitlines()
    assert lines[0].split() == ["metric", "valid", "test"]
    assert lines[1].split() == ["ap", "0.5000", "±", "0.1250", "0.5000", "±", "0.1250"]
    assert lines[2].split() == ["roc", "-", "±", "-", "-", "±", "-"]
    assert len({len(line) for line in lines}) == 1
