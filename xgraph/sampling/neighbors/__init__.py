"""The neighbour loader, and the sampler for PyG's own loaders."""
