"""What the labels of a run are, and whether they can be learned."""
