"""Data sets of pairs: users and items that they interacted with, a bipartite graph."""
