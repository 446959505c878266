"""Graphs whose nodes have labels, and their splits."""
