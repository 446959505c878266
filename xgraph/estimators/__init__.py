"""Tables of per-item state: the mechanism behind every loss and layer of xgraph with memory.

A table keeps one row of numbers per item (a molecule, a node, a bag) and updates the rows that a batch touches.
Equation and algorithm numbers in the docstrings, such as (6.12), refer to the chapter "Applications: Learning
Predictive, Generative and Representation Models" of a textbook on compositional optimisation.
"""

from xgraph.estimators.infinite import skip_infinite
from xgraph.estimators.log_moving_average import LogMovingAverage
from xgraph.estimators.moving_average import MovingAverage
from xgraph.estimators.projected_gradient import ProjectedGradient
from xgraph.estimators.ratio_moving_average import RatioMovingAverage
from xgraph.estimators.rows import check_rows
from xgraph.estimators.schedules import ConstantGamma, CosineGamma, GammaSchedule, Proximal
from xgraph.estimators.table import StateTable

__all__ = [
    "ConstantGamma",
    "CosineGamma",
    "GammaSchedule",
    "LogMovingAverage",
    "MovingAverage",
    "ProjectedGradient",
    "Proximal",
    "RatioMovingAverage",
    "StateTable",
    "check_rows",
    "skip_infinite",
]
