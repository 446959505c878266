"""Reports: one HTML file that shows what a run was, what it reached and where it errs."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xgraph.reports.write import report

__all__ = ["report"]


def __getattr__(name: str) -> object:
    # The page needs Jinja2 and matplotlib, which are loaded on first use.
    if name == "report":
        from xgraph.reports.write import report

        return report
    raise AttributeError(f"module 'xgraph.reports' has no attribute {name!r}")
