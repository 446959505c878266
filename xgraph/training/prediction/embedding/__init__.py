"""Vectors of molecules, nodes and bags."""
