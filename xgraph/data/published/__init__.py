"""Readers of published files, and the functions that derive our files from their originals."""
