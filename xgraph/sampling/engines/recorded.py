"""Recording of a batch's GPU work as a CUDA graph, which is then launched as a whole."""

import threading
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor

MOST = 2  # kinds to record (each takes memory): training and validation can have batches of different sizes

Out = TypeVar("Out")
Result = TypeVar("Result")


class Launches(Generic[Out]):
    """A CUDA graph of a function's work."""

    def __init__(self, function: Callable[[Tensor], Out], numbers: Tensor) -> None:
        device = numbers.device
        self._numbers = numbers.clone()
        self._graph = torch.cuda.CUDAGraph()
        self._read = torch.cuda.Event()  # type: ignore[no-untyped-call]
        # Other threads may keep using the GPU. The outer context sets the current stream, which torch does not restore
        # if recording fails.
        with torch.cuda.device(device), torch.cuda.stream(torch.cuda.current_stream(device)):
            side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
            with torch.cuda.graph(self._graph, stream=side, capture_error_mode="thread_local"):
                self._out = function(self._numbers)

    def run(self, numbers: Tensor) -> Out:
        """Replay the work with other numbers; the result overwrites that of the previous call."""
        torch.cuda.current_stream(self._numbers.device).wait_event(self._read)
        self._numbers.copy_(numbers)
        self._graph.replay()
        return self._out

    def end(self) -> None:
        """Mark the result of the last call as read by the work queued on the current stream."""
        self._read.record(torch.cuda.current_stream(self._numbers.device))


class Recorder(Generic[Out, Result]):
    """Calls functions, and on a GPU records those called twice in a row with the same `kind`."""

    def __init__(self, device: torch.device, record: Callable[..., Any] | None) -> None:
        self.device = device
        self._record = record
        self._last: Hashable = None  # the last call's kind
        self._recorded: dict[Hashable, Any] = {}
        self._checked: set[Hashable] = set()

    def __call__(
        self,
        kind: Hashable,
        function: Callable[[Tensor], Out],
        numbers: Callable[[], Tensor],
        finish: Callable[[Out], Result],
        same: Callable[[Result, Result], bool],
    ) -> Result:
        """Return ``finish(function(numbers()))``."""
        replayed = self._replay(self._recorded[kind], numbers, finish) if kind in self._recorded else None
        if replayed is not None and kind in self._checked:
            return replayed
        inputs = numbers().to(self.device)
        result = finish(function(inputs))
        if replayed is not None:
            if same(replayed, result):
                self._checked.add(kind)
            else:
                self._recorded, self._record = {}, None
        elif kind is not None and kind == self._last and kind not in self._recorded and len(self._recorded) < MOST:
            self._try_to_record(kind, function, inputs)
        self._last = kind
        return result

    def _replay(self, launches: Any, numbers: Callable[[], Tensor], finish: Callable[[Out], Result]) -> Result | None:
        """Return the result, or None if torch cannot replay now, for example because another thread is recording."""
        try:
            out = launches.run(numbers())
        except RuntimeError:
            return None
        result = finish(out)
        launches.end()
        return result

    def _try_to_record(self, kind: Hashable, function: Callable[[Tensor], Out], inputs: Tensor) -> None:
        if self._record is None or threading.current_thread() is not threading.main_thread():
            return
        try:
            self._recorded[kind] = self._record(function, inputs)
        except RuntimeError:
            self._record = None
