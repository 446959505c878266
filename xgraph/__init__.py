"""Graph and multi-instance learning for rare labels, huge neighbourhoods and bags."""

from typing import TYPE_CHECKING

from xgraph._version import __version__

if TYPE_CHECKING:
    from xgraph.training import Run, evaluate, predict, train

__all__ = ["Run", "__version__", "evaluate", "predict", "train"]


def __getattr__(name: str) -> object:
    # The training stack imports torch, PyG and RDKit: only who asks for it pays for it.
    if name in {"Run", "evaluate", "predict", "train"}:
        import xgraph.training

        return getattr(xgraph.training, name)
    raise AttributeError(f"module 'xgraph' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
