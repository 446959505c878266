import importlib
import sys
import types

import pytest

from xgraph.data.ogb.package import quiet, without_version_check


def test_outdated_is_hidden_and_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = types.ModuleType("outdated")
    monkeypatch.setitem(sys.modules, "outdated", fake)
    with pytest.raises(ImportError), without_version_check():
        importlib.import_module("outdated")
    assert sys.modules["outdated"] is fake
    monkeypatch.delitem(sys.modules, "outdated")
    with without_version_check():
        pass
    assert "outdated" not in sys.modules


def test_quiet_suppresses_both_streams(capsys: pytest.CaptureFixture[str]) -> None:
    with quiet():
        print("a")  # noqa: T201
        print("b", file=sys.stderr)  # noqa: T201
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")
