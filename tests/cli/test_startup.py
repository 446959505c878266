import os
import sys

import pytest

from xgraph.cli.startup import WAIT_POLICY, announce_loading, let_threads_sleep


@pytest.fixture
def before_torch(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A process that has not imported torch, with an environment of its own."""
    monkeypatch.setattr(sys, "modules", {name: one for name, one in sys.modules.items() if name != "torch"})
    environment = {name: value for name, value in os.environ.items() if name not in WAIT_POLICY}
    monkeypatch.setattr(os, "environ", environment)
    return environment


def test_threads_sleep_while_they_wait(before_torch: dict[str, str]) -> None:
    let_threads_sleep()
    assert before_torch["OMP_WAIT_POLICY"] == "PASSIVE"
    assert WAIT_POLICY.items() <= before_torch.items()


@pytest.mark.parametrize("name", WAIT_POLICY)
def test_the_users_own_setting_wins(name: str, before_torch: dict[str, str]) -> None:
    before_torch[name] = "mine"
    before = dict(before_torch)
    let_threads_sleep()
    assert before_torch == before


def test_nothing_is_set_once_torch_is_imported(before_torch: dict[str, str]) -> None:
    sys.modules["torch"] = sys
    before = dict(before_torch)
    let_threads_sleep()
    assert before_torch == before


@pytest.mark.parametrize("terminal", [True, False])
def test_loading_is_announced_on_a_terminal(
    terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    announce_loading()
    assert capsys.readouterr().err == ("loading...\n" if terminal else "")
