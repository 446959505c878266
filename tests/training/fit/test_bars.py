import sys

import pytest

from xgraph.training.fit.bars import data_progress


def test_no_bars_without_a_terminal_or_if_disabled(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with data_progress(True) as report:
        assert report is None
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with data_progress(False) as report:
        assert report is None
    assert capsys.readouterr().err == ""


def test_each_step_gets_its_own_bar(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with data_progress(True) as report:
        assert report is not None
        report(0, 0, "fetching")  # of unknown size
        report(50, 100, "reading molecules")
        report(100, 100, "reading molecules")
    err = capsys.readouterr().err
    assert "fetching" in err
    assert "100/100" in err
