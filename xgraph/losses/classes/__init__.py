"""Losses of many classes that exclude each other."""
