"""The loggers of one run as one: opened before training, fed by epochs, and closed however the run ends."""

import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgraph.options import RunError
from xgraph.training.config.build import TrainConfig, read_config
from xgraph.training.files.rundir import CONFIG, Run, config_values
from xgraph.training.loggers.places import Place, place_of
from xgraph.training.loggers.values import Values, epoch_rows, final_values, settings_of

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger

    from xgraph.training.loggers.destinations import Destination

_given: ContextVar[Sequence["Logger"]] = ContextVar("_given", default=())  # loggers that the caller has made


def split_loggers(settings: dict[str, Any]) -> tuple[dict[str, Any], list["Logger"]]:
    """Separate loggers that are objects from those that are names, in the setting `logger`."""
    given = settings.get("logger")
    if given is None or isinstance(given, str):
        return settings, []
    every = list(given) if isinstance(given, list | tuple) else [given]
    names = [one for one in every if not _is_logger(one)]
    rest = {name: value for name, value in settings.items() if name != "logger"}
    return rest | ({"logger": names} if names else {}), [one for one in every if _is_logger(one)]


def _is_logger(value: object) -> bool:
    return callable(getattr(value, "log_metrics", None)) and callable(getattr(value, "log_hyperparams", None))


@contextmanager
def also_logged_by(loggers: Sequence["Logger"]) -> Iterator[None]:
    """Log the runs of this block with loggers of the caller's own, too."""
    token = _given.set(loggers)
    try:
        yield
    finally:
        _given.reset(token)


class Logbook:
    """The loggers of a run. A logger that fails later is left out with a warning: it is not worth losing a run.

    Args:
        path: The run directory.
        names: Names of the loggers.
        config: The settings of the run, as plain values.
    """

    def __init__(self, path: Path, names: Iterable[str] | None, config: Mapping[str, Any]) -> None:
        self.path, self.names = path, list(names or ())
        self.config = settings_of(config)
        self._open: list[Destination] = []
        self._last: int | None = None  # epoch

    def open(self) -> None:
        """Open the loggers.

        Raises:
            RunError: If one cannot be opened, such as that of a server without its password.
        """
        place = place_of(self.path)
        for name in self.names:
            try:
                with _quiet():
                    self._open.append(_make(name, place))
            except Exception as error:  # of many types, by logger
                self.close("failed")
                raise RunError(f"logger {name} cannot be opened: {_line(error)}; leave it out, or mend it") from error
        if given := _given.get():
            from xgraph.training.loggers.destinations import Given

            self._open += [Given(one, type(one).__name__) for one in given]
        self._each(lambda one: one.settings(self.config))

    @property
    def is_open(self) -> bool:
        """Whether anything is logged."""
        return bool(self._open)

    def begin(self) -> None:
        """Log the epochs that a resumed run has done, as far as they are missing."""
        self._begin([one for one in self._open if one.catches_up])

    def epoch(self, number: int, values: Values) -> None:
        """Log an epoch."""
        self._last = number
        self._each(lambda one: one.epoch(values, number))

    def results(self, metrics: Mapping[str, Any]) -> None:
        """Log the metrics of the finished run, the contents of its `metrics.json`, after its epochs."""
        self._begin(self._open)
        step, values = self._last or 0, final_values(metrics)
        self._each(lambda one: one.results(values, step, self.config))

    def attach(self, file: Path) -> None:
        """Keep a copy of a file where loggers can."""
        self._each(lambda one: one.attach(file))

    def close(self, status: str) -> None:
        """Close the loggers; the run has `finished`, `failed`, or was `stopped`."""
        self._each(lambda one: one.close(status))
        self._open.clear()

    def _begin(self, those: Iterable["Destination"]) -> None:
        """Give loggers the epochs of the run that have not been logged."""
        rows = list(epoch_rows(self.path)) if self._open else []
        done = rows[-1][0] if rows else 0
        if self._last is None:
            self._last = 0
            self._each(lambda one: one.begin(done))
        those = list(those)
        for number, values in (row for row in rows if row[0] > self._last):
            self._each(lambda one, n=number, v=values: one.epoch(v, n) if one in those else None)  # type: ignore[misc]
        self._last = done

    def _each(self, act: Callable[["Destination"], None]) -> None:
        for one in list(self._open):
            try:
                with _quiet():
                    act(one)
            except Exception as error:  # of many types, by logger
                self._open.remove(one)
                warnings.warn(
                    f"logger {one.title} has failed, and gets no more of this run: {_line(error)}", stacklevel=3
                )


@contextmanager
def logged(book: Logbook) -> Iterator[Logbook]:
    """Close the loggers of a run at the end of the block, however it ends."""
    status = "failed"
    try:
        yield book
        status = "finished"
    except KeyboardInterrupt:
        status = "stopped"
        raise
    finally:
        book.close(status)


def log_summary(path: Path, config: TrainConfig, metrics: Mapping[str, Any]) -> None:
    """Log the metrics of a run over several folds, which has no epochs of its own."""
    if config.logger:
        with logged(Logbook(path, config.logger, config_values(config))) as book:
            book.open()
            book.results(metrics)


def attach(run: Path, file: Path) -> None:
    """Give a file of a finished run, such as its report, to those of its loggers that keep files.

    Args:
        run: The run directory.
        file: The file.
    """
    config = read_config(run / CONFIG)
    names = [name for name in config.get("logger") or () if name in ("wandb", "mlflow")]
    if names:
        finished = Run.open(run)
        with logged(Logbook(run, names, config)) as book:
            try:
                book.open()
            except RunError as error:  # a server that was there before
                warnings.warn(f"{file} is not logged: {error}", stacklevel=2)
            else:
                book.results(finished.metrics)
                book.attach(file)


def _make(name: str, place: Place) -> "Destination":
    from xgraph.training.loggers import destinations, trackers

    kinds: dict[str, Callable[[Place], Destination]] = {
        "csv": destinations.Csv,
        "tensorboard": destinations.TensorBoard,
        "wandb": trackers.Wandb,
        "mlflow": trackers.Mlflow,
    }
    return kinds[name](place)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what loggers announce: new folders, new experiments, that Lightning replaces an old file."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric", "mlflow")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
