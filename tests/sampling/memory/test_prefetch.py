import gc
import subprocess
import sys
import threading
import time

import pytest
import torch
from torch_geometric.data import Data, HeteroData

from xgraph.sampling.memory.prefetch import prefetched, tensors_in


def prefetch_threads():
    return [t for t in threading.enumerate() if t.name.startswith("xgraph-prefetch")]


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    assert not prefetch_threads()
    yield
    if prefetch_threads():  # the frames of an exception can hold an iterator until garbage collection, which takes .7 s
        gc.collect()
    assert not prefetch_threads()


@pytest.mark.parametrize("ahead", [0, 1, 2, 100])
def test_results_keep_their_order(ahead):
    assert list(prefetched(lambda x: -x, range(20), ahead)) == [-x for x in range(20)]
    assert list(prefetched(lambda x: -x, [], ahead)) == []


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_thread_runs_at_most_the_given_number_ahead(ahead):
    made = []

    def make(x):
        made.append(x)
        return x

    for number, _ in enumerate(prefetched(make, range(10), ahead)):
        deadline = time.monotonic() + 5
        while len(made) < min(number + 1 + ahead, 10) and time.monotonic() < deadline:
            time.sleep(0.001)
        assert len(made) == min(number + 1 + ahead, 10)


def test_thread_works_in_parallel_with_the_caller():
    main = threading.get_ident()
    assert main not in list(prefetched(lambda _: threading.get_ident(), range(3), 1))
    assert set(prefetched(lambda _: threading.get_ident(), range(3), 0)) == {main}


def test_jobs_are_consumed_by_the_caller():
    def jobs():
        for _ in range(3):
            yield threading.get_ident()

    assert set(prefetched(lambda x: x, jobs(), 2)) == {threading.get_ident()}


@pytest.mark.parametrize("ahead", [0, 2])
def test_break_stops_the_thread(ahead):
    for x in prefetched(lambda x: x, range(1000), ahead):
        if x == 3:
            break


@pytest.mark.parametrize("ahead", [0, 2])
def test_error_in_the_loop_stops_the_thread(ahead):
    def loop():
        for _ in prefetched(lambda x: x, range(1000), ahead):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop()


@pytest.mark.parametrize("ahead", [0, 1, 5])
def test_error_in_the_thread_is_raised_at_its_batch(ahead):
    def make(x):
        if x == 3:
            raise RuntimeError("batch 3")
        return x

    seen = []

    def loop():
        for x in prefetched(make, range(10), ahead):
            seen.append(x)

    with pytest.raises(RuntimeError, match="batch 3"):
        loop()
    assert seen == [0, 1, 2]


def test_error_in_the_jobs_is_raised():
    def jobs():
        yield 1
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        list(prefetched(lambda x: x, jobs(), 2))


def test_dropped_iterator_stops_the_thread():
    iterator = prefetched(lambda x: x, range(1000), 2)
    next(iterator)
    assert len(prefetch_threads()) == 1
    del iterator


def test_unused_iterator_starts_no_thread():
    iterator = prefetched(lambda x: x, range(1000), 2)
    assert not prefetch_threads()
    del iterator


@pytest.mark.parametrize("end", ["", "raise KeyboardInterrupt"])
def test_interpreter_exits_while_an_iterator_is_held(end):
    code = f"""
import time
from xgraph.sampling.memory.prefetch import prefetched
held = prefetched(lambda x: time.sleep(0.05), range(1000), 2)
next(held)
{end}
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert "Fatal" not in done.stderr
    assert (done.returncode == 0) == ("Interrupt" not in end)


def test_all_tensors_of_a_batch_are_found():
    def values(batch):
        return [int(tensor) for tensor in tensors_in(batch)]

    one, two, three = (torch.tensor(i) for i in (1, 2, 3))
    typed = HeteroData()
    typed["a"].x, typed["a", "to", "a"].weight, typed.year = one, [two], three
    assert sorted(values(typed)) == [1, 2, 3]
    assert values(Data(x=one, parts={"y": (two, "name")})) == [1, 2]
    assert values((one, [two, {"z": three}], None, 4)) == [1, 2, 3]
    assert values(one) == [1]
    assert values("text") == values(None) == []
