"""HTML that objects show of themselves in a notebook. All text is escaped."""

import html
from collections.abc import Sequence

_STYLE = "border:1px solid #8886;border-radius:.5em;padding:.6em .9em;max-width:60em;overflow-wrap:anywhere"
_CELL = "text-align:left;padding:.15em .9em .15em 0;vertical-align:top"


def box(title: str, *parts: str) -> str:
    """Return a box with a title.

    Args:
        title: The title, as text.
        parts: What is in the box, as HTML.
    """
    return f"<div style='{_STYLE}'><strong>{html.escape(title)}</strong>{''.join(parts)}</div>"


def table(rows: Sequence[Sequence[object]], header: Sequence[object] = ()) -> str:
    """Return a table of text."""
    head = f"<tr>{''.join(_cell(cell, 'th') for cell in header)}</tr>" if header else ""
    body = "".join(f"<tr>{''.join(_cell(cell, 'td') for cell in row)}</tr>" for row in rows)
    return f"<table style='border-collapse:collapse;margin:.4em 0'>{head}{body}</table>"


def pictures(cards: Sequence[tuple[str, Sequence[object]]]) -> str:
    """Return a grid of pictures with lines of text below.

    Args:
        cards: The picture of each, as HTML of our own making, and its lines, as text.
    """
    figures = "".join(
        f"<figure style='margin:0;width:12em'>{picture or 'not drawn'}<figcaption style='font-size:.85em'>"
        f"{'<br>'.join(html.escape(str(line)) for line in lines)}</figcaption></figure>"
        for picture, lines in cards
    )
    return f"<div style='display:flex;flex-wrap:wrap;gap:1em;margin:.4em 0'>{figures}</div>"


def _cell(value: object, tag: str) -> str:
    text = f"{value:.4f}" if isinstance(value, float) else str(value)
    return f"<{tag} style='{_CELL}'>{html.escape(text)}</{tag}>"
