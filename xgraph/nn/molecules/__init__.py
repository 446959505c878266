"""Graph networks for molecules, and the convolutions they are made of."""
