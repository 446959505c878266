"""Blocks to one self-contained HTML file."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from xgraph._version import __version__
from xgraph.messages import legible
from xgraph.reports.page.blocks import Block, Figure, LeftOut, Section
from xgraph.reports.page.numbers import is_number, shown


def render(title: str, sections: Sequence[Section], *, subtitle: str = "", left_out: Sequence[LeftOut] = ()) -> str:
    """Return the page.

    Args:
        title: The title.
        sections: The sections, in order.
        subtitle: A line under the title.
        left_out: What the report leaves out; listed at the end.
    """
    return (
        _environment()
        .get_template("template.html.j2")
        .render(
            title=title,
            subtitle=subtitle,
            sections=list(zip(_anchors(sections), sections, strict=True)),
            left_out=left_out,
            style=Markup(_file("style.css")),
            script=Markup(_file("sort.js")),
            version=__version__,
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("xgraph.reports.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalized,
    )
    environment.filters |= {"shown": shown, "exact": _exact, "groups": _groups, "kind": _kind, "raw": Markup}
    environment.tests["number"] = is_number
    return environment


def _finalized(value: Any) -> Any:
    """Leave our own markup as it is, and show characters that control the display as their escape sequences."""
    return value if isinstance(value, Markup) else legible(str(value))


def _exact(value: Any) -> str:
    return repr(float(value))


def _kind(block: Block) -> str:
    return type(block).__name__.lower()


def _groups(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Put figures that follow each other into one group, which is laid out as a grid."""
    for figures, group in groupby(blocks, lambda block: isinstance(block, Figure)):
        if figures:
            yield list(group)
        else:
            yield from ([block] for block in group)


def _anchors(sections: Sequence[Section]) -> list[str]:
    """Return an id for each section, made of its title."""
    names: list[str] = []
    for section in sections:
        name = re.sub(r"[^a-z0-9]+", "-", section.title.lower()).strip("-") or "section"
        names.append(name if name not in names else f"{name}-{len(names)}")
    return names


@cache
def _file(name: str) -> str:
    return resources.files("xgraph.reports.page").joinpath(name).read_text(encoding="utf-8")
