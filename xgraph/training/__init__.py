"""Training: settings, the two-stage training loop, run directories, checkpoints, metrics and prediction."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xgraph.training.config.build import TrainConfig
    from xgraph.training.files.rundir import Run
    from xgraph.training.fit.train import train
    from xgraph.training.prediction.embed import embed, load_model
    from xgraph.training.prediction.evaluate import evaluate
    from xgraph.training.prediction.predict import predict
    from xgraph.training.prediction.predict_file import predict_file
    from xgraph.training.prediction.screening.folder import predict_folder
    from xgraph.training.prediction.screening.predictor import Predictor
    from xgraph.training.pretraining import PretrainConfig, pretrain

__all__ = [
    "Predictor",
    "PretrainConfig",
    "Run",
    "TrainConfig",
    "embed",
    "evaluate",
    "load_model",
    "predict",
    "predict_file",
    "predict_folder",
    "pretrain",
    "train",
]

_PLACES = {
    "Predictor": "prediction.screening.predictor",
    "PretrainConfig": "pretraining",
    "Run": "files.rundir",
    "TrainConfig": "config.build",
    "embed": "prediction.embed",
    "evaluate": "prediction.evaluate",
    "load_model": "prediction.embed",
    "predict": "prediction.predict",
    "predict_file": "prediction.predict_file",
    "predict_folder": "prediction.screening.folder",
    "pretrain": "pretraining",
    "train": "fit.train",
}


def __getattr__(name: str) -> object:
    # torch is imported on first use, which settings and run directories do without.
    if name in _PLACES:
        import importlib

        return getattr(importlib.import_module(f"xgraph.training.{_PLACES[name]}"), name)
    raise AttributeError(f"module 'xgraph.training' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
