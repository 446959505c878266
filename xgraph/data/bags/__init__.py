"""Bags of instances: tables, images, conformers; their layout and splits."""
