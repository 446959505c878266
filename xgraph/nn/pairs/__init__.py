"""Models of pairs: they score the items of a bipartite graph for its users."""
