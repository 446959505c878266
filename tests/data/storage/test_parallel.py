import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from xgraph.data.storage import parallel
from xgraph.data.storage.parallel import available_cores, map_ahead, map_chunks

ITEMS = [str(i) for i in range(1300)]


def lengths(chunk: list[str]) -> tuple[int, str]:
    return len(chunk), chunk[0]


def fail(chunk: list[str]) -> None:
    raise KeyError(chunk[0])


def die_once(chunk: list[str]) -> int:
    if chunk[0] == "512" and os.getpid() != int(os.environ["XGRAPH_TEST_PARENT"]):
        os._exit(1)
    return len(chunk)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_do_not_depend_on_the_workers(workers: int) -> None:
    done = map_chunks(lengths, ITEMS, what="x", worth=1, workers=workers)
    assert done == [(512, "0"), (512, "512"), (276, "1024")]


def test_empty() -> None:
    assert map_chunks(lengths, [], what="x", worth=1) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_counts_to_the_end(workers: int) -> None:
    seen: list[tuple[int, int, str]] = []
    map_chunks(lengths, ITEMS, what="work", worth=1, workers=workers, progress=lambda *a: seen.append(a))
    assert seen[-1] == (1300, 1300, "work")
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)
    assert len(seen) == 3


def test_short_lists_start_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "available_cores", lambda: 8)

    def no_pool(*args: object, **kwargs: object) -> None:
        raise AssertionError("a process pool was made")

    monkeypatch.setattr(parallel, "ProcessPoolExecutor", no_pool)
    assert len(map_chunks(lengths, ITEMS, what="x", worth=1000)) == 3


@pytest.mark.parametrize("workers", [1, 2])
def test_errors_are_propagated(workers: int) -> None:
    with pytest.raises(KeyError):
        map_chunks(fail, ITEMS, what="x", worth=1, workers=workers)


def test_dead_worker_process_gives_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XGRAPH_TEST_PARENT", str(os.getpid()))
    with pytest.warns(RuntimeWarning, match="a worker process died while featurising"):
        done = map_chunks(die_once, ITEMS, what="featurising", worth=1, workers=2)
    assert done == [512, 512, 276]


def test_workers_are_checked() -> None:
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        map_chunks(lengths, ITEMS, what="x", worth=1, workers=0)


def squares(n: int) -> torch.Tensor:
    return torch.full((n, 2), float(n * n))


def die_on_seven(n: int) -> int:
    if n == 7 and os.getpid() != int(os.environ["XGRAPH_TEST_PARENT"]):
        os._exit(1)
    return n


def test_a_stream_keeps_its_order_and_is_read_a_few_items_ahead() -> None:
    taken: list[int] = []

    def stream() -> Iterator[int]:
        for n in range(1, 40):
            taken.append(n)
            yield n

    for n, result in enumerate(map_ahead(squares, stream(), what="x", worth=3, workers=2), start=1):
        assert result.tolist() == [[n * n, n * n]] * n
        assert len(taken) <= n + 2 + parallel.AHEAD + 1


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stream_may_be_short_or_empty(workers: int) -> None:
    assert list(map_ahead(squares, [], what="x", worth=2, workers=workers)) == []
    assert [len(one) for one in map_ahead(squares, [3, 1], what="x", worth=2, workers=workers)] == [3, 1]


def test_a_stream_goes_on_in_this_process_if_a_worker_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XGRAPH_TEST_PARENT", str(os.getpid()))
    with pytest.warns(RuntimeWarning, match="a worker process died while reading"):
        done = list(map_ahead(die_on_seven, range(30), what="reading", worth=1, workers=2))
    assert done == list(range(30))


def test_an_error_and_a_consumer_that_stops_end_the_workers() -> None:
    with pytest.raises(KeyError):
        list(map_ahead(fail, [ITEMS] * 5, what="x", worth=1, workers=2))
    stream = map_ahead(squares, iter(range(10**9)), what="x", worth=1, workers=2)
    assert next(stream).tolist() == []
    stream.close()
    assert not [child for child in multiprocessing.active_children() if "ForkProcess" in child.name]


def test_available_cores() -> None:
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = """
import os, sys, time
from xgraph.data.storage.parallel import map_chunks

def sleep(part):
    with open(os.path.join(sys.argv[1], str(os.getpid())), "w"):
        time.sleep(300)

map_chunks(sleep, ["a", "b"], what="sleeping", worth=1, workers=2, chunk=1)
"""
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
    _until(lambda: len(list(tmp_path.iterdir())) == 2)
    parent.kill()
    parent.wait()
    _until(lambda: not any(_is_alive(int(file.name)) for file in tmp_path.iterdir()))


def _until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
