"""Batches prepared in advance by a thread."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any, TypeVar

import torch
from torch import Tensor

Job = TypeVar("Job")


def prefetched(
    make: Callable[[Job], Any], jobs: Iterable[Job], ahead: int, device: torch.device | None = None
) -> Iterator[Any]:
    """Iterate over ``map(make, jobs)`` while a thread prepares up to `ahead` results in advance."""
    if ahead == 0:
        yield from map(make, jobs)
        return
    on_gpu = device is not None and device.type == "cuda"
    side = torch.cuda.Stream(device) if on_gpu else None  # type: ignore[no-untyped-call]
    if side is not None:
        side.wait_stream(
            torch.cuda.current_stream(device)
        )  # the data of the batches may still be on its way to the GPU

    def work(job: Job) -> tuple[Any, torch.cuda.Event | None]:
        with torch.cuda.stream(side) if side is not None else nullcontext():
            batch = make(job)
            return batch, None if side is None else side.record_event()

    def receive(future: "Future[tuple[Any, torch.cuda.Event | None]]") -> Any:
        batch, ready = future.result()
        if ready is not None:
            stream = torch.cuda.current_stream(device)
            stream.wait_event(ready)
            for tensor in tensors_in(batch):
                record(tensor, stream)
        return batch

    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="xgraph-prefetch")
    try:
        under_way: deque[Future[tuple[Any, torch.cuda.Event | None]]] = deque()
        for job in jobs:
            under_way.append(thread.submit(work, job))
            if len(under_way) > ahead:
                yield receive(under_way.popleft())
        while under_way:
            yield receive(under_way.popleft())
    finally:
        thread.shutdown(wait=True, cancel_futures=True)


def tensors_in(batch: Any) -> Iterator[Tensor]:
    """Iterate over the tensors of a batch."""
    if isinstance(batch, Tensor):
        yield batch
    elif hasattr(batch, "to_dict"):
        yield from tensors_in(batch.to_dict())
    elif isinstance(batch, Mapping):
        for value in batch.values():
            yield from tensors_in(value)
    elif isinstance(batch, list | tuple):
        for value in batch:
            yield from tensors_in(value)


def record(tensor: Tensor, stream: torch.cuda.Stream) -> None:
    """Keep the memory of a tensor from being reused before the work queued on `stream` so far has finished."""
    if tensor.layout == torch.sparse_csr:
        parts = [tensor.crow_indices(), tensor.col_indices(), tensor.values()]
    else:
        parts = [tensor]
    for part in parts:
        if part.is_cuda:
            part.record_stream(stream)
