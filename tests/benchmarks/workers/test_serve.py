"""Questions and answers between a benchmark and its workers."""

import sys
import textwrap

import pytest
import torch

from benchmarks import _peers
from benchmarks._peers import Worker, workers
from benchmarks.workers._serve import reset_peak, resident, rise, rounds


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    """A folder with two workers: one adds, one stops at once."""
    (tmp_path / "_serve.py").write_text((_peers.WORKERS / "_serve.py").read_text())
    script = """
        import sys
        from _serve import serve

        print("not an answer", flush=True)
        serve(lambda a, b: {"sum": a + b, "arguments": sys.argv[1:]})
    """
    (tmp_path / "adder.py").write_text(textwrap.dedent(script))
    (tmp_path / "ends.py").write_text("raise SystemExit(3)")
    (tmp_path / "torch.py").write_text("")  # no second import of torch
    monkeypatch.setattr(_peers, "WORKERS", tmp_path)


@pytest.mark.usefixtures("scripts")
def test_workers_answer_in_turn_and_end():
    with workers("adder", {"ours": sys.executable, "peer": sys.executable}, 2, named=True) as ask:
        for library, worker in ask.items():
            assert worker.ask(a=1, b=2) == {"sum": 3, "arguments": [library, "2"]}
            assert worker.ask(a=2, b=2)["sum"] == 4
    assert [worker.process.returncode for worker in ask.values()] == [0, 0]


@pytest.mark.usefixtures("scripts")
def test_a_stopped_worker_raises_an_error():
    with (
        Worker(sys.executable, "ends") as worker,
        open("/dev/null", "w") as worker.process.stdin,
        pytest.raises(RuntimeError, match=r"ends\.py.* stopped with exit code 3"),
    ):
        worker.ask()


def test_rounds_time_each_step():
    calls = []
    times = rounds(0.0, lambda: calls.append("a"), lambda: calls.append("b"))
    assert calls == ["a", "b"] * 3
    assert [len(one) for one in times] == [2, 2, 2]


def test_rise_includes_memory_that_is_freed_again():
    reset_peak(trim=True)
    assert rise(lambda: torch.ones(64 * 2**18).sum(), trim=True) == pytest.approx(64, abs=16)
    assert resident("VmHWM") >= resident("VmRSS")
