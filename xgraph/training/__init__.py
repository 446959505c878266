"""Training: settings, the two-stage training loop, run directories, checkpoints, metrics and prediction."""

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
