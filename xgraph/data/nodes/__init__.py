"""Graphs with labelled nodes, and their splits."""
