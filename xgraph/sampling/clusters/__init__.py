"""Partitions of a graph, and batches of clusters."""
