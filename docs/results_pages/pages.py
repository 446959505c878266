"""Tables and numbers of the results pages, made from ``benchmarks/results/*.json``.

A page holds blocks that are filled in::

    <!-- block: losses_time() -->
    ...
    <!-- end -->

and sentences whose figures are checked, each followed by the expression that gives it::

    SOAP takes .68<!-- = loss_ms("soap", 512) --> ms.

A figure that no results file holds, such as a published one, is followed by itself: ``.516<!-- = ".516" -->``.
``python docs/result_tables.py`` rewrites the blocks and reports figures that differ; ``--check`` changes nothing and
fails if anything differs. The expressions are the functions of the modules of this package.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from results_pages import (
    bag_defaults,
    bag_trees,
    bags,
    claims,
    comparisons,
    conformal,
    constraints,
    contrastive,
    environment,
    feature_momentum,
    formats,
    gains,
    losses,
    many_classes,
    molecules,
    objectives,
    objectives_study,
    regression,
    reliability,
    robustness,
    sampling,
    speed,
    startup,
    ties,
    wide,
    x_risks,
)
from results_pages.data import ROOT

BLOCK = re.compile(r"(<!-- block: (?P<code>.+?) -->\n)(?P<body>.*?)(<!-- end -->)", re.DOTALL)
FIGURE = re.compile(r"<!-- = (.+?) -->")
MODULES = (
    formats,
    gains,
    comparisons,
    conformal,
    environment,
    losses,
    wide,
    robustness,
    reliability,
    sampling,
    feature_momentum,
    bags,
    bag_defaults,
    bag_trees,
    objectives,
    objectives_study,
    x_risks,
    ties,
    molecules,
    regression,
    speed,
    startup,
    contrastive,
    constraints,
    many_classes,
    claims,
)
NAMES = {name: thing for module in MODULES for name, thing in vars(module).items() if not name.startswith("_")}
"""What the expressions may use."""


def pages() -> list[Path]:
    """Every page that may hold blocks or figures."""
    return [ROOT / "README.md", ROOT / "benchmarks" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def filled(text: str) -> str:
    """The text with its blocks made anew."""

    def replace(match: re.Match[str]) -> str:
        return f"{match[1]}{value(match['code'])}\n{match[4]}"

    return BLOCK.sub(replace, text)


def differences(text: str) -> Iterator[str]:
    """Sentences whose figures are not what the results say."""
    for match in FIGURE.finditer(text):
        expected = value(match[1])
        before = text[: match.start()]
        if not before.endswith(expected):
            line = before.count("\n") + 1
            yield f"line {line}: {before[-30:]!r} should end with {expected!r}, the value of {match[1]}"


def value(code: str) -> str:
    """What an expression gives."""
    return str(eval(code, {**NAMES}))  # the pages are our own


def main() -> int:
    """Rewrite the pages, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if anything differs")
    check = parser.parse_args().check
    wrong = 0
    for page in pages():
        if not page.exists():
            continue
        text = page.read_text(encoding="utf-8")
        new = filled(text)
        messages = list(differences(new))
        if new != text:
            if check:
                messages.append("a table differs; run python docs/result_tables.py")
            else:
                page.write_text(new, encoding="utf-8")
        for message in messages:
            print(f"{page.relative_to(ROOT)}: {message}", file=sys.stderr)
        wrong += len(messages)
    return int(wrong > 0)
