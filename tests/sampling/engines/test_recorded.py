import threading

import pytest
import torch

from xgraph.sampling.engines.recorded import MOST, Recorder

CPU = torch.device("cpu")


class Fake:
    """Replays the recorded work; `shift` makes the result wrong."""

    def __init__(self, function, shift=0):
        self.function, self.shift, self.runs, self.ended = function, shift, 0, 0
        self.busy = False

    def run(self, numbers):
        if self.busy:
            raise RuntimeError("another thread is recording")
        self.runs += 1
        return self.function(numbers) + self.shift

    def end(self):
        self.ended += 1


class Calls:
    """A recorder and a log of its calls."""

    def __init__(self, record="works", shift=0):
        self.calls, self.made, self.launches = 0, 0, []

        def fake(function, numbers):
            if record == "fails":
                self.launches.append(None)
                raise RuntimeError("cannot be recorded")
            self.launches.append(Fake(lambda given: given * 2, shift))
            return self.launches[-1]

        self.recorder = Recorder(CPU, None if record == "never" else fake)

    def __call__(self, kind, value):
        def function(numbers):
            self.calls += 1
            return numbers * 2

        def numbers():
            self.made += 1
            return torch.tensor(value)

        assert self.recorder(kind, function, numbers, int, int.__eq__) == 2 * value


def test_third_call_of_a_kind_is_a_checked_replay_and_later_calls_are_replays():
    calls = Calls()
    for value in range(6):
        calls("a", value)
    (launches,) = calls.launches
    assert (calls.calls, launches.runs, launches.ended) == (3, 4, 4)
    assert calls.made == 7  # each run has its own numbers


def test_changing_kinds_and_none_are_not_recorded():
    calls = Calls()
    for value, kind in enumerate(["a", "b", "a", "b", None, None, None, "a"]):
        calls(kind, value)
    assert not calls.launches
    calls("a", 8)
    assert len(calls.launches) == 1


def test_number_of_recorded_kinds_is_limited():
    calls = Calls()
    for kind in range(MOST + 3):
        for value in range(4):
            calls(kind, value)
    assert len(calls.launches) == MOST
    before = calls.calls
    calls(0, 5)  # recorded kinds are kept
    assert calls.calls == before


@pytest.mark.parametrize("record", ["never", "fails"])
def test_functions_that_cannot_be_recorded_are_called(record):
    calls = Calls(record)
    for value in range(5):
        calls("a", value)
    assert calls.calls == 5
    assert len(calls.launches) == (record == "fails")  # recording is tried once


def test_incorrect_replays_are_discarded():
    calls = Calls(shift=1)
    for kind in ("a", "a", "a", "a", "a", "b", "b", "b"):
        calls(kind, 3)
    assert (calls.calls, [launches.runs for launches in calls.launches]) == (8, [1])


def test_function_is_called_if_a_replay_is_temporarily_impossible():
    calls = Calls()
    for value in range(4):
        calls("a", value)
    (launches,) = calls.launches
    launches.busy = True
    calls("a", 4)
    launches.busy = False
    calls("a", 5)
    assert (calls.calls, launches.runs, len(calls.launches)) == (4, 3, 1)


def test_threads_replay_but_do_not_record():
    calls = Calls()

    def elsewhere(*values):
        thread = threading.Thread(target=lambda: [calls("a", value) for value in values])
        thread.start()
        thread.join()

    elsewhere(0, 1, 2)
    assert (calls.calls, calls.launches) == (3, [])
    calls("a", 3)
    elsewhere(4, 5)
    assert (calls.calls, calls.launches[0].runs) == (5, 2)
