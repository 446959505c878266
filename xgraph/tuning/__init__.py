"""Hyper-parameter search by inner cross-validation, without using the test part."""

from xgraph.tuning.outcome import SearchResult
from xgraph.tuning.search import search

__all__ = ["SearchResult", "search"]
