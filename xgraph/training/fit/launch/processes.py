"""Several processes for one run: how many, started here or by torchrun or SLURM, and what ends them."""

import multiprocessing
import os
import pickle
import signal
import socket
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import torch

from xgraph.data.storage.parallel import available_cores, end_with
from xgraph.distributed.environment import place
from xgraph.distributed.processes import of_all
from xgraph.options import OptionError
from xgraph.training.config.build import TrainConfig, differences

_GRACE = 10.0
"""Seconds that the other processes get to end by themselves when one has failed."""

_FORWARDED = ("SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP")


def processes_to_start(config: TrainConfig, device: str) -> int:
    """Return how many processes this one has to start; 1 if it trains itself, alone or as one of several.

    Raises:
        OptionError: If the settings do not fit the machine, the model, or the processes that were started.
    """
    here, wanted = place(), config.devices * config.nodes
    if here is not None and wanted not in (1, here.world_size):
        raise OptionError(
            f"devices = {config.devices}, nodes = {config.nodes}: {here.starter} has started {here.world_size} "
            "processes; leave both settings out, or start as many"
        )
    if here is None and config.nodes > 1:
        raise OptionError(
            f"nodes = {config.nodes}: one machine cannot start processes on others; run the same command on each of "
            "them with torchrun or srun (see the guide to several processes)"
        )
    count, several = (config.devices, wanted) if here is None else (here.local_size, here.world_size)
    if several > 1 and config.fitted:
        raise OptionError(
            f"devices = {several}: model {config.model!r} is fitted in a single step by one process; leave devices out "
            "(--threads sets its CPU threads)"
        )
    if device == "cuda" and count > torch.cuda.device_count():
        gpus = torch.cuda.device_count()
        raise OptionError(f"devices = {count}: this machine has {gpus} GPU(s); use --devices {gpus}, or --device cpu")
    return count if here is None else 1


def check_same(config: TrainConfig) -> None:
    """Refuse processes with different settings."""
    first, *others = of_all(config)
    for number, theirs in enumerate(others, 1):
        for name, (one, other) in differences(first, theirs).items():
            raise OptionError(
                f"{name} is {one!r} in process 0 and {other!r} in process {number}: all processes of a run need the "
                "same settings (to train several runs instead, hide the variables of torchrun or srun from them, such "
                "as RANK or SLURM_PROCID)"
            )


def start(count: int, function: Callable[..., Any], options: dict[str, Any]) -> Any:
    """Call a function with some options in several new processes, and return the result of the first one.

    If one of them fails or is killed, the others are ended. Signals are passed on to all of them.

    Raises:
        ChildProcessError: If a process was killed.
        BaseException: What the function raised.
    """
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="xgraph-") as folder:
        arguments = (count, _free_port(), folder, function, options)
        processes = [spawn.Process(target=_work, args=(number, *arguments)) for number in range(count)]
        with _clean_start(), _signals_to(processes):
            try:
                for process in processes:
                    process.start()
                _wait(processes)
            finally:
                _end(processes)
        outcomes = [Path(folder, f"{number}.pickle") for number in range(count)]
        _raise_failure(processes, outcomes)
        return pickle.loads(outcomes[0].read_bytes())  # of our own process


def _work(number: int, count: int, port: int, folder: str, function: Callable[..., Any], options: Any) -> None:
    """Be one of the processes."""
    os.setsid()  # the terminal's interrupt goes to the process that started this one, which passes it on
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    local = {"LOCAL_RANK": number, "LOCAL_WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in {"RANK": number, "WORLD_SIZE": count, **local}.items()})
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(available_cores() // count, 1))
    if number > 0:
        warnings.simplefilter("ignore")
    elif options.get("progress"):
        warnings.showwarning = _show_warning
    outcome = Path(folder, f"{number}.pickle")
    try:
        result = function(**options)
    except BaseException as error:
        try:
            outcome.write_bytes(pickle.dumps(error))
        except Exception:  # an error of a kind that cannot be sent
            outcome.write_bytes(pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}")))
        sys.stderr.flush()
        os._exit(1)  # without waiting for threads of a communication that is broken
    if number == 0:
        outcome.write_bytes(pickle.dumps(result))


def _wait(processes: Sequence[SpawnProcess]) -> None:
    """Wait until all processes have ended, or one has failed and the others had time to end too."""
    until: float | None = None
    while alive := [process for process in processes if process.is_alive()]:
        left = None if until is None else until - time.monotonic()
        if left is not None and left <= 0:
            return
        wait([process.sentinel for process in alive], timeout=1.0 if left is None else min(left, 1.0))
        if until is None and any(process.exitcode for process in processes):
            until = time.monotonic() + _GRACE


def _end(processes: Sequence[SpawnProcess]) -> None:
    """End the processes that are left."""
    for stop in (SpawnProcess.terminate, SpawnProcess.kill):
        for process in processes:
            if process.is_alive():
                stop(process)
        until = time.monotonic() + _GRACE
        for process in processes:
            if process.pid is not None:
                process.join(max(until - time.monotonic(), 0.0))


def _raise_failure(processes: Sequence[SpawnProcess], outcomes: Sequence[Path]) -> None:
    """Raise what made the processes fail, if they did: not that one of them missed another."""
    failed = [(process, file) for process, file in zip(processes, outcomes, strict=True) if process.exitcode]
    errors = [pickle.loads(file.read_bytes()) for _, file in failed if file.is_file()]
    own = [error for error in errors if not isinstance(error, ChildProcessError)]
    if own:
        raise own[0]
    for number, process in enumerate(processes):
        code = process.exitcode
        if code and not outcomes[number].is_file():
            cause = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            memory = " (often for lack of memory: use fewer --devices or a smaller --batch-size)"
            raise ChildProcessError(
                f"process {number} of {len(processes)} {cause}{memory if code == -signal.SIGKILL else ''}, so the run "
                "was stopped; --resume continues after the last checkpoint"
            )
    if errors:
        raise errors[0]


@contextmanager
def _clean_start() -> Iterator[None]:
    """Keep new processes from running the user's script again, which need not be guarded, and from advice on DDP."""
    level = os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    main: Any = sys.modules["__main__"]
    kept = {name: vars(main)[name] for name in ("__file__", "__spec__") if name in vars(main)}
    main.__spec__ = None
    vars(main).pop("__file__", None)
    try:
        yield
    finally:
        vars(main).update(kept)
        if level == "ERROR":
            os.environ.pop("TORCH_CPP_LOG_LEVEL", None)


@contextmanager
def _signals_to(processes: Sequence[SpawnProcess]) -> Iterator[None]:
    """Pass signals on to the processes, which decide what follows."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def forward(number: int, frame: Any) -> None:
        for process in processes:
            if process.pid is not None and process.is_alive():
                os.kill(process.pid, number)

    before = {one: signal.signal(one, forward) for one in (getattr(signal, name) for name in _FORWARDED)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    sys.stderr.write(f"warning: {message}\n")
