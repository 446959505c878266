"""Losses that look at each score by itself."""
