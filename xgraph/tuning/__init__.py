"""Hyper-parameter search: settings chosen by inner cross-validation, without a look at the test part."""

from xgraph.tuning.outcome import SearchResult
from xgraph.tuning.search import search

__all__ = ["SearchResult", "search"]
