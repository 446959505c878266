"""Graph neural networks for molecules, and their convolutions."""
