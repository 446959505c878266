"""The neighbour loader, and a neighbour sampler for PyG's own loaders."""
