"""What a report consists of: sections of text, facts, tables, figures and cards.

All text is plain: the template escapes it, so names, labels and SMILES can be passed as they are. Only ``svg`` and
``image`` are put on the page as given; they come from our own drawing code.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Code:
    """A command or a few lines of code, which can be copied."""

    text: str


@dataclass(frozen=True)
class Facts:
    """A list of names and values.

    Args:
        pairs: Name and value of each fact.
    """

    pairs: Sequence[tuple[str, Any]]


@dataclass(frozen=True)
class Numbers:
    """The few numbers that matter most, shown large.

    Args:
        values: The label, the value and a remark of each.
    """

    values: Sequence[tuple[str, Any, str]]


@dataclass(frozen=True)
class Table:
    """A table.

    Args:
        columns: Headers.
        rows: Cells by row. Floats are shown with four decimals, and the page keeps their exact value.
        sortable: Whether a click on a header sorts the rows.
        caption: What the table shows.
        folded: Whether the table is closed at first; it can be opened by a click, and is open in print.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    sortable: bool = False
    caption: str = ""
    folded: bool = False


@dataclass(frozen=True)
class Figure:
    """A figure.

    Args:
        svg: The picture, an ``<svg>`` element of our own making.
        caption: What it shows.
        alt: A description for those who cannot see it; the caption by default.
        wide: Whether it takes the whole width.
    """

    svg: str
    caption: str = ""
    alt: str = ""
    wide: bool = False


@dataclass(frozen=True)
class Card:
    """A small picture with some lines below it, such as a molecule with its label and score.

    Args:
        svg: The picture, an ``<svg>`` element of our own making; empty for none.
        lines: Lines of text.
        image: The picture as a data URI instead, for a bitmap.
        alt: A description of the picture.
        mark: "good" or "bad" colours the edge of the card; empty leaves it plain.
    """

    svg: str = ""
    lines: Sequence[str] = ()
    image: str = ""
    alt: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Cards:
    """A grid of cards.

    Args:
        cards: The cards, in order.
        caption: What they show.
    """

    cards: Sequence[Card]
    caption: str = ""


@dataclass(frozen=True)
class LeftOut:
    """Something that the report leaves out, and why."""

    what: str
    why: str


Block = Text | Code | Facts | Numbers | Table | Figure | Cards | LeftOut


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading.

    Args:
        title: The heading.
        blocks: What it shows, in order.
        note: A line in small print under the heading.
    """

    title: str
    blocks: Sequence[Block] = field(default_factory=list)
    note: str = ""
