"""Speed and quality, measured against peers and published figures: ``python -m benchmarks.<name>``."""
