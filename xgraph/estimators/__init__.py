"""Tables of per-item state and how they move: the one mechanism under every loss and layer of xgraph."""

from xgraph.estimators.log_moving_average import LogMovingAverage
from xgraph.estimators.moving_average import MovingAverage
from xgraph.estimators.projected_gradient import ProjectedGradient
from xgraph.estimators.ratio_moving_average import RatioMovingAverage
from xgraph.estimators.rows import check_rows
from xgraph.estimators.schedules import ConstantGamma, CosineGamma, GammaSchedule
from xgraph.estimators.table import StateTable

__all__ = [
    "ConstantGamma",
    "CosineGamma",
    "GammaSchedule",
    "LogMovingAverage",
    "MovingAverage",
    "ProjectedGradient",
    "RatioMovingAverage",
    "StateTable",
    "check_rows",
]
