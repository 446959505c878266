"""Weights & Biases and MLflow: loggers that keep records of runs, on this machine unless they are told otherwise."""

import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xgraph.training.loggers.destinations import Destination, remove
from xgraph.training.loggers.places import Place
from xgraph.training.loggers.values import Values

PROJECT = "xgraph"
"""Project and experiment, unless the environment names another one."""

_LONGEST = 250  # characters of a setting that Lightning passes on to MLflow


class Wandb(Destination):
    """A run of Weights & Biases: offline, unless ``WANDB_MODE`` says otherwise.

    An offline record cannot be continued, so that of a resumed run is written anew, under the same id.
    """

    def __init__(self, place: Place) -> None:
        for name in ("WANDB_SILENT", "WANDB_DISABLE_GIT", "WANDB_DISABLE_CODE"):
            os.environ.setdefault(name, "true")
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # which sends them to the makers of wandb
        import wandb
        from lightning.pytorch.loggers import WandbLogger

        mode: Any = os.environ.get("WANDB_MODE", "offline")
        record, folder = place.record("wandb"), Path(os.environ.get("WANDB_DIR") or place.folder)
        folder.mkdir(parents=True, exist_ok=True)
        if mode == "offline":
            remove(record.get("folder"), folder / "wandb")
        key = record.get("id") or uuid.uuid4().hex[:8]
        self.run: Any = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or PROJECT,
            name=os.environ.get("WANDB_NAME") or place.title,
            group=os.environ.get("WANDB_RUN_GROUP") or (place.title.split("/")[0] if place.member else None),
            id=key,
            dir=str(folder),
            mode=mode,
            resume="allow" if mode == "online" else None,
            reinit="create_new",  # a run of the caller's own goes on
            settings=wandb.Settings(console="off", x_disable_stats=True),
        )
        self.run.define_metric("epoch")
        self.run.define_metric("*", step_metric="epoch", step_sync=True)
        place.keep("wandb", {"id": key, "folder": Path(self.run.dir).parent.name})
        self.last = int(self.run.summary.get("epoch") or 0) if mode == "online" else 0
        super().__init__(WandbLogger(experiment=self.run), "wandb")

    def epoch(self, values: Values, step: int) -> None:
        """Log an epoch, unless the server has it."""
        if step > self.last:
            self.logger.log_metrics({**values, "epoch": step})

    def results(self, values: Values, step: int, settings: Mapping[str, Any]) -> None:
        """Write the metrics into the summary of the run."""
        self.run.summary.update(values)

    def attach(self, file: Path) -> None:
        """Keep the file among those of the run."""
        copy = Path(shutil.copy(file, self.run.dir))
        self.run.save(str(copy), base_path=self.run.dir, policy="now")

    def close(self, status: str) -> None:
        """End the run, whose state is `failed` unless it has finished."""
        self.run.finish(exit_code=int(status != "finished"))


class Mlflow(Destination):
    """A run of MLflow: in files of the run directory, unless ``MLFLOW_TRACKING_URI`` names another place."""

    def __init__(self, place: Place) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        given = os.environ.get("MLFLOW_TRACKING_URI") or ""
        uri = given or (place.folder / "mlflow").resolve().as_uri()
        if "://" not in uri or uri.startswith("file:"):
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # newer releases ask for it
        record = place.record("mlflow")
        key = record.get("run") if record.get("place") == given else None
        logger = _connect(place, uri, key)
        super().__init__(logger, "mlflow")
        self.client, self.run = logger.experiment, str(logger.run_id)
        self.known: dict[str, dict[int, float]] = {}
        self.resumed = self.run == key
        if self.resumed:
            self.client.update_run(self.run, status="RUNNING")
        else:
            place.keep("mlflow", {"run": self.run, "place": given})

    def settings(self, values: Mapping[str, Any]) -> None:
        """Log the settings. MLflow lets none of them change, so those of a resumed run that have are tags."""
        known = self.client.get_run(self.run).data.params
        self.logger.log_hyperparams({name: value for name, value in values.items() if name not in known})
        for name, value in values.items():
            if name in known and str(value)[:_LONGEST] != known[name][:_LONGEST]:
                self.client.set_tag(self.run, f"resumed.{name}", str(value))

    def log(self, values: Values, step: int) -> None:
        """Log some values, as far as they are new; names may not have an @."""
        super().log({name.replace("@", "_at_"): value for name, value in values.items()}, step)

    def has(self, name: str, step: int, value: float) -> bool:
        """Whether the record that is continued has a value."""
        if not self.resumed:
            return False
        if name not in self.known:
            history = self.client.get_metric_history(self.run, name)
            self.known[name] = {one.step: one.value for one in history}
        return self.known[name].get(step) == value

    def attach(self, file: Path) -> None:
        """Keep the file as an artifact."""
        self.client.log_artifact(self.run, str(file))

    def close(self, status: str) -> None:
        """End the run as finished, failed or killed."""
        self.logger.finalize({"finished": "FINISHED", "failed": "FAILED"}.get(status, "KILLED"))


def _connect(place: Place, uri: str, key: str | None) -> Any:
    """Return Lightning's logger for the record of a run, or for a new one if there is none."""
    import mlflow
    from lightning.pytorch.loggers import MLFlowLogger
    from mlflow.exceptions import MlflowException

    variable = os.environ.get("MLFLOW_TRACKING_URI")
    experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME") or PROJECT
    tags = {"xgraph.run": place.title.split("/")[0]}
    try:
        for run in dict.fromkeys((key, None)):
            logger = MLFlowLogger(experiment, tracking_uri=uri, run_name=place.title, run_id=run, tags=dict(tags))
            try:
                logger.experiment  # noqa: B018 (connects)
            except MlflowException:
                if run is None:
                    raise
            else:
                break
    finally:  # Lightning sets the place for all of the process, and for those that it starts
        mlflow.set_tracking_uri(None)
        if variable is not None:
            os.environ["MLFLOW_TRACKING_URI"] = variable
    return logger
