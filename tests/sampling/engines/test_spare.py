import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest

from xgraph.sampling.engines.spare import Spare


def test_things_are_lent_again():
    spare = Spare(list)
    with spare.one() as first:
        first.append(1)
        assert len(spare) == 0
        with spare.one() as second:
            assert second == []
    with spare.one() as third:
        assert third is first
    assert len(spare) == 2


def test_after_an_error_a_thing_is_not_lent_again():
    spare = Spare(list)
    with pytest.raises(ZeroDivisionError), spare.one():
        1 / 0
    assert len(spare) == 0


def test_no_two_threads_have_the_same():
    spare = Spare(list)

    def work(number):
        with spare.one() as thing:
            thing.append(number)
            alone = thing[-1] == number
            thing.pop()
            return alone and not thing

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(2000)))
    assert 1 <= len(spare) <= 4


def test_pickled_it_holds_none():
    spare = Spare(list)
    with spare.one() as thing:
        thing.append("x" * 10_000)
    assert len(spare) == 1
    text = pickle.dumps(spare)
    assert len(text) < 200
    assert len(pickle.loads(text)) == 0
