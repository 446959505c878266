"""Metrics, and scoring many items with a model."""
