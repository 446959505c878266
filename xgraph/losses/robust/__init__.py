"""Losses of the hardest items or groups."""
