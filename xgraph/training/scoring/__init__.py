"""Metrics, and scores of a model over many items."""
