"""Formulas as MathML, which browsers draw themselves: no script and no network."""

from docutils.nodes import SkipNode, math, math_block
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.writers.html5 import HTML5Translator

# Docstrings write these as characters, so that they can be read in a terminal too.
OPERATORS = str.maketrans({"∈": r"\in ", "Σ": r"\sum ", "≤": r"\le ", "≥": r"\ge ", "·": r"\cdot "})


def inline(self: HTML5Translator, node: math) -> None:
    """A formula in the text."""
    self.body.append(_mathml(node, "inline"))
    raise SkipNode


def displayed(self: HTML5Translator, node: math_block) -> None:
    """A formula on lines of its own."""
    self.body.append(f'<div class="math">{_mathml(node, "block")}</div>')
    raise SkipNode


def _mathml(node: math | math_block, display: str) -> str:
    try:
        return convert(node.astext().translate(OPERATORS), display=display)
    except Exception as error:
        raise ExtensionError(f"{node.source}:{node.line}: no formula: {node.astext()!r}") from error


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", (inline, None), (displayed, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
