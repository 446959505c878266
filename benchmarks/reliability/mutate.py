"""Mutations of text, of bytes and of SMILES: what disks, editors and bad luck do to files, and some malice."""

from __future__ import annotations

import random
from collections.abc import Callable

ODD = [
    *("", " ", "nan", "NaN", "inf", "-inf", "1e999", "-1e-999", "0x10", "1_000", "9" * 5000, "1" * 400 + ".5"),
    *(
        "\x00",
        "\x1b[31m",
        "\x1b]0;title\x07",
        "\u202e",
        "\ufeff",
        "\U0001f9ea",
        "é",
        "\x85",
        "\u2028",
        "\r",
        "\r\n\r\n",
    ),
    *("=1+1", "../../outside", "/etc/passwd", "~", "'", '"', '"""', ",,,,", ";", "\t", "\\", "%s%n", "True", "None"),
    *("[", "]" * 50, "{" * 50, "C" * 10_000, "\ud800"),
]
"""Cells and words that readers meet sooner or later."""
ATOMS = [
    "C",
    "N",
    "O",
    "[NH4+]",
    "[13C@H]",
    "c",
    "n",
    "[nH]",
    "[U+6]",
    "[Xx]",
    "*",
    "[*:1]",
    "%10",
    "[C-]",
    "[Cl-].[Na+]",
    ">>",
    "$",
]
BONDS = "=#-+()[]123456789%@/\\.:~ \t"


def bytes_mutated(content: bytes, draw: random.Random) -> bytes:
    """Return bytes with one or a few mutations."""
    for _ in range(draw.choice((1, 1, 1, 2, 8))):
        content = draw.choice(_BYTES)(content, draw)
    return content


def text_mutated(text: str, draw: random.Random) -> bytes:
    """Return a text with one or a few mutations, as bytes, which need not be UTF-8."""
    for _ in range(draw.choice((1, 1, 1, 2, 8))):
        text = draw.choice(_TEXT)(text, draw)
    content = text.encode("utf-8", "surrogatepass")
    return bytes_mutated(content, draw) if draw.random() < 0.3 else content


def smiles_mutated(smiles: str, draw: random.Random) -> str:
    """Return a SMILES with one to eight mutations; line breaks are left out, so that it stays a cell."""
    for _ in range(draw.choice((1, 1, 2, 3, 8))):
        at, end = sorted((draw.randrange(len(smiles) + 1), draw.randrange(len(smiles) + 1)))
        before, middle, after = smiles[:at], smiles[at:end], smiles[end:]
        kinds = (
            before + draw.choice(ATOMS) + middle + after,
            before + draw.choice(BONDS) + middle + after,
            before + after,
            before + middle * draw.randint(2, 4) + after,
            before + middle[::-1] + after,
            before + (draw.choice(ODD[:-2]) if draw.random() < 0.1 else "") + middle + after,
            f"{smiles}.{middle}",
            smiles.swapcase(),
        )
        smiles = draw.choice(kinds)[:3000]
    return " ".join(smiles.splitlines()).replace("\0", "")


def flipped(content: bytes, draw: random.Random) -> bytes:
    """Return bytes with one bit flipped."""
    at, changed = draw.randrange(len(content)), bytearray(content)
    changed[at] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _cut(content: bytes, draw: random.Random) -> bytes:
    return content[: draw.randrange(len(content) + 1)]


def _without(content: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(content) + 1)
    return content[:at] + content[at + draw.choice((1, 4, 64, 4096)) :]


def _inserted(content: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(content) + 1)
    return (
        content[:at] + draw.choice((b"\0" * 64, draw.randbytes(16), b"\xff\xfe", b"\x80", content[:64])) + content[at:]
    )


def _overwritten(content: bytes, draw: random.Random) -> bytes:
    at, size = draw.randrange(len(content) + 1), draw.choice((1, 4, 8, 512))
    return content[:at] + draw.choice((b"\0", b"\xff", draw.randbytes(1))) * size + content[at + size :]


def _flip(content: bytes, draw: random.Random) -> bytes:
    return flipped(content, draw) if content else content


_BYTES: tuple[Callable[[bytes, random.Random], bytes], ...] = (_cut, _without, _inserted, _overwritten, _flip)


def _cell(text: str, draw: random.Random) -> str:
    """Replace a cell or a value."""
    lines = text.split("\n")
    at = draw.randrange(len(lines)) if draw.random() < 0.7 else 0
    separator = " = " if " = " in lines[at] else ","
    cells = lines[at].split(separator)
    cells[draw.randrange(len(cells))] = draw.choice(ODD)
    lines[at] = separator.join(cells)
    return "\n".join(lines)


def _column(text: str, draw: random.Random) -> str:
    """Give a column the same odd cell in every line."""
    lines, odd, where = text.split("\n"), draw.choice(ODD), draw.random()
    for number, line in enumerate(lines[1:], 1):
        cells = line.split(",")
        cells[int(where * len(cells))] = odd
        lines[number] = ",".join(cells)
    return "\n".join(lines)


def _lines(text: str, draw: random.Random) -> str:
    """Drop, repeat or swap lines."""
    lines = text.split("\n")
    at, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    kind = draw.randrange(4)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(other, lines[at])
    elif kind == 2:
        lines[at], lines[other] = lines[other], lines[at]
    else:
        lines = lines[: at + 1]
    return "\n".join(lines)


def _inserted_text(text: str, draw: random.Random) -> str:
    at = draw.randrange(len(text) + 1)
    return text[:at] + draw.choice(ODD) + text[at:]


def _replaced(text: str, draw: random.Random) -> str:
    if not text:
        return text
    old = text[draw.randrange(len(text))]
    return text.replace(old, draw.choice(ODD), draw.choice((-1, 1, 5)))


def _huge(text: str, draw: random.Random) -> str:
    return draw.choice(
        (
            lambda: "a = " + "[" * 100_000 + "]" * 100_000 + "\n" + text,
            lambda: text + "\n[" + ".".join("a" * 2000) + "]\n",
            lambda: "a," * 20_000 + text,
            lambda: text.replace("\n", "," + "x" * 200_000 + "\n", 1),
            lambda: text * 20,
        )
    )()


_TEXT: tuple[Callable[[str, random.Random], str], ...] = (
    _cell, _cell, _cell, _column, _lines, _inserted_text, _replaced, _huge,
)  # fmt: skip
