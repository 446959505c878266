"""From settings to a finished run: training in two stages, checkpoints, metrics, prediction."""

from xgraph.training.config import TrainConfig
from xgraph.training.evaluate import evaluate
from xgraph.training.predict import predict
from xgraph.training.pretraining import PretrainConfig, pretrain
from xgraph.training.rundir import Run
from xgraph.training.train import train

__all__ = ["PretrainConfig", "Run", "TrainConfig", "evaluate", "predict", "pretrain", "train"]
