"""Readers of published files, and functions that derive our files from their sources."""
