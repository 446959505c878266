"""Explanations: which atoms, instances, neighbours or features the scores of a run come from."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xgraph.data.molecules.drawing import draw_molecule
    from xgraph.explanations.drawing import draw
    from xgraph.explanations.explained import explain
    from xgraph.explanations.gradients import IntegratedGradients
    from xgraph.explanations.notebooks import show_molecules
    from xgraph.explanations.writing import write_explanations

__all__ = ["IntegratedGradients", "draw", "draw_molecule", "explain", "show_molecules", "write_explanations"]

_PLACES = {
    "IntegratedGradients": "gradients",
    "draw": "drawing",
    "draw_molecule": "drawing",
    "show_molecules": "notebooks",
    "explain": "explained",
    "write_explanations": "writing",
}


def __getattr__(name: str) -> object:
    # PyG and RDKit are imported on first use.
    if name in _PLACES:
        import importlib

        return getattr(importlib.import_module(f"xgraph.explanations.{_PLACES[name]}"), name)
    raise AttributeError(f"module 'xgraph.explanations' has no attribute {name!r}")
