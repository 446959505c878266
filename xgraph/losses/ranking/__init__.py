"""Losses of ranked lists: items are ranked for each of several queries, the relevant ones first."""
