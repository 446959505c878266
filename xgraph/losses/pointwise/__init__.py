"""Losses of individual scores."""
