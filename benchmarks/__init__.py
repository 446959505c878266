"""Measures speed and quality, compared with other libraries and published figures: ``python -m benchmarks.NAME``."""
