"""Bags of instances: tables, images and conformers, with their layout and splits."""
