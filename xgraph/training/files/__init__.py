"""Run directories: checkpoints, metric histories, loading saved models, and locks."""
