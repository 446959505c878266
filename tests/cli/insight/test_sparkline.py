import io
import math
import sys
from pathlib import Path

import pytest

from xgraph.cli.insight.sparkline import draw, history_line


def test_each_value_is_a_character_between_the_limits() -> None:
    assert draw([0, 0.49, 0.5, 1.0, math.nan], 0, 1) == "▁▄▅█ "
    assert draw([0.0, 1.0], 0, 1, unicode=False) == "_#"
    assert draw([0.5, 0.5], 0.5, 0.5) == "▅▅"


def write(path: Path, rows: list[tuple[str, object]]) -> None:
    lines = [f"{number},{stage},{value}" for number, (stage, value) in enumerate(rows, 1)]
    (path / "metrics.csv").write_text("\n".join(["epoch,stage,valid_ap", *lines]) + "\n")


@pytest.mark.parametrize(
    ("encoding", "expected"),
    [("utf-8", "▁▃│▅█ 0.1000 → 0.8000, 4 epochs"), ("ascii", "_:|=# 0.1000 to 0.8000, 4 epochs")],
)
def test_the_line_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str, expected: str) -> None:
    write(tmp_path, [("pretrain", 0.1), ("pretrain", 0.3), ("main", 0.5), ("main", 0.8)])
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    assert history_line(tmp_path, "ap") == expected
    assert history_line(tmp_path, "roc_auc") == ""
    assert history_line(tmp_path / "nowhere", "ap") == ""


def test_long_runs_are_drawn_by_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    write(tmp_path, [("main", epoch / 1000) for epoch in range(1001)])
    line = history_line(tmp_path, "ap")
    assert len(line.split(" ")[0]) == 40
    assert line.endswith("█ 0.0000 → 1.0000, 1001 epochs")
    write(tmp_path, [("main", 0.5)])
    assert history_line(tmp_path, "ap") == ""
