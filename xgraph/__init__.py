"""Graph and multi-instance learning for rare labels, huge neighbourhoods and bags."""

from typing import TYPE_CHECKING

from xgraph._version import __version__

if TYPE_CHECKING:
    from xgraph.explanations import explain
    from xgraph.reports import report
    from xgraph.training import (
        Predictor,
        Run,
        embed,
        evaluate,
        load_model,
        predict,
        predict_file,
        predict_folder,
        pretrain,
        train,
    )
    from xgraph.tuning import search

_TRAINING = (
    *("Predictor", "Run", "embed", "evaluate", "load_model"),
    *("predict", "predict_file", "predict_folder", "pretrain", "train"),
)

__all__ = [
    "Predictor",
    "Run",
    "__version__",
    "embed",
    "evaluate",
    "explain",
    "load_model",
    "predict",
    "predict_file",
    "predict_folder",
    "pretrain",
    "report",
    "search",
    "train",
]


def __getattr__(name: str) -> object:
    # The training stack imports torch, PyG and RDKit, so it is loaded on first use.
    if name in _TRAINING:
        import xgraph.training

        return getattr(xgraph.training, name)
    if name == "explain":
        import xgraph.explanations

        return xgraph.explanations.explain
    if name == "report":
        import xgraph.reports

        return xgraph.reports.report
    if name == "search":
        import xgraph.tuning

        return xgraph.tuning.search
    raise AttributeError(f"module 'xgraph' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
