"""Bags in a folder with one file per bag and a table of labels; features stay on disk."""
