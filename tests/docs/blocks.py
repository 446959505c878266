"""Reads the code blocks of a Markdown page and runs them as a reader would, in the order of the page."""

import contextlib
import doctest
import io
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xgraph.cli import main

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TABLES = ("*.csv", "*.toml", "*.npz", "*.npy")  # of docs/examples: what the blocks of a page may read
FOLDERS = ("slides", "new-slides", "graph", "new-nodes")

_BLOCK = re.compile(
    r"(?P<mark><!-- realdata -->\n+)?^(?P<fence>`{3,})(?P<kind>[^\n]*)\n(?P<code>.*?)^(?P=fence)$", re.M | re.S
)
_CHECK = doctest.OutputChecker()
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass
class Block:
    """A block of code, and the output that the page shows for it."""

    kind: str
    code: str
    line: int
    realdata: bool
    output: str | None = None


def blocks(page: Path) -> list[Block]:
    """All ``python`` and ``bash`` blocks of a page; a ``text`` block right below one is its output."""
    text = page.read_text()
    result: list[Block] = []
    end = 0  # where the last block that runs ends
    for match in _BLOCK.finditer(text):
        kind, code = match["kind"].strip(), match["code"]
        if kind in ("python", "bash"):
            result.append(Block(kind, code, text.count("\n", 0, match.start("code")) + 1, bool(match["mark"])))
            end = match.end()
        elif kind == "text" and result and result[-1].output is None and not text[end : match.start()].strip():
            result[-1].output = code
    return result


def run(page: Path, folder: Path, realdata: bool = False) -> None:
    """Run the blocks of a page in ``folder``, the working directory: its plain ones, or those that read the mirror."""
    for pattern in TABLES:
        for table in (DOCS / "examples").glob(pattern):
            shutil.copy(table, folder)
    for name in FOLDERS:
        shutil.copytree(DOCS / "examples" / name, folder / name, dirs_exist_ok=True)
    run_blocks(page, [block for block in blocks(page) if block.realdata == realdata])


def run_blocks(page: Path, chosen: list[Block]) -> None:
    """Run these blocks of a page in the working directory, the Python ones in one namespace, and compare outputs."""
    namespace: dict[str, Any] = {"__name__": "__page__"}
    for block in chosen:
        where = f"{page.relative_to(ROOT)}, line {block.line}"
        stream = io.StringIO()
        with contextlib.redirect_stdout(stream):
            if block.kind == "python":
                # line numbers of a traceback are those of the page
                exec(compile("\n" * (block.line - 1) + block.code, str(page), "exec"), namespace)
            else:
                commands(block.code, where)
        if block.output is not None:
            output = stream.getvalue()
            assert _CHECK.check_output(block.output, output, _FLAGS), f"{where} printed\n{output}\nnot\n{block.output}"


def commands(code: str, where: str) -> None:
    """The command lines of a block, within this process; a comment is skipped, anything but `xgraph` is an error."""
    for line in code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        assert words[0] == "xgraph", (
            f"{where}: {line!r} does not start with xgraph; what cannot be run is a console block"
        )
        assert main(words[1:]) == 0, f"{where}: {line!r} failed"
