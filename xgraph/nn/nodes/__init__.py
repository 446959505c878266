"""Models for the nodes of one large graph, with neighbour sampling or exact, with or without feature momentum."""
