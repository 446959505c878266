"""Models for the nodes of a graph, sampled or exact, with and without feature momentum."""
