"""Drawing by matplotlib without its global state, and SVG that takes its colours and its font from the page."""

import hashlib
import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from xgraph.messages import legible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAMES = ("ink", "muted", "grid", "page", "blue", "orange", "green", "purple", "red", "teal", "soft")
_STAND_INS = {name: f"#0000{number:02x}" for number, name in enumerate(_NAMES, 1)}
INK, MUTED, GRID, PAGE, BLUE, ORANGE, GREEN, PURPLE, RED, TEAL, SOFT = _STAND_INS.values()
"""Stand-ins for the colours of the page's style sheet, which differ between its light and its dark form."""
LINES: Final = (BLUE, ORANGE, GREEN, PURPLE, RED, TEAL)
"""Colours of the lines of a figure, in order."""
WIDTH, HEIGHT = 4.6, 3.2
"""Size of a figure in inches, two of which stand side by side on a wide screen."""

_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "xgraph",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "legend.fontsize": 8.5,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "text.color": INK,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.6,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "axes.unicode_minus": True,
    "path.simplify": True,
}


@contextmanager
def drawing(width: float = WIDTH, height: float = HEIGHT, **subplots: Any) -> "Iterator[tuple[Figure, Any]]":
    """Yield a figure in the style of the page, and its axes. Settings of matplotlib are as before afterwards.

    Args:
        width: Width in inches.
        height: Height in inches.
        subplots: Arguments of ``Figure.subplots``.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about glyphs that a font lacks: the page chooses the font
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(figure)
        yield figure, figure.subplots(**subplots)


def to_svg(figure: "Figure") -> str:
    """Return the figure as an ``<svg>`` element. Call it within `drawing`."""
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    return for_the_page(file.getvalue())


def for_the_page(svg: str) -> str:
    """Make SVG of matplotlib part of the page: its colours and font, short numbers, and ids that are not taken."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.S)
    svg = re.sub(r"<[^>]*>", lambda tag: _of_the_page(tag[0]), svg)  # and not the text between
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))
    prefix = "f" + hashlib.sha256(svg.encode()).hexdigest()[:8]
    svg = re.sub(r' id="([^"]*)"', lambda own: f' id="{prefix}{own[1]}"' if own[1] in used else "", svg)
    svg = re.sub(r'(url\(#|href="#)', rf"\g<1>{prefix}", svg)
    head, _, rest = svg.partition(">")
    size = re.findall(r'viewBox="[^"]*"', head)
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return re.sub(r"\s*\n\s*", " ", f'<svg {names} {size[0]} stroke-linejoin="round" fill="currentColor">{rest}')


def _of_the_page(tag: str) -> str:
    """Return a tag with the colours and the font of the page, and with numbers of two decimals."""
    tag = re.sub(r"; font-family: [^;\"]*|font-family: [^;\"]*; ?", "", tag)
    tag = re.sub(r' transform="rotate\(-0 [^"]*\)"', "", tag)
    tag = re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), tag)
    for name, colour in _STAND_INS.items():
        tag = tag.replace(colour, f"var(--{name})")
    return tag


def finish(axes: "Axes", x: str = "", y: str = "", title: str = "", legend: str | None = None) -> None:
    """Label the axes, and place the legend if there is one.

    Args:
        axes: The axes.
        x: What the horizontal axis shows.
        y: What the vertical axis shows.
        title: The title.
        legend: Where the legend stands; none by default.
    """
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if title:
        axes.set_title(escaped(title))
    if legend is not None:
        axes.legend(loc=legend, handlelength=1.4, borderaxespad=0.3, labelspacing=0.35)


def escaped(text: str, most: int = 40) -> str:
    """Return text that matplotlib shows as it is: dollar signs start no formula, and long names are cut."""
    return legible(" ".join(text.split()), most).replace("$", r"\$")
