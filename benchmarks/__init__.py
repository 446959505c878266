"""Measures speed and quality beside other libraries and published figures: ``python -m benchmarks.NAME``."""
