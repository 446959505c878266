"""Splits of users' tables of molecules."""
