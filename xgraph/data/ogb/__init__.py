"""Data sets of the Open Graph Benchmark, from OGB's own releases."""
