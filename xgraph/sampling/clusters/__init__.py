"""Batches of whole parts of a graph."""
