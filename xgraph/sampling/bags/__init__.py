"""Batches of bags with some or all of their instances."""
