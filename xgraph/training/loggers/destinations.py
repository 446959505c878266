"""Lightning's loggers behind one interface: what is there already is not logged again when a run is resumed."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xgraph.training.loggers.places import Place
from xgraph.training.loggers.values import Values

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger


class Destination:
    """A place that a run is logged to.

    Args:
        logger: Lightning's logger.
        title: What messages call it.
    """

    catches_up = True
    """Whether it is given all epochs of a resumed run, to take those that it lacks."""

    def __init__(self, logger: "Logger", title: str) -> None:
        self.logger, self.title = logger, title

    def begin(self, epochs: int) -> None:
        """Prepare for a run that has done so many epochs."""

    def settings(self, values: Mapping[str, Any]) -> None:
        """Log the settings of the run."""
        self.logger.log_hyperparams(dict(values))

    def epoch(self, values: Values, step: int) -> None:
        """Log an epoch."""
        self.log(values, step)

    def results(self, values: Values, step: int, settings: Mapping[str, Any]) -> None:
        """Log the metrics of the finished run."""
        self.log(values, step)

    def log(self, values: Values, step: int) -> None:
        """Log some values, as far as they are new."""
        if new := {name: value for name, value in values.items() if not self.has(name, step, value)}:
            self.logger.log_metrics(new, step)
            self.logger.save()

    def has(self, name: str, step: int, value: float) -> bool:
        """Whether a value was logged before the run was resumed."""
        return False

    def attach(self, file: Path) -> None:
        """Keep a copy of a file, where the logger can."""

    def close(self, status: str) -> None:
        """End: the run has `finished`, `failed`, or was `stopped` and can be resumed."""
        self.logger.finalize("failed" if status == "failed" else "success")


class Given(Destination):
    """A logger that the caller made. What it has from before is not known, so it is only given new epochs."""

    catches_up = False


class Csv(Destination):
    """``metrics.csv`` and ``hparams.yaml``; written anew when the run is resumed."""

    def __init__(self, place: Place) -> None:
        from lightning.pytorch.loggers import CSVLogger

        folder = place.folder_of("csv")
        (folder / "metrics.csv").unlink(missing_ok=True)
        super().__init__(CSVLogger(folder, name="", version=""), "csv")


class TensorBoard(Destination):
    """Files of events, to which a resumed run adds another one."""

    def __init__(self, place: Place) -> None:
        self.folder = place.folder_of("tensorboard")
        self.known: dict[tuple[str, int], float] = {}
        super().__init__(self._logger(), "tensorboard")

    def begin(self, epochs: int) -> None:
        """Read what is there; events after the last epoch are hidden, because they come again."""
        from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader

        for file in sorted(self.folder.glob("events.out.tfevents.*")):
            for event in LegacyEventFileLoader(str(file)).Load():
                if event.HasField("session_log"):
                    self.known = {key: value for key, value in self.known.items() if key[1] < event.step}
                self.known |= {(one.tag, event.step): one.simple_value for one in event.summary.value}
        if any(step > epochs for _, step in self.known):
            self.known = {key: value for key, value in self.known.items() if key[1] <= epochs}
            self.logger = self._logger(purge_step=epochs + 1)

    def has(self, name: str, step: int, value: float) -> bool:
        """Whether a value is in the files, which hold 32 bits of it."""
        known = self.known.get((name, step))
        return known is not None and abs(known - value) <= 1e-6 * max(abs(value), 1e-30)

    def results(self, values: Values, step: int, settings: Mapping[str, Any]) -> None:
        """Log the metrics, with the settings, which TensorBoard only shows beside metrics."""
        if new := {name: value for name, value in values.items() if not self.has(name, step, value)}:
            self.logger.log_hyperparams(dict(settings), new, step)
            self.logger.save()

    def _logger(self, **more: Any) -> "Logger":
        from lightning.pytorch.loggers import TensorBoardLogger

        return TensorBoardLogger(self.folder, name="", version="", default_hp_metric=False, **more)


def remove(folder: str | None, within: Path) -> None:
    """Remove a folder of a logger's own, if it is still in the folder of logs."""
    if folder and (path := within / Path(folder).name).is_dir():
        shutil.rmtree(path)
