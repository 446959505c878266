"""Numbers as the page shows them."""

import math
from typing import Any


def shown(value: Any) -> str:
    """Return a cell as text: floats with four decimals, whole numbers with separators, a dash for what is missing.

    Args:
        value: A number, text or None.

    Example:
        >>> shown(0.38756), shown(12345), shown(None), shown(float("nan")), shown("a")
        ('0.3876', '12,345', '–', '–', 'a')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return _float(value)
    return str(value)


def _float(value: float) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if size >= 2 and value.is_integer():
        return f"{int(value):,}".replace("-", "−", 1)
    text = f"{value:.2e}" if 0 < size < 1e-3 else f"{value:,.1f}" if size >= 1e4 else f"{value:.4f}"
    return text.replace("-", "−", 1) if value < 0 else text


def is_number(value: Any) -> bool:
    """Whether a cell is a number, which is set flush right."""
    return isinstance(value, int | float) and not isinstance(value, bool)
