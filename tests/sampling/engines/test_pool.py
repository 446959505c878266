import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from xgraph.sampling.engines.pool import Pool


def test_returned_objects_are_reused():
    pool = Pool(list)
    with pool.borrow() as first:
        first.append(1)
        assert len(pool) == 0
        with pool.borrow() as second:
            assert second == []
    with pool.borrow() as third:
        assert third is first
    assert len(pool) == 2


def test_objects_are_discarded_after_an_error():
    pool = Pool(list)
    with pytest.raises(ZeroDivisionError), pool.borrow():
        1 / 0
    assert len(pool) == 0


def test_threads_never_share_an_object():
    pool = Pool(list)

    def work(number):
        with pool.borrow() as thing:
            thing.append(number)
            alone = thing[-1] == number
            thing.pop()
            return alone and not thing

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(work, range(2000)))
    assert 1 <= len(pool) <= 4


def test_pickles_are_empty():
    pool = Pool(list)
    with pool.borrow() as thing:
        thing.append("x" * 10_000)
    assert len(pool) == 1
    text = pickle.dumps(pool)
    assert len(text) < 200
    assert len(pickle.loads(text)) == 0
